//! The event loop: callbacks, timers and periodic calls on a manual clock and a manual executor, and blocking calls on
//! the real clock and executor.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use waterspout::Instant;
use waterspout::platform::native::{SystemTimer, TimedOut};
use waterspout::testing::ManualTimer;
use waterspout::tornado::EventLoop;

use crate::support::executor::ManualExecutor;

const SECOND: Duration = Duration::from_secs(1);

/// A loop, its executor and clock, and the notes of its callbacks.
struct Bench {
    turns: ManualExecutor,
    timer: ManualTimer,
    event_loop: EventLoop,
    log: Arc<Mutex<Vec<String>>>,
}

impl Bench {
    fn new() -> Self {
        let (turns, timer) = (ManualExecutor::default(), ManualTimer::new());
        let event_loop = EventLoop::over(turns.clone(), timer.clone());
        Self { turns, timer, event_loop, log: Arc::default() }
    }

    /// Returns a callback that adds `text` to the notes.
    fn note(&self, text: impl Into<String>) -> impl FnOnce() + Send + 'static {
        let (log, text) = (self.log.clone(), text.into());
        move || log.lock().unwrap().push(text)
    }

    /// Returns the notes since the last call.
    fn notes(&self) -> String {
        std::mem::take(&mut *self.log.lock().unwrap()).join(" ")
    }

    fn advance(&self, by: Duration) -> String {
        self.timer.advance(by);
        self.turns.run();
        self.notes()
    }
}

#[test]
fn callbacks_run_in_order_and_never_within_the_call_that_adds_them() {
    let bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.event_loop.add_callback(bench.note(name));
    }
    assert_eq!(bench.notes(), "");
    bench.turns.turn();
    assert_eq!(bench.notes(), "a b c");
    assert_eq!(bench.turns.tasks(), 0);
}

#[test]
fn callback_added_by_a_callback_runs_on_the_next_turn() {
    let bench = Bench::new();
    let (event_loop, inner, outer) = (bench.event_loop.clone(), bench.note("inner"), bench.note("outer"));
    bench.event_loop.add_callback(move || {
        event_loop.add_callback(inner);
        outer();
    });
    bench.event_loop.add_callback(bench.note("next"));
    bench.turns.turn();
    assert_eq!(bench.notes(), "outer next");
    bench.turns.turn();
    assert_eq!(bench.notes(), "inner");
}

#[test]
fn turn_runs_callbacks_before_due_timers() {
    let bench = Bench::new();
    bench.event_loop.call_later(Duration::ZERO, bench.note("timer"));
    bench.event_loop.add_callback(bench.note("callback"));
    bench.turns.turn();
    assert_eq!(bench.notes(), "callback timer");
}

#[test]
fn callbacks_of_each_thread_run_in_order() {
    let event_loop = EventLoop::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (event_loop, seen) = (event_loop.clone(), seen.clone());
            std::thread::spawn(move || {
                for number in 0..500 {
                    let seen = seen.clone();
                    event_loop.add_callback(move || seen.lock().unwrap().push((thread, number)));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    event_loop.add_callback(move || sender.send(()).unwrap());
    receiver.recv_timeout(10 * SECOND).unwrap();
    let seen = seen.lock().unwrap();
    for thread in 0..4 {
        let own: Vec<_> = seen.iter().filter(|(from, _)| *from == thread).map(|(_, number)| *number).collect();
        assert_eq!(own, (0..500).collect::<Vec<_>>());
    }
}

#[test]
fn panicking_callback_does_not_stop_other_callbacks() {
    let bench = Bench::new();
    bench.event_loop.add_callback(|| panic!("a callback's own mistake"));
    bench.event_loop.add_callback(bench.note("after"));
    bench.event_loop.call_later(SECOND, bench.note("timer"));
    bench.turns.run();
    assert_eq!(bench.notes(), "after");
    assert_eq!(bench.advance(SECOND), "timer");
}

#[test]
fn loop_spawns_its_task_again_after_the_executor_dropped_it() {
    let bench = Bench::new();
    bench.event_loop.add_callback(bench.note("a"));
    bench.turns.end();
    bench.event_loop.add_callback(bench.note("b"));
    bench.turns.run();
    assert_eq!(bench.notes(), "a b");
}

#[test]
fn timers_run_by_deadline_and_then_in_order_of_creation() {
    let bench = Bench::new();
    bench.event_loop.call_later(2 * SECOND, bench.note("late"));
    bench.event_loop.call_at(Instant::from_origin(SECOND), bench.note("first"));
    bench.event_loop.call_later(SECOND, bench.note("second"));
    bench.turns.run();
    assert_eq!(bench.advance(SECOND - Duration::from_nanos(1)), "");
    assert_eq!(bench.advance(Duration::from_nanos(1)), "first second");
    assert_eq!(bench.advance(SECOND), "late");
    assert_eq!((bench.turns.tasks(), bench.timer.pending()), (0, 0));
}

#[test]
fn earlier_timer_wakes_the_loop_earlier() {
    let bench = Bench::new();
    bench.event_loop.call_later(10 * SECOND, bench.note("later"));
    bench.turns.run();
    bench.event_loop.call_later(SECOND, bench.note("sooner"));
    bench.turns.run();
    assert_eq!(bench.timer.pending(), 1);
    assert_eq!(bench.advance(SECOND), "sooner");
    assert_eq!(bench.advance(9 * SECOND), "later");
}

#[test]
fn a_cancelled_timer_does_not_run_and_leaves_nothing_behind() {
    let bench = Bench::new();
    let timer = bench.event_loop.call_later(SECOND, bench.note("never"));
    bench.turns.run();
    assert!(timer.is_pending() && timer.cancel());
    assert!(!timer.is_pending() && !timer.cancel());
    bench.turns.run();
    assert_eq!((bench.turns.tasks(), bench.timer.pending()), (0, 0));
    assert_eq!(bench.advance(SECOND), "");
}

#[test]
fn cancelling_after_the_call_is_harmless() {
    let bench = Bench::new();
    let timer = bench.event_loop.call_later(SECOND, bench.note("once"));
    bench.turns.run();
    assert_eq!(bench.advance(SECOND), "once");
    assert!(!timer.cancel());
    let other = bench.event_loop.call_later(SECOND, bench.note("other"));
    assert!(!timer.cancel() && other.is_pending());
    bench.turns.run();
    assert_eq!(bench.advance(SECOND), "other");
}

#[test]
fn a_callback_may_cancel_another_of_the_same_turn() {
    let bench = Bench::new();
    let victim = Arc::new(Mutex::new(None::<waterspout::tornado::Scheduled>));
    let held = victim.clone();
    bench.event_loop.call_later(SECOND, move || assert!(held.lock().unwrap().take().unwrap().cancel()));
    *victim.lock().unwrap() = Some(bench.event_loop.call_later(SECOND, bench.note("never")));
    bench.turns.run();
    assert_eq!(bench.advance(SECOND), "");
}

#[test]
fn thousands_of_cancelled_timers_are_cleaned_up() {
    let bench = Bench::new();
    let value = Arc::new(());
    bench.event_loop.call_later(SECOND, bench.note("kept"));
    let timers: Vec<_> = (0..2000)
        .map(|_| {
            let value = value.clone();
            bench.event_loop.call_later(10 * SECOND, move || drop(value))
        })
        .collect();
    assert_eq!(Arc::strong_count(&value), 2001);
    timers.iter().for_each(|timer| assert!(timer.cancel()));
    assert_eq!(Arc::strong_count(&value), 1);
    let text = format!("{:?}", bench.event_loop);
    assert!(text.contains("timers: 1"), "{text}");
    bench.turns.run();
    assert_eq!(bench.advance(SECOND), "kept");
}

#[test]
fn timer_fires_after_its_handle_and_its_loop_were_dropped() {
    let Bench { turns, timer, event_loop, log } = Bench::new();
    let noted = log.clone();
    drop(event_loop.call_later(SECOND, move || noted.lock().unwrap().push("called".to_owned())));
    drop(event_loop);
    turns.run();
    timer.advance(SECOND);
    turns.run();
    assert_eq!(*log.lock().unwrap(), ["called"]);
}

#[test]
fn periodic_calls_keep_their_period_until_stopped() {
    let bench = Bench::new();
    let log = bench.log.clone();
    let periodic = bench.event_loop.call_every(10 * SECOND, 0.0, move || {
        log.lock().unwrap().push("tick".to_owned());
        async {}
    });
    bench.turns.run();
    assert_eq!(bench.advance(9 * SECOND), "");
    assert_eq!(bench.advance(SECOND), "tick");
    assert_eq!(bench.advance(10 * SECOND), "tick");
    assert!(!periodic.is_stopped());
    periodic.stop();
    periodic.stop();
    assert_eq!(bench.advance(100 * SECOND), "");
    assert_eq!((periodic.is_stopped(), bench.turns.tasks(), bench.timer.pending()), (true, 0, 0));
}

#[test]
fn call_longer_than_its_period_skips_calls() {
    let bench = Bench::new();
    let (log, event_loop) = (bench.log.clone(), bench.event_loop.clone());
    let _periodic = bench.event_loop.call_every(10 * SECOND, 0.0, move || {
        log.lock().unwrap().push(event_loop.now().since_origin().as_secs().to_string());
        event_loop.sleep(25 * SECOND)
    });
    bench.turns.run();
    let mut calls = String::new();
    for _ in 0..20 {
        calls += &bench.advance(5 * SECOND);
        calls += " ";
    }
    // Each call takes 25 s, so it skips two periods of 10 s and the next call starts 30 s later.
    assert_eq!(calls.split_whitespace().collect::<Vec<_>>(), ["10", "40", "70", "100"]);
}

#[test]
fn jitter_spreads_periodic_calls() {
    let bench = Bench::new();
    let (log, event_loop) = (bench.log.clone(), bench.event_loop.clone());
    let _periodic = bench.event_loop.call_every(100 * SECOND, 0.5, move || {
        log.lock().unwrap().push(event_loop.now().since_origin().as_secs().to_string());
        async {}
    });
    bench.turns.run();
    let mut times = vec![0];
    for _ in 0..2000 {
        times.extend(bench.advance(SECOND).parse::<u64>());
    }
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (74..=126).contains(gap)), "{gaps:?}");
    assert!(gaps.iter().any(|gap| *gap != gaps[0]), "{gaps:?}");
}

#[test]
fn run_sync_returns_what_the_future_returns() {
    assert_eq!(EventLoop::new().run_sync(async { 6 * 7 }), 42);
}

#[test]
fn run_sync_timeout_ends_only_a_future_that_takes_too_long() {
    let event_loop = EventLoop::new();
    assert_eq!(event_loop.run_sync_timeout(async { 1 }, SECOND), Ok(1));
    let limit = Duration::from_millis(20);
    let error = event_loop.run_sync_timeout(pending::<()>(), limit).unwrap_err();
    assert_eq!(error, TimedOut { limit });
    assert_eq!(error.to_string(), "the future did not end within 20ms");
}

#[test]
fn run_sync_timeout_drops_the_future() {
    let value = Arc::new(());
    let held = value.clone();
    let future = async move {
        pending::<()>().await;
        drop(held);
    };
    assert!(EventLoop::new().run_sync_timeout(future, Duration::from_millis(1)).is_err());
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn blocking_work_runs_on_another_thread() {
    let event_loop = EventLoop::new();
    let work = event_loop.run_in_executor(|| std::thread::current().id());
    assert_ne!(event_loop.run_sync(work), std::thread::current().id());
    let panics = event_loop.run_in_executor(|| panic!("the work's own mistake"));
    assert!(event_loop.run_sync(std::panic::AssertUnwindSafe(panics).catch_unwind()).is_err());
}

#[test]
fn callbacks_of_a_driver_that_was_dropped_run_with_the_next_callback() {
    // Ready callbacks, timed callbacks, and a next callback that is due before or after them.
    for (first, next) in [(0, 0), (0, 2), (1, 0), (1, 1), (2, 1), (1, 2)] {
        let bench = Bench::new();
        let add = |delay: u32, text: &str| match delay {
            0 => bench.event_loop.add_callback(bench.note(text)),
            _ => drop(bench.event_loop.call_later(delay * SECOND, bench.note(text))),
        };
        add(first, "first");
        bench.turns.end();
        assert_eq!(bench.advance(SECOND / 2), "");
        add(next, "next");
        let ran = [bench.advance(SECOND / 2), bench.advance(SECOND), bench.advance(SECOND)].concat();
        assert!(ran.contains("first") && ran.contains("next"), "{first} {next}: {ran}");
    }
}

#[test]
fn call_later_works_on_the_system_clock() {
    let event_loop = EventLoop::over(waterspout::platform::native::BackgroundThread, SystemTimer);
    let (sender, receiver) = std::sync::mpsc::channel();
    let started = event_loop.now();
    let clock = event_loop.clone();
    event_loop.call_later(Duration::from_millis(30), move || sender.send(clock.now()).unwrap());
    let called = receiver.recv_timeout(10 * SECOND).unwrap();
    assert!(called.since(started) >= Duration::from_millis(30));
}

#[test]
fn a_panic_in_the_background_leaves_the_thread_alive() {
    let l = EventLoop::new();
    let (tx, rx) = std::sync::mpsc::channel();
    l.spawn(async { panic!("user bug") });
    std::thread::sleep(Duration::from_millis(200));
    l.spawn(async move {
        let _ = tx.send(());
    });
    assert!(rx.recv_timeout(Duration::from_secs(2)).is_ok(), "the background thread has ended");
}
