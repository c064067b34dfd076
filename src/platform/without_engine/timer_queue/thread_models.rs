//! Thread models of the timer queue: every sleep ends, whatever the tasks of the other sleeps do.

use std::time::Duration;

use super::*;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};
use crate::runtime::sync::model::{JoinHandle, StepClock, block_on, check, join_all, poll_once, repeat_until, spawn};

/// A timer queue, its clock, and how many of its sleeps have ended.
#[derive(Clone)]
struct CountedTimers {
    clock: StepClock,
    queue: TimerQueue,
    ended: Arc<AtomicUsize>,
}

impl CountedTimers {
    /// Makes a queue that leads itself, or whose sleeps lead.
    fn new(can_lead: bool) -> Self {
        let clock = StepClock::default();
        let queue = TimerQueue::with(Arc::new(clock.clone()), can_lead);
        Self { clock, queue, ended: Arc::default() }
    }

    /// Makes a queue whose timer stays set.
    fn over_shared() -> Self {
        let clock = StepClock::default();
        let queue = TimerQueue::over_shared(Arc::new(clock.clone()));
        Self { clock, queue, ended: Arc::default() }
    }

    fn thread(&self, work: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let timers = self.clone();
        spawn(move || work(&timers))
    }

    fn sleep(&self, millis: u64) -> QueuedSleep {
        let mut sleep = QueuedSleep::new(&self.queue);
        sleep.reset(Some(self.clock.now() + Duration::from_millis(millis)));
        sleep
    }

    /// Sleeps, and counts.
    fn wait(&self, millis: u64) {
        let mut sleep = self.sleep(millis);
        let at = sleep.at().unwrap();
        block_on(poll_fn(|cx| sleep.poll(cx)));
        assert!(self.clock.now() >= at);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Polls a sleep, and then drops it or holds it without a poll until it is dropped.
    fn poll_and_drop(&self, millis: u64) {
        let mut sleep = self.sleep(millis);
        poll_once(&mut poll_fn(|cx| sleep.poll(cx)));
        sleep.pause();
    }

    /// Advances the clock until `sleeps` sleeps have ended.
    fn run(&self, sleeps: usize) {
        repeat_until(|| self.ended.load(Ordering::SeqCst) == sleeps, || self.clock.advance(Duration::from_millis(1)));
    }
}

#[test]
fn every_sleep_ends() {
    for can_lead in [false, true] {
        check("timer queue: sleeps", move || {
            let timers = CountedTimers::new(can_lead);
            let threads = [1, 2, 2].map(|millis| timers.thread(move |timers| timers.wait(millis)));
            timers.run(3);
            join_all(threads);
            assert_eq!(timers.clock.pending(), 0);
        });
    }
}

#[test]
fn dropped_leader_leaves_no_sleep_behind() {
    for can_lead in [false, true] {
        check("timer queue: dropped leaders", move || {
            let timers = CountedTimers::new(can_lead);
            let threads = [
                timers.thread(|timers| timers.wait(3)),
                timers.thread(|timers| timers.poll_and_drop(1)),
                timers.thread(|timers| timers.poll_and_drop(2)),
                timers.thread(|timers| timers.wait(2)),
            ];
            timers.run(2);
            join_all(threads);
            assert_eq!(timers.clock.pending(), 0);
        });
    }
}

#[test]
fn sleep_that_is_set_again_ends_at_its_new_time() {
    for can_lead in [false, true] {
        check("timer queue: resets", move || {
            let timers = CountedTimers::new(can_lead);
            let reset = timers.thread(|timers| {
                let mut sleep = timers.sleep(5);
                poll_once(&mut poll_fn(|cx| sleep.poll(cx)));
                sleep.reset(Some(timers.clock.now() + Duration::from_millis(1)));
                block_on(poll_fn(|cx| sleep.poll(cx)));
                timers.ended.fetch_add(1, Ordering::SeqCst);
            });
            let threads = [reset, timers.thread(|timers| timers.wait(2)), timers.thread(|timers| timers.wait(1))];
            timers.run(3);
            join_all(threads);
            assert_eq!(timers.clock.pending(), 0);
        });
    }
}

#[test]
fn queue_whose_timer_stays_set_ends_every_sleep() {
    check("timer queue: kept lead", || {
        let timers = CountedTimers::over_shared();
        let threads = [
            timers.thread(|timers| timers.wait(2)),
            timers.thread(|timers| timers.poll_and_drop(1)),
            timers.thread(|timers| timers.wait(1)),
        ];
        timers.run(2);
        join_all(threads);
    });
}

/// Counts the wake-ups of the tasks whose sleeps are covered, and wakes these tasks.
#[derive(Default)]
struct CoveredTasks(crate::runtime::lock::Lock<Vec<Waker>>);

impl Wake for CoveredTasks {
    fn wake(self: Arc<Self>) {
        let wakers = std::mem::take(&mut *self.0.lock());
        wakers.into_iter().for_each(Waker::wake);
    }
}

#[test]
fn covered_sleep_is_woken_in_time() {
    check("timer queue: covered sleeps", || {
        let timers = CountedTimers::over_shared();
        let covered = Arc::new(CoveredTasks::default());
        QueuedSleep::wake_covered_by(&timers.queue, || Waker::from(covered.clone()));
        // Sets the timer that may cover the other sleeps.
        let first = timers.thread(|timers| timers.wait(1));
        let others = [2, 3].map(|millis| {
            let covered = covered.clone();
            timers.thread(move |timers| {
                let mut sleep = timers.sleep(millis);
                let at = sleep.at().unwrap();
                // As a request does: a covered sleep does not join the queue.
                block_on(poll_fn(|cx| {
                    if timers.clock.now() >= at {
                        return Poll::Ready(());
                    }
                    covered.0.lock().push(cx.waker().clone());
                    if sleep.is_covered(at) {
                        return Poll::Pending;
                    }
                    sleep.poll(cx)
                }));
                timers.ended.fetch_add(1, Ordering::SeqCst);
            })
        });
        timers.run(3);
        join_all(others.into_iter().chain([first]));
    });
}
