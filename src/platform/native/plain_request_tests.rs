//! What a plain request costs on an idle connection: the size of its future, locks, looks at the clock and timers.
//!
//! The clock is moved by hand. The client is over a shared timer, as a client without a timer of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::executor::block_on;

use super::executor::BackgroundThread;
use super::network::ChosenRuntime;
use crate::agent::Agent;
use crate::backend::Backend;
use crate::client::{Builder, Client};
use crate::error::{Result, Timeout};
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::lock::times_taken;
use crate::runtime::{BoxFuture, Instant, Timer};
use crate::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};

const URL: &str = "http://example.com/";
const RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

/// A clock that counts how often it is read.
#[derive(Clone, Default)]
struct LookCounter {
    clock: ManualTimer,
    looks: Arc<AtomicUsize>,
}

impl Timer for LookCounter {
    fn now(&self) -> Instant {
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(deadline)
    }
}

/// What requests have taken so far.
#[derive(Debug, PartialEq)]
struct Taken {
    queue_locks: usize,
    pool_locks: usize,
    timer_locks: usize,
    looks: usize,
}

impl LookCounter {
    fn taken(&self) -> Taken {
        Taken {
            queue_locks: times_taken("client::queue::state::QueueState"),
            pool_locks: times_taken("agent::pool::PoolState"),
            timer_locks: times_taken("timer_queue::state::TimerQueueState"),
            looks: self.looks.load(Ordering::Relaxed),
        }
    }

    /// Returns what a call takes.
    fn taken_by(&self, call: impl FnOnce()) -> Taken {
        let before = self.taken();
        call();
        let after = self.taken();
        Taken {
            queue_locks: after.queue_locks - before.queue_locks,
            pool_locks: after.pool_locks - before.pool_locks,
            timer_locks: after.timer_locks - before.timer_locks,
            looks: after.looks - before.looks,
        }
    }
}

/// Returns a builder whose clock is over `timer` as over the system's timer.
fn over_shared(timer: impl Timer) -> Builder {
    Client::builder().with_backend_settings(|settings| {
        settings.runtime = Some(ChosenRuntime { timer: Arc::new(timer), executor: Arc::new(BackgroundThread) });
    })
}

/// Returns a connection that answers `count` requests. With `is_late`, the first read after each request finds nothing.
fn answers(count: usize, is_late: bool) -> ScriptedConnector {
    let answer = |script: Script, _| {
        let asked = script.expect_head();
        if is_late { asked.pause().send(RESPONSE) } else { asked.send(RESPONSE) }
    };
    ScriptedConnector::new([(0..count).fold(Script::new(), answer)])
}

fn get(client: &Client) {
    let text = block_on(async { client.get(URL).await?.text().await });
    assert_eq!(text.unwrap(), "hello");
}

#[test]
fn request_on_an_idle_connection_takes_two_locks_of_the_queue_and_of_the_pool() {
    for is_late in [false, true] {
        let timer = LookCounter::default();
        let agent = Agent::new(answers(4, is_late), timer.clone());
        let client = over_shared(timer.clone()).backend(agent).build().unwrap();
        get(&client);
        for _ in 0..3 {
            let taken = timer.taken_by(|| get(&client));
            assert_eq!(taken, Taken { queue_locks: 2, pool_locks: 2, timer_locks: 0, looks: 4 }, "late: {is_late}");
        }
    }
}

#[test]
fn request_over_a_timer_of_its_program_looks_at_the_clock_four_times() {
    for is_late in [false, true] {
        let timer = LookCounter::default();
        let agent = Agent::new(answers(2, is_late), timer.clone());
        let client = Client::builder().timer(timer.clone()).backend(agent).build().unwrap();
        get(&client);
        assert_eq!(timer.taken_by(|| get(&client)).looks, 4, "late: {is_late}");
    }
}

#[test]
fn future_of_a_request_is_smaller_than_1_kib() {
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap();
    let request = || Request::get(URL).build().unwrap();
    assert!(size_of_val(&client.get(URL).send()) < 1024);
    assert!(size_of_val(&client.fetch(request())) < 1024);
    let agent = Agent::new(ScriptedConnector::default(), ManualTimer::new());
    assert!(size_of_val(&*agent.fetch(request(), CallContext::new())) < 1024);
}

/// Counts the wakes of a task.
#[derive(Default)]
struct TaskWakes(AtomicUsize);

impl Wake for TaskWakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A request, as an executor polls it: only after it was woken.
struct RequestTask {
    future: BoxFuture<'static, Result<Response>>,
    wakes: Arc<TaskWakes>,
    /// When its limit passes.
    ends_at: Duration,
}

impl RequestTask {
    /// Sends a request whose limit passes at `ends_at`.
    fn send(client: &Client, timer: &ManualTimer, ends_at: Duration) -> Self {
        let head_timeout = ends_at - timer.now().since_origin();
        let future = Box::pin(client.get(URL).head_timeout(head_timeout).send());
        let mut task = Self { future, wakes: Arc::default(), ends_at };
        assert!(task.poll().is_none());
        task
    }

    fn poll(&mut self) -> Option<Result<Response>> {
        self.wakes.0.store(0, Ordering::Relaxed);
        match self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(self.wakes.clone()))) {
            Poll::Ready(outcome) => Some(outcome),
            Poll::Pending => None,
        }
    }

    fn wakes(&self) -> usize {
        self.wakes.0.load(Ordering::Relaxed)
    }

    /// Polls the request if it was woken, and returns whether its limit has passed.
    fn has_ended(&mut self) -> bool {
        let outcome = if self.wakes() > 0 { self.poll() } else { None };
        let error = outcome.map(|outcome| outcome.expect_err("the server is silent"));
        error.is_some_and(|error| error.timeout() == Some(Timeout::Head))
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Returns a client of a silent server, on a clock that stands at 10 s. Its timer is set for 20 s.
fn silent_client() -> (Client, ManualTimer) {
    let timer = ManualTimer::new();
    let client = over_shared(timer.clone()).max_active(1000).backend(MockBackend::pending()).build().unwrap();
    drop(RequestTask::send(&client, &timer, seconds(20)));
    timer.advance(seconds(10));
    (client, timer)
}

#[test]
fn request_without_a_timer_of_its_own_ends_at_its_limit() {
    let (client, timer) = silent_client();
    let before = times_taken("timer_queue::state::TimerQueueState");
    let mut request = RequestTask::send(&client, &timer, seconds(30));
    assert_eq!(times_taken("timer_queue::state::TimerQueueState"), before);
    // The timer wakes it, and it sets a timer of its own.
    timer.advance(seconds(10));
    assert_eq!(request.wakes(), 1);
    assert!(!request.has_ended());
    timer.advance(seconds(10) - Duration::from_nanos(1));
    assert_eq!(request.wakes(), 0);
    timer.advance(Duration::from_nanos(1));
    assert!(request.has_ended());
}

#[test]
fn limit_before_the_timer_sets_another_timer() {
    let (client, timer) = silent_client();
    let mut request = RequestTask::send(&client, &timer, seconds(15));
    timer.advance(seconds(5) - Duration::from_nanos(1));
    assert_eq!(request.wakes(), 0);
    timer.advance(Duration::from_nanos(1));
    assert!(request.has_ended());
}

#[test]
fn timer_wakes_a_request_without_a_timer_once() {
    let (client, timer) = silent_client();
    let mut requests: Vec<_> = (0..100).map(|at| RequestTask::send(&client, &timer, seconds(100 + at))).collect();
    timer.advance(seconds(10));
    for request in &mut requests {
        assert_eq!(request.wakes(), 1);
        assert!(!request.has_ended());
    }
    for ended in 0..100 {
        timer.advance(requests[ended].ends_at - timer.now().since_origin());
        // The limit of a request wakes that request alone.
        let woken: Vec<_> = (0..100).filter(|index| requests[*index].wakes() > 0).collect();
        assert_eq!(woken, [ended]);
        assert!(requests[ended].has_ended());
        // A request that starts meanwhile is covered by the timer of the running requests.
        drop(RequestTask::send(&client, &timer, seconds(1000)));
    }
}

#[test]
fn held_request_delays_no_limit_of_another() {
    let (client, timer) = silent_client();
    let held = RequestTask::send(&client, &timer, seconds(25));
    let mut request = RequestTask::send(&client, &timer, seconds(25));
    timer.advance(seconds(10));
    assert!(!request.has_ended());
    timer.advance(seconds(5));
    assert!(request.has_ended());
    drop(held);
}

#[test]
fn each_limit_passes_in_time_in_random_runs() {
    for seed in 1..200_u64 {
        // Xorshift.
        let mut state = seed;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let timer = ManualTimer::new();
        let client = over_shared(timer.clone()).max_active(1000).backend(MockBackend::pending()).build().unwrap();
        let mut requests: Vec<RequestTask> = Vec::new();
        for _ in 0..200 {
            match random(4) {
                0 | 1 => {
                    let limit = Duration::from_millis(1 + random(50));
                    requests.push(RequestTask::send(&client, &timer, timer.now().since_origin() + limit));
                }
                2 if !requests.is_empty() => drop(requests.swap_remove(random(requests.len() as u64) as usize)),
                _ => timer.advance(Duration::from_millis(random(8))),
            }
            let now = timer.now().since_origin();
            requests.retain_mut(|request| !request.has_ended());
            assert!(requests.iter().all(|request| request.ends_at > now), "seed {seed} at {now:?}");
        }
    }
}

#[test]
fn each_limit_passes_on_the_clock_of_the_system() {
    let client = Client::builder().max_active(1000).backend(MockBackend::pending()).build().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let client = &client;
            scope.spawn(move || {
                for number in 0..200 {
                    let limit = Duration::from_micros(100 + (thread * 7919 + number * 104_729) % 3000);
                    let error = block_on(client.get(URL).head_timeout(limit).send()).unwrap_err();
                    assert_eq!(error.timeout(), Some(Timeout::Head));
                }
            });
        }
    });
}
