//! What each time limit covers, and what counts as progress.

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend, Script};
use waterspout::{Body, Bytes, Client, Phase, Progress, RequestOptions, Response, Result};

use crate::support::client::{HELLO, URL, answers, redirect, scripted, scripted_client, seconds};

#[test]
fn the_queue_time_does_not_count_against_the_head_limit() {
    let timer = ManualTimer::new();
    let client = Client::builder().timer(timer.clone()).backend(MockBackend::pending()).max_active(1).build().unwrap();
    let mut first = client.get(URL).head_timeout(Duration::ZERO).send().boxed();
    let mut second = client.get(URL).head_timeout(seconds(5)).send().boxed();
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    timer.advance(seconds(100));
    assert!((&mut second).now_or_never().is_none());
    drop(first);
    assert!((&mut second).now_or_never().is_none());
    timer.advance(seconds(4));
    assert!((&mut second).now_or_never().is_none());
    timer.advance(seconds(1));
    let error = (&mut second).now_or_never().unwrap().unwrap_err();
    assert_eq!(
        (error.phase(), error.timeout().unwrap().name(), error.elapsed()),
        (Phase::Head, "head", Some(seconds(5)))
    );
}

#[test]
fn request_sets_a_single_timer_and_removes_it() {
    let timer = ManualTimer::new();
    let client =
        Client::builder().timer(timer.clone()).backend(MockBackend::pending()).timeout(seconds(60)).build().unwrap();
    let mut request = client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert_eq!(timer.pending(), 1);
    drop(request);
    assert_eq!(timer.pending(), 0);
    let quick = Client::builder().timer(timer.clone()).backend(MockBackend::text("quick")).build().unwrap();
    block_on(quick.get(URL).send()).unwrap();
    assert_eq!(timer.pending(), 0);
}

#[test]
fn upload_progress_postpones_the_head_limit() {
    let timer = ManualTimer::new();
    let (progress, backend) = {
        let slot: Arc<Mutex<Option<Progress>>> = Arc::default();
        let shared = slot.clone();
        let backend = MockBackend::with_context(move |_, context| {
            *shared.lock().unwrap() = Some(context.progress().clone());
            std::future::pending().boxed()
        });
        (slot, backend)
    };
    let client = Client::builder().timer(timer.clone()).backend(backend).head_timeout(seconds(10)).build().unwrap();
    let mut request = client.post(URL).body("upload").send().boxed();
    assert!((&mut request).now_or_never().is_none());
    for _ in 0..5 {
        timer.advance(seconds(9));
        progress.lock().unwrap().as_ref().unwrap().add(1);
        assert!((&mut request).now_or_never().is_none());
    }
    timer.advance(seconds(10));
    assert_eq!((&mut request).now_or_never().unwrap().unwrap_err().timeout().unwrap().name(), "head");
}

#[test]
fn total_limit_covers_the_body() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        let body = Body::stream(stream::pending::<Result<Bytes>>());
        async move { Ok(Response::new(StatusCode::OK, request.url().clone(), body)) }.boxed()
    });
    let client = Client::builder().timer(timer.clone()).backend(backend).total_timeout(seconds(15)).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    {
        let mut chunk = Box::pin(response.chunk());
        assert!((&mut chunk).now_or_never().is_none());
        timer.advance(seconds(15));
        let error = chunk.now_or_never().unwrap().unwrap_err();
        assert_eq!((error.phase(), error.timeout().unwrap().name()), (Phase::Body, "total"));
    }
    assert_eq!((client.stats().active, timer.pending()), (0, 0));
}

fn all(limit: Duration) -> RequestOptions {
    let mut options = RequestOptions::default();
    for slot in [
        &mut options.queue_timeout,
        &mut options.connect_timeout,
        &mut options.head_timeout,
        &mut options.idle_timeout,
        &mut options.timeout,
        &mut options.total_timeout,
    ] {
        *slot = Some(limit);
    }
    options
}

#[test]
fn limits_of_zero_and_of_duration_max_never_expire() {
    for limit in [Duration::ZERO, Duration::MAX] {
        let held = Script::new().expect_head().hold().send(&HELLO[..HELLO.len() - 2]).hold().send("lo");
        let wire = scripted_client(Client::builder().max_active(1), [held, answers([HELLO])]);
        let century = || wire.timer.advance(seconds(100 * 365 * 86_400));
        let first = async { wire.client.get(URL).options(all(limit)).await?.text().await };
        let second = wire.client.get(URL).options(all(limit)).send();
        let (mut first, mut second) = (first.boxed(), second.boxed());
        for _ in 0..2 {
            assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
            century();
            assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
            wire.connector.release();
        }
        assert_eq!(block_on(first).unwrap(), "hello", "{limit:?}");
        assert!(block_on(second).is_ok(), "{limit:?}");
    }
}

#[test]
fn system_clock_accepts_a_limit_of_duration_max() {
    let server = waterspout::testing::handler(|_| async { waterspout::testing::Reply::text("hello") }.boxed());
    let server = waterspout::testing::Server::start(server).unwrap();
    let get = Client::new().get(server.url("/")).options(all(Duration::MAX));
    assert_eq!(block_on(async { get.await?.text().await }).unwrap(), "hello");
}

#[test]
fn total_limit_covers_all_redirects() {
    // A release before the connection exists counts too, so each later hop holds once more.
    let hop = |number: usize| {
        let held = (0..=number).fold(Script::new().expect_head(), |script, _| script.hold());
        held.send(redirect(302, &format!("http://{number}.example/")))
    };
    let wire = scripted((0..4).map(hop));
    let mut request = wire.client.get(URL).total_timeout(seconds(12)).send().boxed();
    for _ in 0..2 {
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(seconds(5));
        wire.connector.release();
    }
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(seconds(2));
    let error = request.now_or_never().unwrap().unwrap_err();
    assert_eq!((error.timeout().unwrap().name(), error.elapsed()), ("total", Some(seconds(12))));
    assert_eq!((wire.connector.connections(), wire.client.stats().active), (3, 0));
    // The connections of the earlier redirects are kept.
    assert_eq!(wire.connector.open(), 2);
}

#[test]
fn queued_request_times_out_with_the_queue_limit() {
    let timer = ManualTimer::new();
    let client = Client::builder().max_active(1).timer(timer.clone()).backend(MockBackend::pending());
    let client = client.queue_timeout(Duration::from_millis(100)).build().unwrap();
    let mut first = client.get(URL).send().boxed();
    let mut second = client.get(URL).send().boxed();
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    timer.advance(Duration::from_millis(100));
    let error = second.now_or_never().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "timed out while waiting for a free slot (limit `queue`: 100ms), for http://example.com/"
    );
    assert_eq!(client.stats().queued, 0);
}

#[test]
fn the_total_limit_ends_a_body_that_is_always_ready() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        async move {
            let s = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"x")));
            Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(s)))
        }
        .boxed()
    });
    let client =
        Client::builder().backend(backend).timer(timer.clone()).total_timeout(Duration::from_secs(1)).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    let mut late = 0;
    for _ in 0..100 {
        timer.advance(Duration::from_secs(60));
        if block_on(response.chunk()).is_err() {
            break;
        }
        late += 1;
    }
    assert_eq!(late, 0, "chunks after the total limit of 1 s");
}

#[test]
fn slow_reader_does_not_expire_the_idle_limit() {
    // Like `reader.read()` in a browser: pending in the first poll, ready at once afterwards.
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        async move {
            let s = stream::unfold((), |()| async {
                let mut first = true;
                futures::future::poll_fn(|cx| {
                    if first {
                        first = false;
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    } else {
                        Poll::Ready(())
                    }
                })
                .await;
                Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), ()))
            });
            Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(s)))
        }
        .boxed()
    });
    let client = Client::builder().backend(backend).timer(timer.clone()).build().unwrap();
    let mut response = block_on(client.get(URL).send()).unwrap();
    assert!(block_on(response.chunk()).is_ok());
    // The caller pauses. The next chunk of the server is ready.
    timer.advance(Duration::from_secs(21));
    let next = block_on(response.chunk());
    assert!(next.is_ok(), "{next:?}");
}
