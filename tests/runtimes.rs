//! The same code on every executor, without any setup.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use waterspout::testing::{Reply, Server, handler};
use waterspout::tornado::EventLoop;
use waterspout::{Client, Request, Result};

fn server() -> Server {
    Server::start(handler(|request| async { Reply::new(200, vec![b'x'; request.path().len() * 10_000]) }.boxed()))
        .unwrap()
}

/// A program that names no platform and no runtime.
async fn program(base: String) -> Result<usize> {
    let client = Client::builder().max_active(10).timeout(Duration::from_secs(20)).build()?;
    let page = client.get(format!("{base}/page")).header("accept", "text/html").await?;
    assert_eq!(page.status(), 200);
    let mut bytes = page.text().await?.len();

    let mut download = client.fetch(Request::get(format!("{base}/download"))).await?;
    while let Some(chunk) = download.chunk().await? {
        bytes += chunk.len();
    }
    let more = join_all((0..20).map(|_| async { client.get(format!("{base}/")).await?.bytes().await })).await;
    let more: Result<Vec<_>> = more.into_iter().collect();
    Ok(bytes + more?.iter().map(|body| body.len()).sum::<usize>())
}

const BYTES: usize = 50_000 + 90_000 + 20 * 10_000;

#[test]
fn client_runs_on_futures_block_on() {
    let server = server();
    assert_eq!(futures::executor::block_on(program(server.url(""))).unwrap(), BYTES);
}

#[test]
fn client_runs_on_event_loop_run_sync() {
    let server = server();
    assert_eq!(EventLoop::new().run_sync(program(server.url(""))).unwrap(), BYTES);
}

#[test]
fn client_runs_on_smol() {
    let server = server();
    assert_eq!(smol::block_on(smol::spawn(program(server.url("")))).unwrap(), BYTES);
}

#[test]
fn client_runs_on_tokio_with_a_single_thread_and_with_many() {
    let server = server();
    let one = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(one.block_on(program(server.url(""))).unwrap(), BYTES);
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    assert_eq!(many.block_on(async { tokio::spawn(program(server.url(""))).await.unwrap() }).unwrap(), BYTES);
}

#[test]
fn client_runs_on_a_thread_pool() {
    let server = server();
    let (done, outcome) = futures::channel::oneshot::channel();
    let program = program(server.url(""));
    futures::executor::ThreadPool::new().unwrap().spawn_ok(async { done.send(program.await).unwrap() });
    assert_eq!(futures::executor::block_on(outcome).unwrap().unwrap(), BYTES);
}

#[test]
fn client_runs_as_a_task_of_the_event_loop() {
    let server = server();
    let (done, outcome) = futures::channel::oneshot::channel();
    let program = program(server.url(""));
    EventLoop::new().spawn(async { done.send(program.await).unwrap() });
    assert_eq!(futures::executor::block_on(outcome).unwrap().unwrap(), BYTES);
}
