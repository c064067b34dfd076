//! A result that a task sets and another task awaits, and callbacks on it: Tornado's `Future`.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::tornado::{EventLoop, promise};
use waterspout::{BoxFuture, Client, Error, ErrorKind, Executor, Phase, Request, Response};

use crate::support::executor::ManualExecutor;

type Log = Arc<Mutex<Vec<String>>>;

fn note(log: &Log, text: impl Into<String>) {
    log.lock().unwrap().push(text.into());
}

fn notes(log: &Log) -> Vec<String> {
    std::mem::take(&mut *log.lock().unwrap())
}

fn failure() -> Error {
    Error::new(ErrorKind::Decode, Phase::Body, "not a number")
}

#[test]
fn result_set_before_or_after_the_first_poll_reaches_the_awaiting_task() {
    let (set, pending) = promise();
    assert!(set.resolve(1));
    assert_eq!(block_on(pending).unwrap(), 1);

    let (set, mut pending) = promise::<u8>();
    assert!(!pending.is_done() && (&mut pending).now_or_never().is_none());
    assert!(set.reject(failure()));
    assert!(pending.is_done());
    assert_eq!(pending.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Decode);
}

#[test]
fn result_set_on_another_thread_wakes_the_awaiting_task() {
    let (set, pending) = promise();
    let waiting = std::thread::spawn(move || block_on(pending));
    std::thread::spawn(move || set.resolve("from there")).join().unwrap();
    assert_eq!(waiting.join().unwrap().unwrap(), "from there");
}

#[test]
fn setting_twice_is_ignored() {
    let (set, pending) = promise();
    assert!(set.resolve(1));
    assert!(!set.resolve(2) && !set.reject(failure()) && !set.settle(Ok(3)));
    drop(set);
    assert_eq!(block_on(pending).unwrap(), 1);
}

#[test]
fn a_promise_that_is_dropped_is_an_error() {
    let (set, mut pending) = promise::<()>();
    assert!((&mut pending).now_or_never().is_none());
    drop(set);
    let error = block_on(pending).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.to_string().contains("was dropped without a result"), "{error}");
}

#[test]
fn cancelling_notifies_the_worker_and_a_later_result_is_ignored() {
    let (set, pending) = promise();
    let mut cancelled = Box::pin(set.cancelled());
    assert!((&mut cancelled).now_or_never().is_none());
    assert!(!set.is_cancelled() && pending.cancel() && set.is_cancelled());
    assert!(cancelled.now_or_never().is_some());
    assert!(!set.resolve(1) && !pending.cancel());
    assert_eq!(block_on(pending).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn cancelling_wakes_the_worker() {
    let (set, pending) = promise::<()>();
    let worker = std::thread::spawn(move || block_on(set.cancelled()));
    assert!(pending.cancel());
    worker.join().unwrap();
}

#[test]
fn cancelling_after_the_result_changes_nothing() {
    let (set, pending) = promise();
    set.resolve(1);
    assert!(!pending.cancel() && !set.is_cancelled());
    assert!(set.cancelled().now_or_never().is_none());
    assert_eq!(block_on(pending).unwrap(), 1);
}

#[test]
fn callbacks_run_in_order_and_before_the_awaiting_task() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let (set, mut pending) = promise();
    for name in ["first", "second"] {
        let log = log.clone();
        pending.on_done(turns.clone(), move |result| note(&log, format!("{name} {}", result.as_ref().unwrap())));
    }
    turns.run();
    set.resolve(5);
    assert_eq!(notes(&log), [""; 0]);
    assert!((&mut pending).now_or_never().is_none());
    turns.turn();
    assert_eq!(notes(&log), ["first 5"]);
    assert!((&mut pending).now_or_never().is_none());
    turns.turn();
    assert_eq!(notes(&log), ["second 5"]);
    assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
}

#[test]
fn a_callback_added_after_the_result_runs_on_a_later_turn_too() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let (set, mut pending) = promise();
    set.resolve(5);
    let add = |pending: &waterspout::tornado::Pending<i32>| {
        let log = log.clone();
        pending.on_done(turns.clone(), move |result| note(&log, format!("{:?}", result.as_ref().map_err(Error::kind))));
    };
    add(&pending);
    assert_eq!(notes(&log), [""; 0]);
    turns.run();
    assert_eq!(notes(&log), ["Ok(5)"]);
    assert_eq!((&mut pending).now_or_never().unwrap().unwrap(), 5);
    // The result has been taken. A later callback and a later wait get an error and do not hang.
    add(&pending);
    turns.run();
    assert_eq!(notes(&log), ["Err(Cancelled)"]);
    assert_eq!(pending.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn panicking_callback_affects_neither_other_callbacks_nor_the_result() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let (set, pending) = promise();
    pending.on_done(turns.clone(), |_| panic!("a callback's own mistake"));
    let other = log.clone();
    pending.on_done(turns.clone(), move |result| note(&other, format!("{}", result.as_ref().unwrap())));
    set.resolve(5);
    turns.run();
    assert_eq!(notes(&log), ["5"]);
    assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
}

#[test]
fn result_arrives_although_the_executor_of_a_callback_has_ended() {
    let turns = ManualExecutor::default();
    let (set, pending) = promise();
    pending.on_done(turns.clone(), |_| unreachable!("it is never polled"));
    set.resolve(5);
    turns.end();
    assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
}

/// What an executor does with a task while `spawn` still runs.
#[derive(Clone, Copy, Debug)]
enum Spawn {
    /// It drops the task, as an executor does that has ended.
    Drop,
    /// It runs the task.
    Run,
    /// It panics.
    Panic,
}

impl Executor for Spawn {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match self {
            Self::Drop => drop(task),
            Self::Run => assert!(task.now_or_never().is_some()),
            Self::Panic => panic!("an executor's own mistake"),
        }
    }
}

const MANY: usize = 100_000;

/// Adds a callback for each executor of `spawns`, which repeats. Returns the numbers of the callbacks that were called.
fn add_many(pending: &waterspout::tornado::Pending<i32>, spawns: &[Spawn]) -> Arc<Mutex<Vec<usize>>> {
    let called = Arc::<Mutex<Vec<usize>>>::default();
    for (number, spawn) in spawns.iter().cycle().take(MANY).enumerate() {
        let called = called.clone();
        pending.on_done(*spawn, move |result| {
            assert_eq!(*result.as_ref().unwrap(), 5);
            called.lock().unwrap().push(number);
        });
    }
    called
}

#[test]
fn number_of_callbacks_is_not_limited_by_the_stack() {
    for spawns in
        [&[Spawn::Drop][..], &[Spawn::Run], &[Spawn::Drop, Spawn::Run], &[Spawn::Run, Spawn::Run, Spawn::Drop]]
    {
        let ran = |number: &usize| matches!(spawns[number % spawns.len()], Spawn::Run);
        let expected: Vec<usize> = (0..MANY).filter(ran).collect();
        // Added before the result.
        let (set, pending) = promise();
        let called = add_many(&pending, spawns);
        set.resolve(5);
        assert!(*called.lock().unwrap() == expected, "{spawns:?}");
        assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
        // Added after the result, and while the first callback of another executor waits for its turn.
        let (set, pending) = promise();
        let turns = ManualExecutor::default();
        set.resolve(5);
        pending.on_done(turns.clone(), |_| {});
        let called = add_many(&pending, spawns);
        assert!(called.lock().unwrap().is_empty());
        turns.run();
        assert!(*called.lock().unwrap() == expected, "{spawns:?}");
        assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
    }
}

#[test]
fn callbacks_of_a_dropped_promise_are_not_limited_by_the_stack() {
    let (set, pending) = promise::<i32>();
    let called = add_many(&pending, &[Spawn::Drop]);
    drop(set);
    assert!(called.lock().unwrap().is_empty());
    assert_eq!(pending.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
}

/// A second panic while the thread unwinds would abort the process, and this test with it.
#[test]
fn panicking_executor_does_not_abort_a_thread_that_unwinds() {
    let (set, pending) = promise::<i32>();
    pending.on_done(Spawn::Panic, |_| {});
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _dropped_by_the_panic = set;
        panic!("the task of the promise fails");
    }));
    assert_eq!(*outcome.unwrap_err().downcast::<&str>().unwrap(), "the task of the promise fails");
    assert_eq!(pending.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn panicking_executor_affects_neither_other_callbacks_nor_the_result() {
    let (set, pending) = promise();
    let log = Log::default();
    for spawn in [Spawn::Run, Spawn::Panic, Spawn::Run, Spawn::Drop, Spawn::Panic, Spawn::Run] {
        let log = log.clone();
        pending.on_done(spawn, move |result| note(&log, format!("{spawn:?} {}", result.as_ref().unwrap())));
    }
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| set.resolve(5))).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"an executor's own mistake"));
    assert_eq!(notes(&log), ["Run 5"; 3]);
    assert_eq!(pending.now_or_never().unwrap().unwrap(), 5);
}

#[test]
fn callback_may_add_a_callback_to_its_own_promise() {
    let (set, pending) = promise();
    let (pending, log) = (Arc::new(Mutex::new(pending)), Log::default());
    let (adder, added) = (pending.clone(), log.clone());
    pending.lock().unwrap().on_done(Spawn::Run, move |_| {
        let inner = added.clone();
        adder.lock().unwrap().on_done(Spawn::Run, move |_| note(&inner, "second"));
        note(&added, "first");
    });
    set.resolve(5);
    assert_eq!(notes(&log), ["first", "second"]);
    assert_eq!((&mut *pending.lock().unwrap()).now_or_never().unwrap().unwrap(), 5);
}

#[test]
fn fetch_with_calls_back_once_on_the_executor() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let client = Client::builder().backend(MockBackend::text("hello")).build().unwrap();
    let called = log.clone();
    let done = client.fetch_with(turns.clone(), Request::get("http://a.example/"), move |result| {
        note(&called, result.unwrap().status().as_str());
    });
    assert_eq!(notes(&log), [""; 0]);
    turns.run();
    assert_eq!(notes(&log), ["200"]);
    assert!(done.now_or_never().unwrap().is_ok());
}

#[test]
fn fetch_with_calls_back_with_the_error_of_a_bad_request() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let called = log.clone();
    let _done = Client::new().fetch_with(turns.clone(), Request::get("nonsense"), move |result| {
        note(&called, format!("{:?}", result.unwrap_err().kind()));
    });
    turns.run();
    assert_eq!(notes(&log), ["InvalidUrl"]);
}

#[test]
fn cancelled_fetch_with_stops_and_calls_back() {
    let (turns, log) = (ManualExecutor::default(), Log::default());
    let client = Client::builder().backend(MockBackend::pending()).build().unwrap();
    let called = log.clone();
    let done = client.fetch_with(turns.clone(), Request::get("http://a.example/"), move |result| {
        note(&called, format!("{:?}", result.unwrap_err().kind()));
    });
    turns.run();
    assert_eq!((client.stats().active, notes(&log).len()), (1, 0));
    assert!(done.cancel());
    turns.run();
    assert_eq!((client.stats().active, notes(&log)), (0, vec!["Cancelled".to_owned()]));
}

#[test]
fn fetch_with_completes_although_its_result_was_dropped() {
    let (turns, timer, log) = (ManualExecutor::default(), ManualTimer::new(), Log::default());
    let clock = timer.clone();
    let backend = MockBackend::new(move |request| {
        let sleep = waterspout::Timer::sleep_until(&clock, waterspout::Instant::from_origin(Duration::from_secs(1)));
        Box::pin(async move {
            sleep.await;
            Ok(Response::new(StatusCode::OK, request.url().clone(), "late"))
        })
    });
    let client = Client::builder().backend(backend).build().unwrap();
    let called = log.clone();
    drop(client.fetch_with(turns.clone(), Request::get("http://a.example/"), move |result| {
        note(&called, format!("{}", result.is_ok()));
    }));
    turns.run();
    timer.advance(Duration::from_secs(1));
    turns.run();
    assert_eq!(notes(&log), ["true"]);
}

#[test]
fn fetch_with_needs_no_event_loop_of_the_callers() {
    let client = Client::builder().backend(MockBackend::text("hello")).build().unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let request = Request::get("http://a.example/");
    let _done = client.fetch_with(EventLoop::new().executor(), request, move |result| sender.send(result).unwrap());
    assert!(receiver.recv_timeout(Duration::from_secs(10)).unwrap().is_ok());
}

#[test]
fn result_wakes_the_task_that_polled_last() {
    let (set, mut pending) = promise();
    assert!(pending.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let result = block_on(futures::future::poll_fn(|cx| {
            let poll = pending.poll_unpin(cx);
            let _ = sender.send(());
            match poll {
                Poll::Ready(result) => Poll::Ready(result),
                Poll::Pending => Poll::Pending,
            }
        }));
        result.unwrap()
    });
    receiver.recv().unwrap();
    set.resolve(7);
    assert_eq!(thread.join().unwrap(), 7);
}
