//! The client's queue: order, limits, rates, and what observers see; over mock backends, on a clock moved by hand.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::channel::oneshot;
use futures::executor::{LocalPool, block_on};
use futures::future::BoxFuture;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};
use waterspout::{
    Agent, Body, Builder, Bytes, Client, Error, ErrorKind, Event, Phase, PriorityHandle, Rate, Response, Result, Stage,
};

type Request = BoxFuture<'static, Result<Response>>;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A client on a clock moved by hand, whose requests are answered one by one.
struct Bench {
    client: Client,
    timer: ManualTimer,
    backend: MockBackend,
    running: Arc<Mutex<VecDeque<oneshot::Sender<Response>>>>,
}

impl Bench {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        let (timer, running) = (ManualTimer::new(), Arc::<Mutex<VecDeque<_>>>::default());
        let backend = MockBackend::new({
            let running = running.clone();
            move |_| {
                let (answer, answered) = oneshot::channel();
                running.lock().unwrap().push_back(answer);
                async move { Ok(answered.await.unwrap()) }.boxed()
            }
        });
        let builder = Client::builder().timer(timer.clone()).backend(backend.clone());
        Self { client: settings(builder).build().unwrap(), timer, backend, running }
    }

    /// A request that has been polled once.
    fn send(&self, url: &str) -> Request {
        self.send_with(url, 0)
    }

    fn send_with(&self, url: &str, priority: i16) -> Request {
        polled(self.client.get(url).priority(priority).send().boxed())
    }

    /// Answers the request that has run longest.
    fn answer(&self) {
        let answer = self.running.lock().unwrap().pop_front().unwrap();
        let url = waterspout::Url::parse("http://answer.example/").unwrap();
        // It may have been dropped.
        let _ = answer.send(Response::new(StatusCode::OK, url, ""));
    }

    /// Answers all that run and all that start then; what started, in order, without `GET http://`.
    fn order(&self, requests: &mut [Request]) -> Vec<String> {
        while !self.running.lock().unwrap().is_empty() {
            self.answer();
            // Twice, since the one that frees a slot may come behind the one that gets it.
            requests.iter_mut().for_each(poll_if_pending);
            requests.iter_mut().for_each(poll_if_pending);
        }
        self.seen()
    }

    fn seen(&self) -> Vec<String> {
        self.backend.seen().iter().map(|line| line.trim_start_matches("GET http://").to_owned()).collect()
    }

    fn counts(&self) -> (usize, usize) {
        (self.client.stats().active, self.client.stats().queued)
    }
}

fn polled(mut request: Request) -> Request {
    assert!((&mut request).now_or_never().is_none());
    request
}

/// Polls a request; one that is over becomes one that never ends.
fn poll_if_pending(request: &mut Request) {
    if let Some(response) = (&mut *request).now_or_never() {
        response.unwrap();
        *request = std::future::pending().boxed();
    }
}

fn failure(mut request: Request) -> Error {
    (&mut request).now_or_never().expect("it should have failed").unwrap_err()
}

#[test]
fn settings_with_which_nothing_could_run_are_refused() {
    let second = seconds(1);
    let wrong: [(&str, Builder); 7] = [
        ("max_active", Client::builder().max_active(0)),
        ("max_active_per_origin", Client::builder().max_active_per_origin(0)),
        ("rate_limit", Client::builder().rate_limit(Rate::new(0, second))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1, second).burst(0))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1, Duration::ZERO))),
        ("rate_limit", Client::builder().rate_limit(Rate::new(1001, Duration::from_micros(1)))),
        ("rate_limit_per_origin", Client::builder().rate_limit_per_origin(Rate::new(0, second))),
    ];
    for (name, builder) in wrong {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert!(error.to_string().contains(&format!("`{name}`")), "{error}");
    }
    Client::builder().max_queued(0).ageing(Duration::ZERO).rate_limit(Rate::new(u32::MAX, seconds(5))).build().unwrap();
    Client::builder().ageing(Duration::MAX).rate_limit(Rate::new(1, Duration::MAX)).build().unwrap();
}

#[test]
fn a_slow_origin_holds_up_no_other() {
    let bench = Bench::new(|builder| builder.max_active(3).max_active_per_origin(1));
    let urls = ["http://slow/1", "http://slow/2", "http://slow/3", "http://b/1", "http://c/1", "http://b/2"];
    let mut requests = urls.map(|url| bench.send(url));
    assert_eq!(bench.seen(), ["slow/1", "b/1", "c/1"]);
    assert_eq!(bench.counts(), (3, 3));
    // The slow one's slot goes to its own next, who came before the other.
    assert_eq!(bench.order(&mut requests), ["slow/1", "b/1", "c/1", "slow/2", "b/2", "slow/3"]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn the_port_and_the_scheme_make_another_origin() {
    let bench = Bench::new(|builder| builder.max_active_per_origin(1));
    let urls = ["http://a/", "http://a:80/", "http://a:81/", "https://a/", "http://user:secret@a/"];
    let _requests = urls.map(|url| bench.send(url));
    let origins: Vec<_> = bench.client.origins().into_iter().map(|it| (it.origin, it.active, it.queued)).collect();
    let expected = [("http://a", 1, 2), ("http://a:81", 1, 0), ("https://a", 1, 0)];
    assert_eq!(origins, expected.map(|(origin, active, queued)| (origin.to_owned(), active, queued)));
}

#[test]
fn the_order_among_origins_is_that_in_which_requests_came() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let urls = ["http://a/1", "http://b/1", "http://a/2", "http://c/1", "http://b/2", "http://a/3"];
    let mut requests = urls.map(|url| bench.send(url));
    assert_eq!(bench.order(&mut requests), ["a/1", "b/1", "a/2", "c/1", "b/2", "a/3"]);
}

#[test]
fn origins_are_counted_on_request_only() {
    for counted in [false, true] {
        let bench = Bench::new(|builder| builder.max_active(1).origin_stats(counted));
        let mut requests = [bench.send("http://b/"), bench.send("http://a/")];
        let origins = bench.client.origins();
        assert_eq!(
            origins.iter().map(|it| &*it.origin).collect::<Vec<_>>().join(" "),
            ["", "http://a http://b"][usize::from(counted)]
        );
        bench.order(&mut requests);
        assert!(bench.client.origins().is_empty());
    }
}

#[test]
fn the_higher_priority_goes_first_and_equals_in_turn() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let priorities = [("first", 0), ("b", -1), ("c", 5), ("d", 0), ("e", 5), ("f", i16::MAX), ("g", i16::MIN)];
    let mut requests = priorities.map(|(name, priority)| bench.send_with(&format!("http://{name}/"), priority));
    assert_eq!(bench.order(&mut requests), ["first/", "f/", "c/", "e/", "d/", "b/", "g/"]);
}

#[test]
fn a_client_may_have_a_default_priority() {
    let bench = Bench::new(|builder| builder.max_active(1).priority(3));
    let mut requests = [
        bench.send("http://first/"),
        bench.send_with("http://low/", 2),
        polled(bench.client.get("http://default/").send().boxed()),
    ];
    assert_eq!(bench.order(&mut requests), ["first/", "default/", "low/"]);
}

#[test]
fn a_priority_changes_while_the_request_waits() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let (up, down) = (PriorityHandle::new(0), PriorityHandle::default());
    let handled = |url, handle| polled(bench.client.get(url).priority(1).priority_handle(handle).send().boxed());
    let mut requests = [
        bench.send("http://first/"),
        handled("http://down/", &down),
        bench.send("http://b/"),
        handled("http://up/", &up),
    ];
    up.set(7);
    down.set(-7);
    assert_eq!((up.get(), down.get()), (Some(7), Some(-7)));
    assert_eq!(bench.order(&mut requests), ["first/", "up/", "b/", "down/"]);
    // What it was for is over: this moves nobody.
    let mut requests = [bench.send("http://first/"), bench.send("http://b/"), bench.send("http://c/")];
    up.set(-9);
    assert_eq!(bench.order(&mut requests)[4..], ["first/", "b/", "c/"]);
}

#[test]
fn what_waits_rises_with_time() {
    let bench = Bench::new(|builder| builder.max_active(1).ageing(seconds(10)));
    let mut requests = vec![bench.send("http://first/"), bench.send_with("http://old/", 0)];
    bench.timer.advance(seconds(19));
    requests.push(bench.send_with("http://early/", 2));
    bench.timer.advance(seconds(2));
    requests.push(bench.send_with("http://late/", 2));
    assert_eq!(bench.order(&mut requests), ["first/", "early/", "old/", "late/"]);
    let strict = Bench::new(|builder| builder.max_active(1).ageing(Duration::ZERO));
    let mut requests = vec![strict.send("http://first/"), strict.send_with("http://old/", 0)];
    strict.timer.advance(seconds(1_000_000));
    requests.push(strict.send_with("http://late/", 1));
    assert_eq!(strict.order(&mut requests), ["first/", "late/", "old/"]);
}

#[test]
fn a_full_queue_turns_away() {
    let bench = Bench::new(|builder| builder.max_active(1).max_queued(2));
    let mut requests = ["http://a/", "http://b/", "http://c/"].map(|url| bench.send(url));
    let error = failure(bench.client.get("http://d/").send().boxed());
    assert_eq!((error.kind(), error.phase(), error.is_timeout()), (ErrorKind::QueueFull, Phase::Queue, false));
    assert_eq!(error.to_string(), "the queue is full: `max_queued` is 2, and so many requests wait, for http://d/");
    requests[1] = std::future::pending().boxed();
    let _in_its_place = bench.send("http://e/");
    assert_eq!(bench.order(&mut requests), ["a/", "c/"]);
    let none = Bench::new(|builder| builder.max_active(1).max_queued(0));
    let _running = none.send("http://a/");
    assert_eq!(failure(none.client.get("http://b/").send().boxed()).kind(), ErrorKind::QueueFull);
}

#[test]
fn a_paused_client_starts_nothing() {
    let bench = Bench::new(|builder| builder.max_active(2));
    let running = bench.send("http://a/");
    bench.client.pause();
    let mut requests = [running, bench.send("http://b/"), bench.send("http://c/"), bench.send("http://d/")];
    assert_eq!((bench.counts(), bench.client.stats().paused), ((1, 3), true));
    assert_eq!(bench.order(&mut requests), ["a/"]);
    bench.client.resume();
    requests.iter_mut().for_each(poll_if_pending);
    assert_eq!((bench.counts(), bench.client.stats().paused), ((2, 1), false));
    assert_eq!(bench.order(&mut requests), ["a/", "b/", "c/", "d/"]);
}

#[test]
fn a_cleared_queue_is_empty_and_goes_on() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let running = bench.send("http://a/");
    let waiting = [bench.send("http://b/"), bench.send("http://c/")];
    assert_eq!((bench.client.clear(), bench.client.clear()), (2, 0));
    assert_eq!(bench.counts(), (1, 0));
    let mut requests = [running, bench.send("http://d/")];
    for error in waiting.map(failure) {
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Cleared, Phase::Queue));
    }
    assert_eq!(bench.order(&mut requests), ["a/", "d/"]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn a_closed_client_finishes_what_it_has() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let mut requests = [bench.send("http://a/"), bench.send("http://b/")];
    bench.client.clone().close();
    let error = failure(bench.client.get("http://c/").send().boxed());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Closed, Phase::Queue));
    assert_eq!(bench.order(&mut requests), ["a/", "b/"]);
    assert!(bench.client.stats().closed && bench.counts() == (0, 0));
    assert_eq!(failure(bench.client.get("http://c/").send().boxed()).kind(), ErrorKind::Closed);
}

#[test]
fn a_client_closed_at_once_ends_everything_and_wakes_it() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        if request.url().path() == "/silent" {
            return std::future::pending().boxed();
        }
        let pieces = stream::iter([Ok::<_, Error>(Bytes::from("piece"))]).chain(stream::pending());
        async move { Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(pieces))) }.boxed()
    });
    let client = Client::builder().max_active(2).timer(timer.clone()).backend(backend).build().unwrap();
    let (mut pool, errors) = (LocalPool::new(), Arc::new(Mutex::new(Vec::new())));
    for path in ["silent", "body", "waiting"] {
        let (request, errors) = (client.get(format!("http://a/{path}")).send(), errors.clone());
        let task = async move {
            let error = match request.await {
                Ok(response) => response.text().await.unwrap_err(),
                Err(error) => error,
            };
            errors.lock().unwrap().push((error.kind(), error.phase()));
        };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run_until_stalled();
    assert_eq!((client.stats().active, client.stats().queued), (2, 1));
    client.close_now();
    pool.run_until_stalled();
    let phases = [Phase::Queue, Phase::Head, Phase::Body];
    let mut errors = errors.lock().unwrap().clone();
    errors.sort_by_key(|(_, phase)| phases.iter().position(|it| it == phase));
    assert_eq!(errors, phases.map(|phase| (ErrorKind::Closed, phase)));
    assert_eq!((client.stats().active, client.stats().queued, timer.pending()), (0, 0, 0));
}

/// Requests as tasks of their own: they are polled only when woken.
struct Tasks {
    pool: LocalPool,
    bench: Bench,
}

impl Tasks {
    fn new(settings: impl FnOnce(Builder) -> Builder) -> Self {
        Self { pool: LocalPool::new(), bench: Bench::new(settings) }
    }

    /// Starts a task that makes a request; the handle ends it.
    fn spawn(&mut self, url: &str) -> oneshot::Sender<()> {
        let (stop, stopped) = oneshot::channel::<()>();
        let request = self.bench.client.get(url).send();
        let task = async move {
            let stopped = async move {
                if stopped.await.is_err() {
                    std::future::pending().await
                }
            };
            futures::future::select(request.boxed(), stopped.boxed()).await;
        };
        self.pool.spawner().spawn_local(task).unwrap();
        self.pool.run_until_stalled();
        stop
    }

    /// Moves the clock; how many requests have started since the beginning.
    fn after(&mut self, time: Duration) -> usize {
        self.bench.timer.advance(time);
        self.pool.run_until_stalled();
        self.bench.seen().len()
    }
}

#[test]
fn a_rate_lets_a_burst_go_and_then_one_each_interval() {
    let rate = Rate::new(10, seconds(1)).burst(3);
    let mut tasks = Tasks::new(|builder| builder.max_active(100).head_timeout(Duration::ZERO).rate_limit(rate));
    for number in 0..8 {
        tasks.spawn(&format!("http://a/{number}"));
    }
    assert_eq!(tasks.bench.counts(), (3, 5));
    let started = [99, 1, 99, 1, 200, 100].map(|time| tasks.after(ms(time)));
    assert_eq!(started, [3, 4, 4, 5, 7, 8]);
    // Nobody waits, so nobody watches the clock for a token.
    assert_eq!(tasks.bench.timer.pending(), 0);
    assert_eq!(tasks.bench.seen()[7], "a/7");
}

#[test]
fn one_of_those_that_wait_watches_the_clock_for_all() {
    let limits = |builder: Builder| builder.head_timeout(Duration::ZERO).rate_limit(Rate::new(1, seconds(1)));
    let mut tasks = Tasks::new(limits);
    let stops: Vec<_> = ["http://a/", "http://b/", "http://c/", "http://d/"].map(|url| tasks.spawn(url)).into();
    assert_eq!((tasks.bench.counts(), tasks.bench.timer.pending()), ((1, 3), 1));
    let mut stops = stops.into_iter().skip(1);
    // The one that watches leaves, and so does the next: somebody else takes over.
    for _ in 0..2 {
        stops.next().unwrap().send(()).unwrap();
        tasks.pool.run_until_stalled();
        assert_eq!(tasks.bench.timer.pending(), 1);
    }
    assert_eq!(tasks.after(ms(999)), 1);
    assert_eq!(tasks.after(ms(1)), 2);
    assert_eq!((tasks.bench.seen(), tasks.bench.timer.pending()), (vec!["a/".to_owned(), "d/".to_owned()], 0));
}

#[test]
fn an_origins_rate_holds_up_no_other() {
    let mut tasks = Tasks::new(|builder| builder.rate_limit_per_origin(Rate::new(1, seconds(1))));
    for url in ["http://a/1", "http://a/2", "http://b/1", "http://a/3", "http://b/2"] {
        tasks.spawn(url);
    }
    assert_eq!(tasks.bench.seen(), ["a/1", "b/1"]);
    assert_eq!([999, 1, 999, 1].map(|time| tasks.after(ms(time))), [2, 4, 4, 5]);
    assert_eq!(tasks.bench.seen()[2..], ["a/2", "b/2", "a/3"]);
}

#[test]
fn a_request_that_leaves_with_a_token_gives_it_back() {
    let bench = Bench::new(|builder| builder.max_active(1).rate_limit(Rate::new(2, seconds(1000))));
    let first = bench.send("http://a/");
    let (second, third) = (bench.send("http://b/"), bench.send("http://c/"));
    // It frees the slot, which the second has and does not know of.
    drop(first);
    drop(second);
    let _third = polled(third);
    assert_eq!(bench.seen(), ["a/", "c/"]);
}

#[test]
fn an_earlier_token_is_not_missed() {
    // While one waits for its origin's token, another comes whose origin has one sooner.
    let mut tasks = Tasks::new(|builder| builder.rate_limit_per_origin(Rate::new(1, seconds(10))));
    tasks.spawn("http://early/1");
    tasks.after(seconds(5));
    tasks.spawn("http://late/1");
    tasks.spawn("http://late/2");
    tasks.spawn("http://early/2");
    assert_eq!(tasks.after(seconds(5)), 3);
    assert_eq!(tasks.after(seconds(5)), 4);
}

#[test]
fn waits_are_counted() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let mut requests = vec![bench.send("http://a/"), bench.send("http://b/")];
    bench.timer.advance(ms(900));
    requests.push(bench.send("http://c/"));
    bench.timer.advance(ms(100));
    bench.order(&mut requests);
    let waits = bench.client.stats().waits;
    assert_eq!((waits.count(), waits.longest()), (3, seconds(1)));
    let filled: Vec<_> = waits.buckets().filter(|(_, count)| *count > 0).collect();
    assert_eq!(filled, [(Duration::ZERO, 1), (ms(128), 1), (ms(1024), 1)]);
    assert_eq!((waits.quantile(0.5), waits.quantile(1.0)), (ms(128), seconds(1)));
}

/// What an observer saw, a line for each event.
type Seen = Arc<Mutex<Vec<String>>>;

fn observed(seen: &Seen) -> impl FnOnce(Builder) -> Builder + use<> {
    let seen = seen.clone();
    move |builder| {
        builder.max_active(1).observer(move |event: &Event<'_>| {
            assert!(event.url.starts_with(event.origin));
            let at = event.at.since_origin().as_secs();
            let error = event.error.map(|kind| format!(" {kind:?}")).unwrap_or_default();
            let line = format!("{at} s: {} {:?} {} p{}{error}", event.id, event.stage, event.url, event.priority);
            seen.lock().unwrap().push(line);
        })
    }
}

#[test]
fn an_observer_sees_every_step() {
    let seen = Seen::default();
    let bench = Bench::new(observed(&seen));
    let handle = PriorityHandle::default();
    let request = bench.client.get("http://user:secret@b:81/c?d").priority(2).priority_handle(&handle);
    let mut requests = [bench.send("http://a/"), polled(request.send().boxed())];
    bench.timer.advance(seconds(3));
    handle.set(4);
    bench.order(&mut requests);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "0 s: 1 Started http://a/ p0",
            "0 s: 2 Queued http://b:81/c?d p2",
            "3 s: 1 Head http://a/ p0",
            "3 s: 1 Done http://a/ p0",
            "3 s: 2 Started http://b:81/c?d p4",
            "3 s: 2 Head http://b:81/c?d p4",
            "3 s: 2 Done http://b:81/c?d p4",
        ]
    );
}

#[test]
fn an_observer_sees_how_requests_end() {
    let seen = Seen::default();
    let bench = Bench::new(|builder| observed(&seen)(builder.max_queued(1)));
    let running = bench.send("http://a/");
    let waiting = polled(bench.client.get("http://b/").queue_timeout(seconds(5)).send().boxed());
    failure(bench.client.get("http://full/").send().boxed());
    bench.timer.advance(seconds(5));
    failure(waiting);
    drop(bench.send("http://dropped/"));
    drop(running);
    failure(bench.client.post("http://invalid/").header("expect", "x").send().boxed());
    let lines = seen.lock().unwrap().clone();
    assert_eq!(
        lines[2..],
        [
            "0 s: 3 Failed http://full/ p0 QueueFull",
            "5 s: 2 Failed http://b/ p0 Timeout",
            "5 s: 4 Queued http://dropped/ p0",
            "5 s: 4 Cancelled http://dropped/ p0",
            "5 s: 1 Cancelled http://a/ p0",
            "5 s: 5 Failed http://invalid/ p0 InvalidRequest",
        ]
    );
}

#[test]
fn an_observer_sees_the_end_of_the_body() {
    let stages = Arc::new(Mutex::new(Vec::new()));
    let client = {
        let stages = stages.clone();
        let backend = MockBackend::new(|request| {
            let end = if request.url().path() == "/broken" {
                Err(Error::new(ErrorKind::Io, Phase::Body, ""))
            } else {
                Ok(Bytes::new())
            };
            let body = Body::stream(stream::iter([Ok(Bytes::from("piece")), end]));
            async move { Ok(Response::new(StatusCode::OK, request.url().clone(), body)) }.boxed()
        });
        let observer = move |event: &Event<'_>| stages.lock().unwrap().push(event.stage);
        Client::builder().backend(backend).observer(observer).build().unwrap()
    };
    let after = |work: &dyn Fn(Response)| {
        stages.lock().unwrap().clear();
        work(block_on(client.get("http://a/").send()).unwrap());
        stages.lock().unwrap().clone()
    };
    assert_eq!(after(&|response| drop(block_on(response.text()).unwrap())), [Stage::Started, Stage::Head, Stage::Done]);
    assert_eq!(after(&drop), [Stage::Started, Stage::Head, Stage::Cancelled]);
    stages.lock().unwrap().clear();
    let broken = block_on(client.get("http://a/broken").send()).unwrap();
    assert_eq!(stages.lock().unwrap().len(), 2);
    block_on(broken.text()).unwrap_err();
    assert_eq!(*stages.lock().unwrap(), [Stage::Started, Stage::Head, Stage::Failed]);
}

#[test]
fn an_observer_may_use_the_client() {
    let cell = Arc::new(Mutex::new(None::<Client>));
    let bench = Bench::new(|builder| {
        let cell = cell.clone();
        builder.max_active(1).observer(move |_: &Event<'_>| {
            let client = cell.lock().unwrap().clone().unwrap();
            client.pause();
            client.resume();
            assert!(client.stats().active <= 1);
        })
    });
    *cell.lock().unwrap() = Some(bench.client.clone());
    let mut requests = [bench.send("http://a/"), bench.send("http://b/"), bench.send("http://c/")];
    assert_eq!(bench.order(&mut requests), ["a/", "b/", "c/"]);
    *cell.lock().unwrap() = None;
}

#[test]
fn the_hops_of_a_redirect_share_a_slot_and_a_token() {
    let answers = [
        "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ];
    let script = answers.iter().fold(Script::new(), |script, answer| script.expect_head().send(answer.as_bytes()));
    let timer = ManualTimer::new();
    let agent = Agent::new(ScriptedConnector::new([script]), timer.clone());
    let limits = Client::builder().max_active(1).max_active_per_origin(1).rate_limit(Rate::new(1, seconds(1000)));
    let client = limits.backend(agent).timer(timer).build().unwrap();
    assert_eq!(block_on(async { client.get("http://a/").await.unwrap().text().await.unwrap() }), "ok");
    assert_eq!(client.stats().waits.count(), 1);
}

/// A request among others, with all limits at once, dropped after any number of polls: nothing stays behind.
#[test]
fn a_request_dropped_at_any_point_leaves_the_others_alone() {
    for polls in 0.. {
        let bench = Bench::new(|builder| {
            let rates =
                builder.rate_limit(Rate::new(1, seconds(1)).burst(2)).rate_limit_per_origin(Rate::new(1, seconds(2)));
            rates.max_active(2).max_active_per_origin(1).max_queued(3).queue_timeout(seconds(60))
        });
        let mut others = vec![bench.send("http://a/1"), bench.send("http://b/1")];
        let mut dropped = bench.client.get("http://a/dropped").send().boxed();
        let mut cx = Context::from_waker(Waker::noop());
        let mut finished = false;
        for poll in 0..polls {
            if poll == 1 {
                others.push(bench.send("http://a/2"));
                bench.timer.advance(seconds(1));
                bench.answer();
                others.iter_mut().for_each(poll_if_pending);
            }
            if poll == 2 {
                bench.timer.advance(seconds(1));
            }
            if poll == 3 {
                bench.answer();
                bench.answer();
            }
            if let Poll::Ready(response) = dropped.poll_unpin(&mut cx) {
                response.unwrap();
                finished = true;
                break;
            }
        }
        drop(dropped);
        for _ in 0..10 {
            bench.timer.advance(seconds(2));
            others.iter_mut().for_each(poll_if_pending);
            bench.order(&mut others);
        }
        assert_eq!((bench.counts(), bench.timer.pending()), ((0, 0), 0), "after {polls} polls");
        assert_eq!(bench.seen().iter().filter(|url| *url != "a/dropped").count(), others.len(), "after {polls} polls");
        if finished {
            assert!(polls > 3);
            return;
        }
    }
}
