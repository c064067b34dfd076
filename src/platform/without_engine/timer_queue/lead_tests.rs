//! A timer queue that leads itself needs no task but the tasks that are due.

use super::tests::{CountingClock, Handle, SleepingTask, clock_with, ms, random_runs, run, tasks, ten_thousand_sleeps};
use super::*;

use crate::runtime::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn queue_that_leads_sets_a_single_timer() {
    ten_thousand_sleeps(true);
}

#[test]
fn every_sleep_of_a_queue_that_leads_ends_in_time_in_random_runs() {
    random_runs(true);
}

#[test]
fn any_number_of_unpolled_sleeps_delays_no_other_sleep() {
    // The sleeps that are held without a poll, and the sleeps whose tasks are polled.
    for held in [vec![50; 20], vec![500; 20], (1..200).collect(), (1..200).rev().collect()] {
        let (clock, queue) = clock_with(true);
        let first = tasks(&queue, [60]);
        let mut held_tasks = tasks(&queue, held.iter().copied());
        let mut alive: Vec<SleepingTask> = first.into_iter().chain(tasks(&queue, [100, 300])).collect();
        held_tasks.iter_mut().step_by(2).for_each(|task| task.sleep.pause());
        for (at, left) in [(60, 2), (100, 1), (299, 1), (300, 0)] {
            clock.advance_to(ms(at));
            run(&mut alive);
            assert_eq!(alive.len(), left, "at {at} ms");
        }
        drop(held_tasks);
        assert_eq!(clock.pending(), 0);
    }
}

#[test]
fn only_due_tasks_are_woken() {
    let (clock, queue) = clock_with(true);
    let mut all = tasks(&queue, (1..=50).map(|at| 10 * at));
    while !all.is_empty() {
        let at = all[0].at;
        clock.advance_to(at);
        assert_eq!(all.iter().filter(|task| task.is_woken()).count(), 1);
        assert_eq!(run(&mut all), [at]);
        assert_eq!(clock.pending(), usize::from(!all.is_empty()));
    }
}

#[test]
fn dropped_leader_leaves_the_timer_to_the_queue_and_wakes_no_task() {
    let (clock, queue) = clock_with(true);
    let mut all = tasks(&queue, [100, 200, 300, 400, 500, 600]);
    while all.len() > 1 {
        drop(all.remove(0));
        assert_eq!((clock.pending(), all.iter().filter(|task| task.is_woken()).count()), (1, 0));
    }
    // A sooner sleep takes the lead, and gives it back.
    drop(tasks(&queue, [50]));
    assert_eq!(clock.pending(), 1);
    drop(all);
    assert_eq!(clock.pending(), 0);
}

#[test]
fn sleep_whose_time_comes_within_its_poll_wakes_its_task() {
    let (clock, queue) = clock_with(true);
    // The second sleep is why the queue leads on after 30 ms.
    let mut all = tasks(&queue, [30, 100]);
    // A sooner sleep takes the lead, and the waker of the former leader. Then the queue leads.
    drop(tasks(&queue, [20]));
    clock.advance_to(ms(30));
    all[0].poll_after_clock();
    assert!(all[0].is_woken());
}

/// A clock whose timers are over at once, for any deadline.
struct EarlyClock;

impl Timer for EarlyClock {
    fn now(&self) -> Instant {
        ms(0)
    }

    fn sleep_until(&self, _deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[test]
fn timer_that_is_always_early_does_not_hang_the_queue() {
    let queue = TimerQueue::with(Arc::new(EarlyClock), true);
    let mut all = tasks(&queue, [100, 200, 300]);
    drop(all.remove(0));
    // The tasks poll their sleeps, as with a timer that is right.
    assert!(all.iter().any(SleepingTask::is_woken));
}

/// A clock that reaches the deadline of some timers while they are set.
struct LateClock {
    clock: Arc<CountingClock>,
    timer: Handle,
    /// How many of the next timers are set too late.
    late: AtomicUsize,
}

struct LateHandle(Arc<LateClock>);

impl Timer for LateHandle {
    fn now(&self) -> Instant {
        self.0.timer.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let late = &self.0.late;
        if late.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |late| late.checked_sub(1)).is_ok() {
            self.0.clock.advance_to(deadline);
        }
        self.0.timer.sleep_until(deadline)
    }
}

#[test]
fn timer_that_is_set_too_late_delays_no_other_sleep() {
    for late in [1, 2, 5, 20] {
        let clock = Arc::new(CountingClock::default());
        let timer = Handle(clock.clone());
        let late_clock = Arc::new(LateClock { clock: clock.clone(), timer, late: AtomicUsize::new(0) });
        let queue = TimerQueue::with(Arc::new(LateHandle(late_clock.clone())), true);
        let first = tasks(&queue, [10]);
        // The tasks of these sleeps hold them without a poll.
        let mut held = tasks(&queue, (0..20).map(|index| 20 + index));
        let mut alive: Vec<SleepingTask> = first.into_iter().chain(tasks(&queue, [100])).collect();
        held.extend(tasks(&queue, [500; 20]));
        late_clock.late.store(late, Ordering::Relaxed);
        clock.advance_to(ms(10));
        assert_eq!(run(&mut alive), [ms(10)], "{late} late timers");
        clock.advance_to(ms(100));
        assert_eq!(run(&mut alive), [ms(100)], "{late} late timers");
        drop(held);
        assert_eq!(clock.pending(), 0);
    }
}

/// A waker of a task that panics when it is woken, as a task can that its executor polls at once.
struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("a waker's own mistake");
    }
}

#[cfg(panic = "unwind")]
#[test]
fn waker_that_panics_keeps_no_other_task_asleep() {
    for can_lead in [false, true] {
        let (clock, queue) = clock_with(can_lead);
        let mut all = tasks(&queue, [10, 10]);
        let mut panicking = QueuedSleep::new(&queue);
        panicking.reset(Some(ms(10)));
        assert!(panicking.poll(&mut Context::from_waker(&Waker::from(Arc::new(PanickingWaker)))).is_pending());
        all.extend(tasks(&queue, [10, 10, 20]));
        clock.advance_to(ms(10));
        assert_eq!(run(&mut all).len(), 4);
        drop(panicking);
        clock.advance_to(ms(20));
        assert_eq!(run(&mut all), [ms(20)]);
    }
}
