//! The limits of a spawned request while the background thread is blocked. A file of its own, because the thread
//! belongs to the whole process.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::sync::mpsc;
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::platform::native::BackgroundThread;
use waterspout::testing::MockBackend;
use waterspout::{Client, Executor, Request, Timeout};

/// Another thread runs a task that has waited for as long.
const PATIENCE: Duration = Duration::from_millis(50);

#[test]
fn limits_of_a_spawned_request_count_from_the_call() {
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = mpsc::channel();
    BackgroundThread.spawn(Box::pin(async move {
        begin.send(()).unwrap();
        let _ = released.recv_timeout(Duration::from_secs(20));
    }));
    begun.recv_timeout(Duration::from_secs(10)).unwrap();

    let limit = PATIENCE / 5;
    let answers = Client::builder().backend(MockBackend::text("hello")).build().unwrap();
    let full = Client::builder().backend(MockBackend::pending()).max_active(1).build().unwrap();
    let mut first = full.get("http://a.example/").send().boxed();
    assert!((&mut first).now_or_never().is_none());
    let request = || Request::get("http://a.example/");
    // The limit `request` begins at the first slot, which the request gets after the block.
    let unaffected = answers.fetch_spawned(request().timeout(PATIENCE));
    let spawned = [
        (Timeout::Total, answers.fetch_spawned(request().total_timeout(limit))),
        (Timeout::Queue, full.fetch_spawned(request().queue_timeout(limit))),
    ];
    for (timeout, request) in spawned {
        let error = block_on(request).unwrap_err();
        assert_eq!((error.timeout(), error.limit()), (Some(timeout), Some(limit)));
        assert!(error.elapsed().unwrap() > limit, "{timeout:?}: {:?}", error.elapsed());
    }
    assert_eq!(block_on(unaffected).unwrap().status(), 200);
    drop(release);
}
