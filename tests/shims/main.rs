//! A faulty engine, simulated in Node: globals are replaced by values that throw, return wrong results or are missing.
//! In each case the client returns a response or a typed error.
//!
//! The tests also show that nothing panics: a panic is a trap, and an uncaught exception or an unhandled rejection ends
//! the process.
#![allow(missing_docs, clippy::unwrap_used, unreachable_pub)]
#![cfg(target_family = "wasm")]

mod answers;
mod blobs;
mod init;
mod relative;
mod shim;
mod streams;
mod uploads;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use wasm_bindgen_test::wasm_bindgen_test;
use waterspout::{Client, ErrorKind, Request, SendResponse, Spawned};

use self::shim::{Shim, number};

const URL: &str = "http://example.test/";

/// Checks at compile time which types are `Send` and `Sync` on every platform.
const _: () = {
    const fn send_and_sync<T: Send + Sync>() {}
    const fn send<T: Send>() {}
    send_and_sync::<Client>();
    send_and_sync::<SendResponse>();
    send_and_sync::<waterspout::Error>();
    send_and_sync::<waterspout::platform::browser::FetchInit>();
    send::<Spawned>();
};

/// Polls a future once, with a waker that does nothing, and returns whether it is pending.
fn is_pending<F: Future>(future: &mut Pin<Box<F>>) -> bool {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending()
}

#[wasm_bindgen_test]
async fn a_dropped_request_is_aborted_and_a_completed_request_is_not() {
    let _shim = Shim::fetch("(request) => { watch(request); return new Promise(() => {}); }");
    let mut waiting = Box::pin(Client::new().get(URL).send());
    assert!(is_pending(&mut waiting));
    assert_eq!(number("seen.aborts"), 0.0);
    drop(waiting);
    assert_eq!(number("seen.aborts"), 1.0);
    let _shim = Shim::fetch("async (request) => { watch(request); return new Response(null, { status: 204 }); }");
    let response = Client::new().get(URL).await.unwrap();
    assert_eq!(response.bytes().await.unwrap().len(), 0);
    assert_eq!(number("seen.aborts"), 0.0);
}

#[wasm_bindgen_test]
async fn a_limit_beyond_what_a_timer_can_wait_does_not_pass_at_once() {
    let month = Duration::from_secs(40 * 24 * 3600);
    let _fetch = Shim::fetch("async () => { await new Promise((go) => later(go, 30)); return new Response('late'); }");
    // Node replaces a delay that is too long by 1 ms.
    let _timer = Shim::of(
        "setTimeout",
        "Object.assign((run, delay) => { seen.delays.push(delay); return later(run, delay); }, {})",
    );
    let client = Client::builder().timeout(month).head_timeout(Duration::MAX).build().unwrap();
    assert_eq!(client.get(URL).await.unwrap().text().await.unwrap(), "late");
    assert!(number("seen.delays.length") >= 1.0);
    assert_eq!(number("seen.delays.filter((delay) => !(delay >= 0 && delay < 2 ** 31)).length"), 0.0);
}

#[wasm_bindgen_test]
async fn a_timer_that_fires_at_once_does_not_break_a_timeout() {
    let _fetch = Shim::fetch("() => new Promise(() => {})");
    let _timer = Shim::of("setTimeout", "(run) => { seen.pulls += 1; run(); return 1; }");
    // The request runs on a separate task, because the task of the test is polled for other reasons too. The limit
    // leaves time to load what a first request needs.
    let error = Client::new().get(URL).timeout(Duration::from_millis(300)).send_spawned().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(number("seen.pulls") >= 1.0);
}

#[wasm_bindgen_test]
async fn a_broken_clock_harms_no_request() {
    let _fetch = Shim::fetch("async () => answer({ status: 201 })");
    for now in ["() => { throw 1; }", "() => 10n", "() => Symbol()", "() => NaN", "() => -1", "7", "undefined"] {
        let _clock = Shim::of("performance.now", now);
        assert_eq!(Client::new().get(URL).await.unwrap().status(), 201, "{now}");
    }
    let _clock = Shim::of("performance", "undefined");
    assert_eq!(Client::new().get(URL).await.unwrap().status(), 201);
}

#[wasm_bindgen_test]
async fn a_missing_fetch_is_an_error() {
    let _shim = Shim::of("fetch", "undefined");
    let error = Client::new().get(URL).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[wasm_bindgen_test]
async fn neither_abort_signal_any_nor_streams_are_needed() {
    let _any = Shim::of("AbortSignal", "class { static timeout = undefined }");
    let _streams = Shim::of("ReadableStream", "undefined");
    let _shim = Shim::fetch(
        "async () => ({ status: 200, url: '', headers: [], body: undefined, statusText: 'Fine',
            arrayBuffer: async () => new Uint8Array([104, 105]).buffer })",
    );
    let response = Client::new().fetch(Request::get(URL)).await.unwrap();
    assert_eq!((response.url().as_str(), response.reason()), (URL, Some("Fine")));
    assert_eq!(response.text().await.unwrap(), "hi");
}
