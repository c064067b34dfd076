//! Many time limits on a single timer, and the facts that a timeout error reports.

use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Phase, Response, Result};

use crate::support::client::{URL, seconds};
use crate::support::wakers::WakeFlag;

fn client(timer: &ManualTimer, backend: MockBackend, max_active: usize) -> Client {
    Client::builder().timer(timer.clone()).backend(backend).max_active(max_active).build().unwrap()
}

/// Polls the requests until none of them is woken, and returns their errors.
fn drain(requests: &mut FuturesUnordered<BoxFuture<'_, Result<Response>>>) -> Vec<Error> {
    let (woken, waker) = WakeFlag::new();
    waker.wake_by_ref();
    let mut errors = Vec::new();
    while woken.take() {
        while let Poll::Ready(Some(outcome)) = requests.poll_next_unpin(&mut Context::from_waker(&waker)) {
            errors.push(outcome.unwrap_err());
        }
    }
    errors
}

#[test]
fn ten_thousand_requests_share_a_single_timer() {
    let timer = ManualTimer::new();
    let client = client(&timer, MockBackend::pending(), 5000);
    let mut requests: FuturesUnordered<_> = (0..10_000u64)
        .map(|index| client.get(URL).queue_timeout(seconds(30)).head_timeout(seconds(20 + index % 3)).send().boxed())
        .collect();
    assert!(drain(&mut requests).is_empty());
    assert_eq!((client.stats().active, client.stats().queued, timer.pending()), (5000, 5000, 1));
    let mut seen = 0;
    for _ in 0..80 {
        timer.advance(seconds(1));
        seen += drain(&mut requests).len();
        assert_eq!(timer.pending(), usize::from(!requests.is_empty()), "{} requests", requests.len());
    }
    assert_eq!((seen, requests.len()), (10_000, 0));
}

#[test]
fn dropped_request_does_not_change_the_limits_of_other_requests() {
    for gone in 0..6 {
        let timer = ManualTimer::new();
        let client = client(&timer, MockBackend::pending(), 6);
        let start = |limit| {
            let requests = FuturesUnordered::new();
            requests.push(client.get(URL).timeout(seconds(limit)).send().boxed());
            requests
        };
        let mut requests: Vec<_> = [3, 1, 2, 6, 5, 4].map(start).into();
        assert!(requests.iter_mut().all(|request| drain(request).is_empty()));
        drop(requests.remove(gone));
        for now in 1..=6 {
            timer.advance(seconds(1));
            // Each drain polls its own requests only. A request that a later drain wakes needs a second round.
            let mut errors: Vec<_> = requests.iter_mut().flat_map(drain).collect();
            errors.extend(requests.iter_mut().flat_map(drain));
            assert!(errors.iter().all(|error| error.elapsed() == Some(seconds(now))), "without {gone}: {errors:?}");
        }
        assert!(requests.iter().all(FuturesUnordered::is_empty), "without {gone}");
        assert_eq!(timer.pending(), 0);
    }
}

#[test]
fn unread_responses_do_not_delay_the_timeouts_of_other_requests() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        let pending = request.url().path() == "/pending";
        async move {
            if pending {
                std::future::pending::<()>().await;
            }
            let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from("first"))]);
            Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(first.chain(stream::pending()))))
        }
        .boxed()
    });
    let client = client(&timer, backend, 100);
    let unread: Vec<_> = (0..50)
        .map(|_| {
            let mut response = client.get(URL).idle_timeout(seconds(5)).send().now_or_never().unwrap().unwrap();
            assert!(response.chunk().now_or_never().is_some());
            assert!(response.chunk().now_or_never().is_none());
            response
        })
        .collect();
    let mut others: FuturesUnordered<_> = [7u64, 9]
        .map(|limit| client.get("http://example.com/pending").timeout(seconds(limit)).send().boxed())
        .into_iter()
        .collect();
    assert!(drain(&mut others).is_empty());
    let mut passed = Vec::new();
    for _ in 0..9 {
        timer.advance(seconds(1));
        passed.extend(drain(&mut others).iter().map(|error| error.elapsed().unwrap()));
    }
    assert_eq!(passed, [seconds(7), seconds(9)]);
    drop(unread);
    assert_eq!(timer.pending(), 0);
}

#[test]
fn limit_of_zero_sets_no_timer() {
    let timer = ManualTimer::new();
    let client = client(&timer, MockBackend::pending(), 1);
    let none = Duration::ZERO;
    let start = || {
        let request = client
            .get(URL)
            .timeout(none)
            .total_timeout(none)
            .queue_timeout(none)
            .head_timeout(none)
            .attempt_timeout(none);
        request.connect_timeout(none).idle_timeout(none).send().boxed()
    };
    let (mut first, mut second) = (start(), start());
    assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
    assert_eq!(timer.pending(), 0);
}

#[test]
fn timeout_error_names_its_limit_phase_and_elapsed_time() {
    for name in ["queue", "head", "attempt", "request", "total"] {
        let timer = ManualTimer::new();
        let client = client(&timer, MockBackend::pending(), 1);
        let mut first = (name == "queue").then(|| client.get(URL).head_timeout(Duration::ZERO).send().boxed());
        assert!(first.as_mut().is_none_or(|first| first.now_or_never().is_none()));
        let limit = seconds(3);
        let request = client.get(URL);
        let request = match name {
            "queue" => request.queue_timeout(limit),
            "head" => request.head_timeout(limit),
            "attempt" => request.attempt_timeout(limit),
            "request" => request.timeout(limit),
            _ => request.total_timeout(limit),
        };
        let mut request = request.send().boxed();
        assert!((&mut request).now_or_never().is_none());
        timer.advance(seconds(4));
        let error = request.now_or_never().unwrap().unwrap_err();
        let phase = if name == "queue" { Phase::Queue } else { Phase::Head };
        assert_eq!((error.kind(), error.phase(), error.elapsed()), (ErrorKind::Timeout, phase, Some(seconds(4))));
        assert_eq!((error.timeout().unwrap().name(), error.limit().unwrap()), (name, limit));
        assert_eq!(error.is_retryable(), ["head", "attempt"].contains(&name));
        assert!(error.to_string().contains(&format!("(limit `{name}`: 3s)")), "{error}");
    }
}
