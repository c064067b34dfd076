//! A queue whose slots are all held while nothing makes progress: a waiting request fails and says why.

use std::time::Duration;

use futures::executor::LocalPool;
use futures::future::join_all;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Builder, Bytes, Client, Error, ErrorKind, Phase, Rate, Response, Result, Retry, Timeout};

use super::{Request, polled};
use crate::support::client::{URL, seconds};

/// A client on a manual clock whose server answers by the path: `/silence` never, `/busy` with 503, and otherwise with
/// the first piece of a body that never ends. An answer to `/pieces` has pieces without end.
struct Bench {
    client: Client,
    timer: ManualTimer,
}

impl Bench {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let timer = ManualTimer::new();
        let backend = MockBackend::new(|request| {
            let url = request.url().clone();
            async move {
                let piece = || Ok::<_, Error>(Bytes::from_static(b"piece"));
                let body = match url.path() {
                    "/silence" => std::future::pending().await,
                    "/busy" => return Ok(Response::new(StatusCode::SERVICE_UNAVAILABLE, url, "")),
                    "/pieces" => stream::repeat_with(piece).boxed(),
                    _ => stream::once(async move { piece() }).chain(stream::pending()).boxed(),
                };
                Ok(Response::new(StatusCode::OK, url, Body::stream(body)))
            }
            .boxed()
        });
        let off = Duration::ZERO;
        let builder = Client::builder().timer(timer.clone()).backend(backend).head_timeout(off).idle_timeout(off);
        Self { client: settings(builder).build().unwrap(), timer }
    }

    fn send(&self, url: &str) -> Request {
        self.client.get(url).send().boxed()
    }

    /// Makes requests and keeps their responses, whose bodies are not read.
    fn unread(&self, count: usize) -> Vec<Response> {
        (0..count).map(|_| self.send(URL).now_or_never().unwrap().unwrap()).collect()
    }

    /// Makes requests that run and are not polled again.
    fn unpolled(&self, count: usize) -> Vec<Request> {
        (0..count).map(|_| polled(self.send("http://example.com/silence"))).collect()
    }

    /// Advances the clock second by second, and polls `request` after each. Returns the second in which it fails, and
    /// its error.
    fn until_failure(&self, request: &mut Request, within: u64) -> Option<(u64, Error)> {
        (1..=within).find_map(|second| {
            self.timer.advance(seconds(1));
            request.now_or_never().map(|outcome| (second, outcome.unwrap_err()))
        })
    }
}

/// Checks the facts of a stall, and the numbers in its message.
fn assert_stalled(error: &Error, held: usize, unread: usize) {
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Queue), "{error}");
    assert_eq!((error.timeout(), error.limit()), (Some(Timeout::Queue), Some(seconds(30))), "{error}");
    assert!(error.elapsed().unwrap() >= seconds(30), "{error:?}");
    assert!(!error.is_retryable());
    let text = error.to_string();
    let numbers = format!("{held} slots are held, {unread} of them by responses whose bodies are not read");
    assert!(text.contains(&numbers), "{text}");
    assert!(text.contains("`max_active`") && text.contains("`queue_timeout`"), "{text}");
}

#[test]
fn eleventh_request_fails_after_30_s_of_10_unread_responses() {
    let bench = Bench::new(|builder| builder);
    let unread = bench.unread(10);
    let mut request = polled(bench.send(URL));
    let (second, error) = bench.until_failure(&mut request, 100).expect("the request waits for ever");
    assert_eq!(second, 30);
    assert_stalled(&error, 10, 10);
    let end = "no request made progress (limit `queue`: 30s), for http://example.com/";
    assert!(error.to_string().ends_with(end), "{error}");
    assert_eq!((bench.client.stats().active, bench.client.stats().queued), (10, 0));
    // The client is usable as soon as a slot is free.
    drop(unread);
    assert_eq!(bench.unread(1)[0].status(), 200);
}

#[test]
fn unread_responses_fail_the_request_even_if_the_clock_jumps() {
    let bench = Bench::new(|builder| builder);
    let _unread = bench.unread(10);
    let mut request = polled(bench.send(URL));
    bench.timer.advance(seconds(30));
    assert_stalled(&(&mut request).now_or_never().unwrap().unwrap_err(), 10, 10);
}

#[test]
fn responses_that_arrive_while_the_request_waits_hold_their_slots_too() {
    // All requests are made at once, and no body is read before the last response: the classic mistake.
    let bench = Bench::new(|builder| builder.max_active(2));
    let mut all = join_all((0..3).map(|_| bench.send(URL))).boxed();
    let mut passed = 0;
    let outcomes = loop {
        match (&mut all).now_or_never() {
            Some(outcomes) => break outcomes,
            None => bench.timer.advance(seconds(1)),
        }
        passed += 1;
        assert!(passed < 100, "the batch never ends");
    };
    assert!((30..=35).contains(&passed), "{passed}");
    assert_stalled(outcomes[2].as_ref().unwrap_err(), 2, 2);
    assert!(outcomes[0].is_ok() && outcomes[1].is_ok());
}

#[test]
fn body_that_is_read_slowly_is_progress() {
    let bench = Bench::new(|builder| builder);
    let _unread = bench.unread(9);
    let mut read = bench.send("http://example.com/pieces").now_or_never().unwrap().unwrap();
    let mut request = polled(bench.send(URL));
    for _ in 0..20 {
        assert!(bench.until_failure(&mut request, 20).is_none());
        assert!(read.chunk().now_or_never().unwrap().unwrap().is_some());
    }
    // The reader stops.
    let (second, error) = bench.until_failure(&mut request, 100).unwrap();
    assert!((30..=35).contains(&second), "{second}");
    assert_stalled(&error, 10, 10);
}

#[test]
fn attempt_that_is_polled_every_29_s_is_progress() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let mut running = bench.unpolled(1).remove(0);
    let mut request = polled(bench.send(URL));
    for _ in 0..20 {
        bench.timer.advance(seconds(29));
        assert!((&mut running).now_or_never().is_none());
        assert!((&mut request).now_or_never().is_none());
    }
    let (second, error) = bench.until_failure(&mut request, 100).unwrap();
    assert!((30..=35).contains(&second), "{second}");
    assert_stalled(&error, 1, 0);
}

#[test]
fn attempts_that_nothing_polls_are_no_progress() {
    let bench = Bench::new(|builder| builder);
    let _held = bench.unpolled(4);
    let _unread = bench.unread(6);
    let mut request = polled(bench.send(URL));
    let (second, error) = bench.until_failure(&mut request, 100).unwrap();
    assert_eq!(second, 30);
    assert_stalled(&error, 10, 6);
}

/// Runs a task for each of `urls`: it sends the request, and reads the body to its end.
fn reading_tasks(bench: &Bench, urls: &[&str]) -> LocalPool {
    let mut pool = LocalPool::new();
    for url in urls {
        let request = bench.send(url);
        let task = async move { drop(request.await.unwrap().bytes().await) };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run_until_stalled();
    pool
}

#[test]
fn server_that_is_silent_for_long_is_no_stall_while_tasks_wait_for_it() {
    for url in ["http://example.com/silence", URL] {
        let bench = Bench::new(|builder| builder.max_active(2));
        let mut pool = reading_tasks(&bench, &[url, url]);
        let mut request = polled(bench.send(URL));
        for second in 0..600 {
            bench.timer.advance(seconds(1));
            assert!((&mut request).now_or_never().is_none(), "{url} {second}");
            pool.run_until_stalled();
        }
        // The clock jumps, and the waiting request is polled first.
        for _ in 0..3 {
            bench.timer.advance(seconds(1000));
            assert!((&mut request).now_or_never().is_none(), "{url}");
            pool.run_until_stalled();
        }
        assert!((&mut request).now_or_never().is_none(), "{url}");
    }
}

#[test]
fn slot_that_becomes_free_is_progress() {
    let bench = Bench::new(|builder| builder);
    let mut unread = bench.unread(10);
    let mut first = polled(bench.send(URL));
    let mut second = polled(bench.send(URL));
    bench.timer.advance(seconds(20));
    assert!((&mut second).now_or_never().is_none());
    unread.truncate(9);
    let _response = (&mut first).now_or_never().unwrap().unwrap();
    let (passed, error) = bench.until_failure(&mut second, 100).unwrap();
    assert!((30..=35).contains(&passed), "{passed}");
    assert_stalled(&error, 10, 10);
}

#[test]
fn queue_timeout_of_the_program_replaces_the_look_for_stalls() {
    for limit in [Duration::ZERO, seconds(100)] {
        for of_client in [true, false] {
            let bench = Bench::new(|builder| if of_client { builder.queue_timeout(limit) } else { builder });
            let _unread = bench.unread(10);
            let request = bench.client.get(URL);
            let request = if of_client { request } else { request.queue_timeout(limit) };
            let mut request = polled(request.send().boxed());
            let failure = bench.until_failure(&mut request, 200);
            let passed = failure.map(|(second, error)| (second, error.timeout(), error.limit()));
            assert_eq!(passed, (!limit.is_zero()).then_some((100, Some(Timeout::Queue), Some(limit))));
            assert_eq!(bench.timer.pending(), 0, "{limit:?}");
        }
    }
}

#[test]
fn request_in_a_paused_client_waits() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let unread = bench.unread(1);
    let mut request = polled(bench.send(URL));
    assert!(bench.until_failure(&mut request, 20).is_none());
    bench.client.pause();
    assert!(bench.until_failure(&mut request, 500).is_none());
    bench.client.resume();
    let (second, error) = bench.until_failure(&mut request, 100).unwrap();
    assert!((29..=35).contains(&second), "{second}");
    assert_stalled(&error, 1, 1);

    // A paused client with free slots.
    drop(unread);
    bench.client.pause();
    let mut request = polled(bench.send(URL));
    assert!(bench.until_failure(&mut request, 500).is_none());
    bench.client.resume();
    assert!((&mut request).now_or_never().unwrap().is_ok());
}

#[test]
fn each_of_several_requests_waits_for_30_s() {
    for first_leaves in [false, true] {
        let bench = Bench::new(|builder| builder.max_active(1));
        let _unread = bench.unread(1);
        let mut requests = Vec::new();
        for _ in 0..4 {
            requests.push(Some(polled(bench.send(URL))));
            bench.timer.advance(seconds(7));
            requests.iter_mut().flatten().for_each(|request| assert!(request.now_or_never().is_none()));
        }
        let mut unlimited = polled(bench.client.get(URL).queue_timeout(Duration::ZERO).send().boxed());
        if first_leaves {
            requests[0] = None;
        }
        let mut ended = Vec::new();
        for second in 29..100 {
            bench.timer.advance(seconds(1));
            // Twice: the request that looks may be polled after a request that it rejects.
            for index in [0, 1, 2, 3, 0, 1, 2, 3] {
                let outcome = requests[index].as_mut().and_then(|request| request.now_or_never());
                if let Some(outcome) = outcome {
                    assert_stalled(&outcome.unwrap_err(), 1, 1);
                    requests[index] = None;
                    ended.push((index, second));
                }
            }
        }
        let rest: Vec<_> = [(0, 30), (1, 37), (2, 44), (3, 51)].into();
        assert_eq!(ended, rest[usize::from(first_leaves)..]);
        assert!((&mut unlimited).now_or_never().is_none());
        assert_eq!((bench.client.stats().queued, bench.timer.pending()), (1, 0));
    }
}

#[test]
fn a_thousand_waiting_requests_share_a_timer() {
    let bench = Bench::new(|builder| builder);
    let _unread = bench.unread(10);
    let mut requests: Vec<_> = (0..1000).map(|_| polled(bench.send(URL))).collect();
    assert_eq!(bench.timer.pending(), 1);
    // The request that looks leaves the queue: another request takes over.
    for _ in 0..999 {
        requests.pop();
        requests.iter_mut().for_each(|request| assert!(request.now_or_never().is_none()));
        assert_eq!(bench.timer.pending(), 1);
        if requests.len() > 3 {
            requests.truncate(requests.len() / 2);
        }
        if requests.len() == 1 {
            break;
        }
    }
    assert!(bench.until_failure(&mut requests[0], 30).is_some());
    drop(requests);
    assert_eq!((bench.timer.pending(), bench.client.stats().queued), (0, 0));
}

#[test]
fn limit_of_an_origin_stalls_the_client_if_nothing_else_moves() {
    let bench = Bench::new(|builder| builder.max_active_per_origin(2));
    let _unread = bench.unread(2);
    let mut request = polled(bench.send(URL));
    let mut other = bench.send("http://other.example/pieces").now_or_never().unwrap().unwrap();
    for _ in 0..5 {
        assert!(bench.until_failure(&mut request, 20).is_none());
        assert!(other.chunk().now_or_never().unwrap().is_ok());
    }
    drop(other);
    let (second, error) = bench.until_failure(&mut request, 100).unwrap();
    assert!((30..=35).contains(&second), "{second}");
    assert_stalled(&error, 2, 2);
}

#[test]
fn request_that_waits_for_a_rate_limit_is_not_stalled() {
    let bench = Bench::new(|builder| builder.rate_limit(Rate::new(1, seconds(100))));
    let _unread = bench.unread(1);
    let mut request = polled(bench.send(URL));
    assert!(bench.until_failure(&mut request, 99).is_none());
    bench.timer.advance(seconds(1));
    assert!((&mut request).now_or_never().unwrap().is_ok());
}

#[test]
fn retry_that_waits_for_another_slot_fails_too() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let retry = Retry::new().base_delay(Duration::ZERO);
    let retried = bench.client.get("http://example.com/busy").retry(retry);
    bench.client.pause();
    let mut retried = polled(retried.send().boxed());
    bench.client.resume();
    let mut blocker = polled(bench.send(URL));
    // The first attempt frees its slot, which the other request takes, and whose response stays unread.
    assert!((&mut retried).now_or_never().is_none());
    let _unread = (&mut blocker).now_or_never().unwrap().unwrap();
    let (second, error) = bench.until_failure(&mut retried, 100).unwrap();
    assert!((29..=35).contains(&second), "{second}");
    assert_stalled(&error, 1, 1);
    assert_eq!(error.attempts().len(), 1);
}

#[test]
fn cleared_and_closed_queues_look_for_no_stall() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let _unread = bench.unread(1);
    let request = polled(bench.send(URL));
    assert_eq!(bench.client.clear(), 1);
    let error = super::failure(request);
    assert_eq!((error.kind(), bench.timer.pending()), (ErrorKind::Cleared, 0));
    let request = polled(bench.send(URL));
    bench.client.close_now();
    let error = super::failure(request);
    assert_eq!((error.kind(), bench.timer.pending()), (ErrorKind::Closed, 0));
}

#[test]
fn task_of_a_waiting_request_is_woken_by_the_stall() {
    // The waiting request runs as a task that is polled only when it is woken.
    let bench = Bench::new(|builder| builder.max_active(1));
    let _unread: Vec<Response> = bench.unread(1);
    let mut pool = LocalPool::new();
    let (request, ended) = (bench.send(URL), std::rc::Rc::new(std::cell::RefCell::new(None::<Result<Response>>)));
    let told = ended.clone();
    pool.spawner().spawn_local(async move { *told.borrow_mut() = Some(request.await) }).unwrap();
    pool.run_until_stalled();
    for _ in 0..30 {
        assert!(ended.borrow().is_none());
        bench.timer.advance(seconds(1));
        pool.run_until_stalled();
    }
    assert_stalled(&ended.borrow_mut().take().unwrap().unwrap_err(), 1, 1);
}

#[test]
fn requests_that_are_polled_find_the_stall_in_any_order() {
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0]] {
        let bench = Bench::new(|builder| builder.max_active(1));
        let _unread = bench.unread(1);
        let mut requests: Vec<_> = (0..3).map(|_| polled(bench.send(URL))).collect();
        bench.timer.advance(seconds(30));
        for index in order {
            assert_stalled(&(&mut requests[index]).now_or_never().unwrap().unwrap_err(), 1, 1);
        }
    }
}
