//! The threads of a tokio program: a client on tokio starts no second reactor. In a process of its own, because the
//! servers of other tests use the other reactor.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use waterspout::platform::native::{Network, TokioTimer};
use waterspout::{Client, Request};

/// Answers two requests on each connection, the second after a pause, and returns the URL.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut received = Vec::new();
                let mut buffer = [0; 1024];
                while let Ok(count @ 1..) = stream.read(&mut buffer) {
                    received.extend_from_slice(&buffer[..count]);
                    if received.ends_with(b"\r\n\r\n") {
                        received.clear();
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
                    }
                }
            });
        }
    });
    url
}

/// Returns the names of the threads of this process.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let name = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(|task| name(task.unwrap()).trim().to_owned()).collect()
}

/// Makes requests with limits, side by side and spawned, and leaves connections idle until the idle reaper watches them.
async fn program(client: &Client, url: &str) {
    for _ in 0..3 {
        let request = || async { client.get(url).timeout(Duration::from_secs(5)).await?.text().await };
        for text in futures::future::join_all((0..4).map(|_| request())).await {
            assert_eq!(text.unwrap(), "hello");
        }
        let spawned = client.fetch_spawned(Request::get(url)).await.unwrap();
        assert_eq!(spawned.text().await.unwrap(), "hello");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    // Connections are accepted by the system, and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_url = format!("http://{}/", silent.local_addr().unwrap());
    let limited = client.get(&silent_url).timeout(Duration::from_millis(20)).send().await;
    assert!(limited.unwrap_err().is_timeout());
}

fn check(runtime: &Runtime, url: &str) {
    runtime.block_on(async {
        program(&Client::builder().tokio().build().unwrap(), url).await;
        program(&Client::builder().network(Network::new().tokio()).build().unwrap(), url).await;
        let agent = Network::new().tokio().agent();
        program(&Client::builder().tokio().backend(agent).timer(TokioTimer::new()).build().unwrap(), url).await;
    });
}

#[test]
fn client_on_tokio_starts_no_other_reactor_and_no_background_thread() {
    let url = server();
    check(&Builder::new_current_thread().enable_all().build().unwrap(), &url);
    let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("worker").enable_all().build().unwrap();
    check(&runtime, &url);
    let threads = threads();
    assert!(threads.iter().any(|name| name == "worker"), "{threads:?}");
    let of_library = |name: &&String| name.starts_with("async-io") || name.starts_with("waterspout");
    assert_eq!(threads.iter().find(of_library), None, "{threads:?}");

    // Without the setting, the names of the threads are what this test looks for.
    assert_eq!(runtime.block_on(async { Client::new().get(&url).await?.text().await }).unwrap(), "hello");
    // A new thread has the name of its parent until it first runs, which may be after the answer.
    let started = Instant::now();
    while !self::threads().iter().any(|name| name.starts_with("async-io")) {
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", self::threads());
        std::thread::yield_now();
    }
}
