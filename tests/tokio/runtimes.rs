//! A client that outlives a runtime, or that is used by several: idle connections move, and nothing hangs.

use std::pin::pin;
use std::time::Duration;

use futures::FutureExt;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Body, Client, ErrorKind};

use super::{client, current_thread, multi_thread, numbering, silent, text, within_limit};

#[test]
fn idle_connection_of_a_runtime_that_ended_moves_to_the_next() {
    let server = numbering();
    let client = client();
    for runtime in [current_thread(), multi_thread(), current_thread(), multi_thread()] {
        let (first, second) = within_limit(&runtime, async {
            (text(&client, server.url("/")).await.unwrap(), text(&client, server.url("/")).await.unwrap())
        });
        assert_eq!((first.as_str(), second.as_str()), ("0", "0"));
    }
}

#[test]
fn idle_connection_of_a_runtime_that_does_not_run_moves_to_the_present() {
    let server = numbering();
    let client = client();
    let (first, second) = (current_thread(), current_thread());
    for runtime in [&first, &second, &first, &second] {
        assert_eq!(within_limit(runtime, text(&client, server.url("/"))).unwrap(), "0");
    }
}

#[test]
fn request_that_was_begun_in_a_runtime_that_ended_does_not_hang() {
    let listener = silent();
    let silent = listener.local_addr().unwrap();
    for ended in [current_thread(), multi_thread()] {
        let client = client();
        let mut request = pin!(client.get(format!("http://{silent}/")).timeout(Duration::from_secs(5)).send());
        // It connects, and its time limit is set on the runtime.
        ended.block_on(async {
            for _ in 0..20 {
                assert!((&mut request).now_or_never().is_none());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        drop(ended);
        // The socket's reactor is gone, so the attempt fails before the limit.
        let error = within_limit(&current_thread(), request).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Connect | ErrorKind::Timeout), "{error:?}");
    }
}

#[test]
fn body_of_a_runtime_that_ended_is_an_error() {
    let server = Server::start(handler(|_| {
        let first = futures::stream::once(async { Ok::<_, std::io::Error>("first") });
        Box::pin(async { Reply::new(200, Body::stream(futures::StreamExt::chain(first, futures::stream::pending()))) })
    }))
    .unwrap();
    let client = client();
    for ended in [current_thread(), multi_thread()] {
        let mut response = within_limit(&ended, async { client.get(server.url("/")).await.unwrap() });
        assert_eq!(within_limit(&ended, response.chunk()).unwrap().unwrap(), "first");
        drop(ended);
        let error = within_limit(&current_thread(), response.chunk()).unwrap_err();
        assert!(!error.is_timeout(), "{error}");
    }
}

#[test]
fn client_is_used_by_tasks_of_two_runtimes_at_once() {
    let server = numbering();
    let client = Client::builder().tokio().max_active(8).build().unwrap();
    std::thread::scope(|scope| {
        for runtime in [current_thread(), multi_thread()] {
            let (client, server) = (&client, &server);
            scope.spawn(move || {
                let all = futures::future::join_all((0..200).map(|_| text(client, server.url("/"))));
                within_limit(&runtime, all).into_iter().for_each(|text| assert!(text.is_ok(), "{text:?}"));
            });
        }
    });
}

#[test]
#[allow(clippy::async_yields_async, reason = "the task outlives the runtime that started it")]
fn client_is_dropped_after_its_runtime() {
    let server = numbering();
    for runtime in [current_thread(), multi_thread()] {
        let client = client();
        within_limit(&runtime, text(&client, server.url("/"))).unwrap();
        let entered = runtime.enter();
        let spawned = client.fetch_spawned(waterspout::Request::get(server.url("/")));
        drop(entered);
        drop(runtime);
        drop(client);
        // The runtime may have dropped the task before its end.
        let _ = futures::executor::block_on(spawned);
    }
}
