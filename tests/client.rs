//! The client over mock backends, on a clock moved by hand.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Phase, Progress, Redirect, Request, Response, Result};

const URL: &str = "http://example.com/";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Polls a request once.
fn poll(request: &mut BoxFuture<'_, Result<Response>>) -> Option<Result<Response>> {
    request.now_or_never()
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let seen = Arc::new(Mutex::new(None));
    let backend = {
        let seen = seen.clone();
        MockBackend::new(move |request| {
            *seen.lock().unwrap() = Some(request.options().clone());
            async move { Ok(Response::new(StatusCode::OK, request.url().clone(), "")) }.boxed()
        })
    };
    let client = Client::builder().backend(backend).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    let options = seen.lock().unwrap().take().unwrap();
    assert_eq!(
        (options.connect_timeout, options.head_timeout, options.idle_timeout),
        (Some(seconds(20)), Some(seconds(20)), Some(seconds(20)))
    );
    assert_eq!((options.queue_timeout, options.timeout), (None, None));
    assert_eq!((options.body_limit, options.redirect.unwrap_or_default()), (Some(100 << 20), Redirect::Follow));
    assert!(format!("{client:?}").contains("head_timeout: Some(20s)"));
}

#[test]
fn a_client_without_slots_is_refused() {
    let error = Client::builder().max_active(0).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("max_active"), "{error}");
}

#[test]
fn ten_requests_run_at_once_by_default() {
    let client = Client::builder().backend(MockBackend::pending()).build().unwrap();
    let mut requests: Vec<_> = (0..12).map(|_| client.get(URL).send().boxed()).collect();
    assert!(requests.iter_mut().all(|request| poll(request).is_none()));
    assert_eq!((client.stats().active, client.stats().queued), (10, 2));
    requests.clear();
    assert_eq!((client.stats().active, client.stats().queued), (0, 0));
}

#[test]
fn the_queue_time_does_not_count_against_the_head_limit() {
    let timer = ManualTimer::new();
    let client = Client::builder().timer(timer.clone()).backend(MockBackend::pending()).max_active(1).build().unwrap();
    let mut first = client.get(URL).head_timeout(Duration::ZERO).send().boxed();
    let mut second = client.get(URL).head_timeout(seconds(5)).send().boxed();
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    timer.advance(seconds(100));
    assert!(poll(&mut second).is_none());
    drop(first);
    assert!(poll(&mut second).is_none());
    timer.advance(seconds(4));
    assert!(poll(&mut second).is_none());
    timer.advance(seconds(1));
    let error = poll(&mut second).unwrap().unwrap_err();
    assert_eq!((error.phase(), error.limit().unwrap().name, error.elapsed()), (Phase::Head, "head", Some(seconds(5))));
}

#[test]
fn a_request_sets_one_timer_and_leaves_none() {
    let timer = ManualTimer::new();
    let client =
        Client::builder().timer(timer.clone()).backend(MockBackend::pending()).timeout(seconds(60)).build().unwrap();
    let mut request = client.get(URL).send().boxed();
    assert!(poll(&mut request).is_none());
    assert_eq!(timer.pending(), 1);
    drop(request);
    assert_eq!(timer.pending(), 0);
    let quick = Client::builder().timer(timer.clone()).backend(MockBackend::text("quick")).build().unwrap();
    block_on(quick.get(URL).send()).unwrap();
    assert_eq!(timer.pending(), 0);
}

#[test]
fn an_upload_that_makes_progress_is_no_silence() {
    let timer = ManualTimer::new();
    let (progress, backend) = {
        let slot: Arc<Mutex<Option<Progress>>> = Arc::default();
        let shared = slot.clone();
        let backend = MockBackend::new(move |request| {
            *shared.lock().unwrap() = Some(request.progress().clone());
            std::future::pending().boxed()
        });
        (slot, backend)
    };
    let client = Client::builder().timer(timer.clone()).backend(backend).head_timeout(seconds(10)).build().unwrap();
    let mut request = client.post(URL).body("upload").send().boxed();
    assert!(poll(&mut request).is_none());
    for _ in 0..5 {
        timer.advance(seconds(9));
        progress.lock().unwrap().as_ref().unwrap().add(1);
        assert!(poll(&mut request).is_none());
    }
    timer.advance(seconds(10));
    assert_eq!(poll(&mut request).unwrap().unwrap_err().limit().unwrap().name, "head");
}

#[test]
fn the_total_limit_reaches_into_the_body() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        let body = Body::stream(stream::pending::<Result<Bytes>>());
        async move { Ok(Response::new(StatusCode::OK, request.url().clone(), body)) }.boxed()
    });
    let client = Client::builder().timer(timer.clone()).backend(backend).timeout(seconds(15)).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    {
        let mut chunk = Box::pin(response.chunk());
        assert!((&mut chunk).now_or_never().is_none());
        timer.advance(seconds(15));
        let error = chunk.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.phase(), error.limit().unwrap().name), (Phase::Body, "total"));
    }
    assert_eq!((client.stats().active, timer.pending()), (0, 0));
}

#[test]
fn an_error_keeps_its_source_and_hides_credentials() {
    let backend = MockBackend::new(|_| {
        let error = Error::new(ErrorKind::Io, Phase::Head, "the connection failed");
        async { Err(error.with_source(std::io::Error::other("cable cut"))) }.boxed()
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let error = block_on(client.get("http://example.com/a?b").send()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the connection failed while waiting for the response's head, for http://example.com/a?b: cable cut"
    );
    assert!(std::error::Error::source(&error).unwrap().is::<std::io::Error>());
}

#[test]
fn a_clone_of_a_client_is_the_same_client() {
    let client = Client::builder().max_active(1).backend(MockBackend::pending()).build().unwrap();
    let clone = client.clone();
    let mut first = client.get(URL).send().boxed();
    let mut second = clone.get(URL).send().boxed();
    assert!(poll(&mut first).is_none() && poll(&mut second).is_none());
    assert_eq!((clone.stats().active, client.stats().queued), (1, 1));
}

#[test]
fn a_request_can_be_built_once_and_sent_twice() {
    let backend = MockBackend::text("answer");
    let client = Client::builder().backend(backend.clone()).build().unwrap();
    let request = Request::post(URL).header("x-a", "1").body("body").build().unwrap();
    block_on(client.fetch(request.try_clone().unwrap())).unwrap();
    block_on(client.fetch(request)).unwrap();
    assert_eq!(backend.seen(), ["POST http://example.com/", "POST http://example.com/"]);
    assert!(
        Request::post(URL).body(Body::stream(stream::empty::<Result<Bytes>>())).build().unwrap().try_clone().is_none()
    );
}

#[test]
fn a_slot_freed_by_another_thread_wakes_the_waiting() {
    let (release, released) = oneshot::channel::<()>();
    let released = Arc::new(Mutex::new(Some(released)));
    let backend = MockBackend::new(move |request| {
        let released = released.lock().unwrap().take();
        async move {
            if let Some(released) = released {
                released.await.unwrap();
            }
            Ok(Response::new(StatusCode::OK, request.url().clone(), ""))
        }
        .boxed()
    });
    let client = Client::builder().max_active(1).backend(backend).build().unwrap();
    let threads = [client.clone(), client.clone()]
        .map(|client| std::thread::spawn(move || block_on(client.get(URL).send()).unwrap().status()));
    while client.stats().queued == 0 {
        std::thread::yield_now();
    }
    release.send(()).unwrap();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == 200));
}

/// These compile, or a promise is broken.
#[test]
fn handles_and_futures_may_move_between_threads() {
    fn shareable<T: Send + Sync>(_: &T) {}
    fn movable<T: Send>(_: &T) {}
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    shareable(&client);
    movable(&client.get(URL).send());
    movable(&client.fetch(Request::get(URL)));
    let response = block_on(client.get(URL).send()).unwrap();
    shareable(&response);
    movable(&response.text());
    shareable(&Request::get(URL).build().unwrap());
}
