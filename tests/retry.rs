//! Trying again, and leaving alone: over mock backends, on a clock moved by hand.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{Future, FutureExt, stream};
use waterspout::http::{Method, StatusCode};
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{
    Body, Builder, Bytes, CircuitBreaker, Client, Error, ErrorKind, Event, Phase, Request, Response, Result, Retry,
    RetryBudget,
};

const URL: &str = "http://example.com/";

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What the server does with one attempt.
#[derive(Clone, Copy, Debug)]
enum Act {
    Status(u16),
    /// A status, and a wait that the server asks for.
    Later(u16, &'static str),
    Fails(ErrorKind),
    /// Never answers.
    Silent,
    /// Answers when polled the second time.
    Slow(u16),
}

/// A backend that does one act for each attempt, the last one for ever; it keeps the bodies it was sent.
#[derive(Clone, Default)]
struct Acts {
    acts: Arc<Mutex<VecDeque<Act>>>,
    bodies: Arc<Mutex<Vec<String>>>,
}

impl Acts {
    fn backend(&self) -> MockBackend {
        let this = self.clone();
        MockBackend::new(move |request| {
            let this = this.clone();
            let act = {
                let mut acts = this.acts.lock().unwrap();
                let act = acts.front().copied().unwrap();
                if acts.len() > 1 {
                    acts.pop_front();
                }
                act
            };
            async move { this.answer(request, act).await }.boxed()
        })
    }

    async fn answer(&self, mut request: Request, act: Act) -> Result<Response> {
        let body = std::mem::take(request.body_mut()).collect(1000).await?;
        self.bodies.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
        let response = |status| {
            let body = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from(format!("status {status}")))]));
            Response::new(StatusCode::from_u16(status).unwrap(), request.url().clone(), body)
        };
        match act {
            Act::Status(status) => Ok(response(status)),
            Act::Later(status, time) => {
                let mut response = response(status);
                response.headers_mut().insert("retry-after", time.parse().unwrap());
                Ok(response)
            }
            Act::Fails(kind) => Err(Error::new(kind, Phase::Head, "it failed")),
            Act::Silent => std::future::pending().await,
            Act::Slow(status) => {
                pause().await;
                Ok(response(status))
            }
        }
    }
}

/// A future that has to be polled twice.
async fn pause() {
    let mut polled = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut polled, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

struct Stage {
    client: Client,
    timer: ManualTimer,
    backend: MockBackend,
    acts: Acts,
}

/// A client over these acts; without jitter's chance if the base delay is zero.
fn stage(acts: &[Act], build: impl FnOnce(Builder) -> Builder) -> Stage {
    let acts = Acts { acts: Arc::new(Mutex::new(acts.iter().copied().collect())), bodies: Arc::default() };
    let (timer, backend) = (ManualTimer::new(), acts.backend());
    let builder = Client::builder().timer(timer.clone()).backend(backend.clone());
    Stage { client: build(builder).build().unwrap(), timer, backend, acts }
}

fn at_once() -> Retry {
    Retry::new().base_delay(Duration::ZERO)
}

impl Stage {
    fn attempts(&self) -> usize {
        self.backend.seen().len()
    }

    fn get(&self) -> Result<Response> {
        block_on(self.client.get(URL).send())
    }
}

fn statuses(response: &Response) -> Vec<u16> {
    response.attempts().iter().map(|attempt| attempt.status.map_or(0, |status| status.as_u16())).collect()
}

fn poll(request: &mut BoxFuture<'_, Result<Response>>) -> Option<Result<Response>> {
    request.now_or_never()
}

#[test]
fn nothing_is_tried_again_unless_asked() {
    let stage = stage(&[Act::Status(503)], |builder| builder);
    let response = stage.get().unwrap();
    assert_eq!((response.status().as_u16(), stage.attempts(), response.attempts().len()), (503, 1, 0));
}

#[test]
fn a_passing_failure_is_tried_again_and_the_history_tells() {
    let stage = stage(&[Act::Status(503), Act::Fails(ErrorKind::ConnectionClosed), Act::Status(200)], |builder| {
        builder.retry(at_once())
    });
    let response = stage.get().unwrap();
    assert_eq!((response.status().as_u16(), stage.attempts()), (200, 3));
    let made = response.attempts();
    assert_eq!((made[0].status.unwrap().as_u16(), made[0].error), (503, None));
    assert_eq!((made[1].status, made[1].error), (None, Some(ErrorKind::ConnectionClosed)));
    assert_eq!(made[2].status.unwrap().as_u16(), 200);
    assert_eq!(block_on(response.text()).unwrap(), "status 200");
}

#[test]
fn the_last_response_is_returned_as_it_is() {
    let stage = stage(&[Act::Status(500), Act::Status(502), Act::Status(503)], |builder| builder.retry(at_once()));
    let response = stage.get().unwrap();
    assert_eq!(statuses(&response), [500, 502, 503]);
    assert_eq!(block_on(response.text()).unwrap(), "status 503");
    assert_eq!(stage.attempts(), 3);
}

#[test]
fn the_last_error_is_returned_as_it_is() {
    let stage = stage(&[Act::Status(500), Act::Fails(ErrorKind::Io)], |builder| builder.retry(at_once()));
    let error = stage.get().unwrap_err();
    assert_eq!((error.kind(), error.phase(), error.attempts().len()), (ErrorKind::Io, Phase::Head, 3));
    assert_eq!(error.to_string(), "it failed while waiting for the response's head, for http://example.com/");
    assert!(error.is_retryable());
}

#[test]
fn a_request_sets_its_own_policy() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    block_on(stage.client.get(URL).retry(Retry::off()).send()).unwrap();
    assert_eq!(stage.attempts(), 1);
    block_on(stage.client.get(URL).retry(at_once().attempts(5)).send()).unwrap();
    assert_eq!(stage.attempts(), 6);
}

#[test]
fn a_post_is_tried_again_only_if_that_was_allowed() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    block_on(stage.client.post(URL).body("order").send()).unwrap();
    assert_eq!(stage.attempts(), 1);
    block_on(stage.client.post(URL).body("order").retry(at_once().methods([Method::POST])).send()).unwrap();
    assert_eq!(stage.acts.bodies.lock().unwrap().as_slice(), ["order"; 4]);
}

#[test]
fn a_stream_that_can_be_started_again_is_and_one_that_cannot_ends_the_trying() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    let pieces = || stream::iter([Ok::<_, std::io::Error>(Bytes::from("piece")), Ok(Bytes::from("s"))]);
    block_on(stage.client.put(URL).body(Body::factory(pieces)).send()).unwrap();
    assert_eq!(stage.acts.bodies.lock().unwrap().as_slice(), ["pieces"; 3]);
    let response = block_on(stage.client.put(URL).body(Body::stream(pieces())).send()).unwrap();
    assert_eq!((statuses(&response), stage.attempts()), (vec![503], 4));
    assert_eq!(block_on(response.text()).unwrap(), "status 503");
}

#[test]
fn the_wait_lies_between_nothing_and_a_bound_that_doubles() {
    let stage = stage(&[Act::Status(503)], |builder| {
        builder.retry(Retry::new().attempts(6).base_delay(seconds(1)).max_delay(seconds(5)))
    });
    let mut request = stage.client.get(URL).send().boxed();
    let mut answer = poll(&mut request);
    while answer.is_none() {
        stage.timer.advance(Duration::from_millis(10));
        answer = poll(&mut request);
    }
    let response = answer.unwrap().unwrap();
    let delays: Vec<_> = response.attempts().iter().map(|attempt| attempt.delay).collect();
    assert_eq!(delays.len(), 6);
    for (delay, most) in delays.iter().zip([1, 2, 4, 5, 5, 0]) {
        assert!(*delay <= seconds(most), "{delays:?}");
    }
    assert!(delays.iter().any(|delay| !delay.is_zero()), "{delays:?}");
}

#[test]
fn the_server_says_how_long_to_wait_up_to_the_cap() {
    let stage = stage(&[Act::Later(503, "7"), Act::Later(429, "100"), Act::Status(200)], |builder| {
        builder.retry(Retry::new().max_delay(seconds(20)))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for (wait, attempts) in [(6, 1), (1, 2), (19, 2)] {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(wait));
        assert!(poll(&mut request).is_none());
        assert_eq!(stage.attempts(), attempts);
    }
    stage.timer.advance(seconds(1));
    let response = poll(&mut request).unwrap().unwrap();
    let delays: Vec<_> = response.attempts().iter().map(|attempt| attempt.delay).collect();
    assert_eq!(delays, [seconds(7), seconds(20), Duration::ZERO]);
}

#[test]
fn zero_seconds_mean_at_once_and_not_never() {
    let stage = stage(&[Act::Later(503, "0"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    assert_eq!(statuses(&stage.get().unwrap()), [503, 200]);
    assert_eq!(stage.timer.pending(), 0);
}

#[test]
fn a_wait_that_ends_beyond_the_total_limit_is_not_begun() {
    let stage = stage(&[Act::Later(503, "10"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    let mut request = stage.client.get(URL).timeout(seconds(10)).send().boxed();
    assert_eq!(poll(&mut request).unwrap().unwrap().status(), 503);
    *stage.acts.acts.lock().unwrap() = [Act::Later(503, "10"), Act::Status(200)].into();
    let mut request = stage.client.get(URL).timeout(seconds(11)).send().boxed();
    assert!(poll(&mut request).is_none());
    stage.timer.advance(seconds(10));
    assert_eq!(poll(&mut request).unwrap().unwrap().status(), 200);
}

#[test]
fn a_wait_that_ended_too_late_starts_no_attempt() {
    let stage = stage(&[Act::Later(503, "5"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    let mut request = stage.client.get(URL).timeout(seconds(8)).send().boxed();
    assert!(poll(&mut request).is_none());
    // Whoever polls the request was busy elsewhere.
    stage.timer.advance(seconds(9));
    let error = poll(&mut request).unwrap().unwrap_err();
    assert_eq!((error.limit().unwrap().name, error.attempts().len(), stage.attempts()), ("total", 1, 1));
    assert!(!error.is_retryable());
}

#[test]
fn an_attempt_has_a_limit_of_its_own_and_the_next_one_has_it_again() {
    let stage = stage(&[Act::Silent, Act::Silent, Act::Status(200)], |builder| {
        builder.retry(at_once()).attempt_timeout(seconds(3)).timeout(seconds(60))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for attempts in [1, 2] {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(2));
        assert!(poll(&mut request).is_none());
        assert_eq!(stage.attempts(), attempts);
        stage.timer.advance(seconds(1));
    }
    let response = poll(&mut request).unwrap().unwrap();
    let made = response.attempts();
    assert_eq!((made[0].error, made[0].elapsed), (Some(ErrorKind::Timeout), seconds(3)));
    assert_eq!((made.len(), stage.attempts()), (3, 3));
}

#[test]
fn the_total_limit_is_of_all_attempts_together() {
    let stage = stage(&[Act::Silent], |builder| {
        builder.retry(at_once().attempts(100)).attempt_timeout(seconds(3)).timeout(seconds(10))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for _ in 0..9 {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(1));
    }
    assert!(poll(&mut request).is_none());
    stage.timer.advance(seconds(1));
    let error = poll(&mut request).unwrap().unwrap_err();
    assert_eq!((error.limit().unwrap().name, error.elapsed(), error.attempts().len()), ("total", Some(seconds(10)), 4));
}

#[test]
fn the_slot_is_free_while_a_request_backs_off() {
    let stage = stage(&[Act::Later(503, "10"), Act::Status(200)], |builder| builder.max_active(1).retry(Retry::new()));
    let mut first = stage.client.get(URL).send().boxed();
    assert!(poll(&mut first).is_none());
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (0, 0));
    let second = poll(&mut stage.client.get(URL).send().boxed()).unwrap().unwrap();
    assert_eq!(second.status(), 200);
    // It joins the queue again, behind whoever has the slot by now.
    stage.timer.advance(seconds(10));
    assert!(poll(&mut first).is_none());
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (1, 1));
    drop(second);
    assert_eq!(statuses(&poll(&mut first).unwrap().unwrap()), [503, 200]);
}

#[test]
fn a_request_dropped_after_any_number_of_polls_leaves_no_timer_and_no_slot() {
    for polls in 0.. {
        let acts = [Act::Slow(503), Act::Later(503, "5"), Act::Slow(200)];
        let stage = stage(&acts, |builder| {
            builder.max_active(1).retry(at_once()).timeout(seconds(100)).attempt_timeout(seconds(9))
        });
        let finished = {
            let mut request = pin!(stage.client.get(URL).send());
            let mut context = Context::from_waker(Waker::noop());
            (0..polls).any(|_| {
                let ended = request.as_mut().poll(&mut context).is_ready();
                stage.timer.advance(seconds(1));
                ended
            })
        };
        assert_eq!((stage.client.stats().active, stage.client.stats().queued), (0, 0), "after {polls} polls");
        assert_eq!(stage.timer.pending(), 0, "after {polls} polls");
        if finished {
            assert!(polls > 6, "{polls} polls are too few to have met every wait");
            assert_eq!(stage.attempts(), 3);
            return;
        }
    }
}

#[test]
fn a_request_dropped_while_it_queues_again_leaves_the_line() {
    let stage = stage(&[Act::Later(503, "1"), Act::Silent], |builder| builder.max_active(1).retry(Retry::new()));
    let mut first = stage.client.get(URL).send().boxed();
    assert!(poll(&mut first).is_none());
    let mut second = stage.client.get(URL).send().boxed();
    assert!(poll(&mut second).is_none());
    stage.timer.advance(seconds(1));
    assert!(poll(&mut first).is_none());
    assert_eq!(stage.client.stats().queued, 1);
    drop(first);
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (1, 0));
    drop(second);
    assert_eq!((stage.client.stats().active, stage.timer.pending()), (0, 0));
}

#[test]
fn a_budget_bounds_what_all_requests_together_try_again() {
    let budget = RetryBudget::new().capacity(5).per_second(1);
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()).retry_budget(budget));
    for _ in 0..20 {
        assert_eq!(stage.get().unwrap().status(), 503);
    }
    // 20 requests, 5 saved, and one for each 5 requests.
    assert!((28..=30).contains(&stage.attempts()), "{}", stage.attempts());
    let before = stage.attempts();
    stage.timer.advance(seconds(60));
    stage.get().unwrap();
    assert_eq!(stage.attempts() - before, 3);
}

#[test]
fn a_predicate_sees_each_outcome_and_decides() {
    let retry = at_once().when(|occasion| {
        assert_eq!(occasion.url.as_str(), URL);
        occasion.outcome.is_ok_and(|response| response.status() == 404) && occasion.attempt < 2
    });
    let stage = stage(&[Act::Status(404), Act::Status(404), Act::Status(200)], |builder| builder.retry(retry));
    assert_eq!(statuses(&stage.get().unwrap()), [404, 404]);
}

#[test]
fn an_open_circuit_refuses_at_once_and_closes_after_one_success() {
    let breaker = CircuitBreaker::new().failures(3).rest(seconds(10));
    let stage = stage(
        &[Act::Status(503), Act::Fails(ErrorKind::Connect), Act::Status(500), Act::Status(503), Act::Status(200)],
        |builder| builder.circuit_breaker(breaker),
    );
    for _ in 0..3 {
        drop(stage.get());
    }
    let error = stage.get().unwrap_err();
    assert_eq!((error.kind(), stage.attempts(), error.is_retryable()), (ErrorKind::CircuitOpen, 3, false));
    assert!(error.to_string().contains("http://example.com is open for another 10s"), "{error}");
    // Other origins have circuits of their own.
    stage.acts.acts.lock().unwrap().push_front(Act::Status(200));
    assert_eq!(block_on(stage.client.get("http://example.com:81/").send()).unwrap().status(), 200);

    stage.timer.advance(seconds(10));
    assert_eq!(stage.get().unwrap().status(), 503);
    assert_eq!(stage.get().unwrap_err().kind(), ErrorKind::CircuitOpen);
    stage.timer.advance(seconds(10));
    assert_eq!(stage.get().unwrap().status(), 200);
    assert_eq!(stage.get().unwrap().status(), 200);
}

#[test]
fn a_half_open_circuit_lets_one_attempt_through() {
    let breaker = CircuitBreaker::new().failures(1).rest(seconds(10));
    let stage = stage(&[Act::Status(503), Act::Silent, Act::Status(200)], |builder| builder.circuit_breaker(breaker));
    drop(stage.get());
    stage.timer.advance(seconds(10));
    let mut probe = stage.client.get(URL).send().boxed();
    assert!(poll(&mut probe).is_none());
    let error = stage.get().unwrap_err();
    assert!(error.to_string().contains("being tried"), "{error}");
    // A trial that is given up says nothing, and the next one may try.
    drop(probe);
    assert_eq!(stage.get().unwrap().status(), 200);
}

#[test]
fn successes_between_failures_keep_the_circuit_closed() {
    let breaker = CircuitBreaker::new().failures(2);
    let acts = [503, 200, 503, 404, 503, 503].map(Act::Status);
    let stage = stage(&acts, |builder| builder.circuit_breaker(breaker));
    for _ in 0..6 {
        stage.get().unwrap();
    }
    assert_eq!(stage.get().unwrap_err().kind(), ErrorKind::CircuitOpen);
}

#[test]
fn a_request_whose_circuit_opens_returns_what_it_has() {
    let breaker = CircuitBreaker::new().failures(2);
    let stage = stage(&[Act::Status(503)], |builder| builder.circuit_breaker(breaker).retry(at_once().attempts(9)));
    assert_eq!(statuses(&stage.get().unwrap()), [503, 503]);
}

/// A client whose first attempt has failed and that now backs off.
fn backing_off(
    seen: &Arc<Mutex<Vec<waterspout::Stage>>>,
) -> (Client, ManualTimer, futures::future::LocalBoxFuture<'static, Result<Response>>) {
    let (timer, told) = (ManualTimer::new(), seen.clone());
    let client = Client::builder()
        .backend(MockBackend::new(|request: Request| {
            async move { Ok(Response::new(StatusCode::SERVICE_UNAVAILABLE, request.url().clone(), "")) }.boxed()
        }))
        .timer(timer.clone())
        .max_active(1)
        .retry(Retry::new().attempts(2).base_delay(seconds(60)))
        .observer(move |event: &Event<'_>| told.lock().unwrap().push(event.stage))
        .build()
        .unwrap();
    let mut sending = client.get(URL).send().boxed_local();
    assert!((&mut sending).now_or_never().is_none());
    (client, timer, sending)
}

#[test]
fn a_client_closed_at_once_ends_those_that_back_off() {
    let (client, timer, sending) = backing_off(&Arc::default());
    let woken = Arc::new(AtomicBool::new(false));
    struct Flag(Arc<AtomicBool>);
    impl std::task::Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let waker = Waker::from(Arc::new(Flag(woken.clone())));
    let mut sending = pin!(sending);
    assert!(sending.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    client.close_now();
    assert!(woken.load(Ordering::SeqCst), "it is told at once");
    let Poll::Ready(outcome) = sending.as_mut().poll(&mut Context::from_waker(&waker)) else { panic!("it waits on") };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!((client.stats().active, client.stats().queued, timer.pending()), (0, 0, 0));
}

#[test]
fn an_observer_hears_that_a_request_backs_off() {
    let seen = Arc::default();
    let (_client, timer, sending) = backing_off(&seen);
    timer.advance(seconds(600));
    assert_eq!(block_on(sending).unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
    use waterspout::Stage::{Done, Head, Started, Waiting};
    assert_eq!(*seen.lock().unwrap(), [Started, Waiting, Started, Head, Done]);
}
