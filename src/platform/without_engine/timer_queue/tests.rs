//! The timer queue sets a single timer and forgets no sleep when other sleeps are dropped.

use std::collections::HashMap;
use std::time::Duration;

use super::state::{MAX_CANCELLED, is_live};
use super::*;

use crate::runtime::sync::Mutex;
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};

/// A clock moved by hand that counts the timers set on it.
#[derive(Default)]
pub(super) struct CountingClock(Mutex<Hands>);

#[derive(Default)]
struct Hands {
    now: Instant,
    next: u64,
    set: HashMap<u64, (Instant, Waker)>,
}

struct CountedSleep {
    clock: Arc<CountingClock>,
    number: u64,
    until: Instant,
}

impl CountingClock {
    /// Returns how many sleeps were made so far.
    pub(super) fn made(&self) -> u64 {
        self.0.lock().unwrap().next
    }

    pub(super) fn pending(&self) -> usize {
        self.0.lock().unwrap().set.len()
    }

    pub(super) fn advance_to(&self, now: Instant) {
        let due: Vec<_> = {
            let mut hands = self.0.lock().unwrap();
            hands.now = hands.now.max(now);
            let now = hands.now;
            let due: Vec<_> = hands.set.iter().filter(|(_, (at, _))| *at <= now).map(|(number, _)| *number).collect();
            due.into_iter().filter_map(|number| hands.set.remove(&number)).collect()
        };
        due.into_iter().for_each(|(_, waker)| waker.wake());
    }
}

pub(super) struct Handle(pub(super) Arc<CountingClock>);

impl Timer for Handle {
    fn now(&self) -> Instant {
        self.0.0.lock().unwrap().now
    }

    fn sleep_until(&self, until: Instant) -> BoxFuture<'static, ()> {
        let number = {
            let mut hands = self.0.0.lock().unwrap();
            hands.next += 1;
            hands.next
        };
        Box::pin(CountedSleep { clock: self.0.clone(), number, until })
    }
}

impl std::future::Future for CountedSleep {
    type Output = ();

    fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.0.lock().unwrap();
        if self.until <= hands.now {
            return Poll::Ready(());
        }
        hands.set.insert(self.number, (self.until, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for CountedSleep {
    fn drop(&mut self) {
        let _waker = self.clock.0.lock().unwrap().set.remove(&self.number);
    }
}

/// How often a task was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A task that sleeps, and is polled when it is woken, as by an executor.
pub(super) struct SleepingTask {
    pub(super) at: Instant,
    pub(super) sleep: QueuedSleep,
    woken: Arc<Woken>,
}

impl SleepingTask {
    fn new(queue: &TimerQueue, at: Instant) -> Self {
        Self { at, sleep: sleep_until(queue, at), woken: Arc::default() }
    }

    pub(super) fn poll(&mut self) -> bool {
        self.woken.0.store(0, Ordering::Relaxed);
        self.sleep.poll(&mut Context::from_waker(&Waker::from(self.woken.clone()))).is_ready()
    }

    /// Makes the rest of a poll that has read the clock before.
    pub(super) fn poll_after_clock(&mut self) {
        self.woken.0.store(0, Ordering::Relaxed);
        assert!(self.sleep.poll_new(&mut Context::from_waker(&Waker::from(self.woken.clone()))).is_pending());
    }

    pub(super) fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed) > 0
    }
}

/// A sleep that is set and not polled yet.
fn sleep_until(queue: &TimerQueue, at: Instant) -> QueuedSleep {
    let mut sleep = QueuedSleep::new(queue);
    sleep.reset(Some(at));
    sleep
}

pub(super) fn ms(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

/// Returns a clock, and a queue whose leader is always a sleep.
fn clock() -> (Arc<CountingClock>, TimerQueue) {
    clock_with(false)
}

/// Returns a clock, and a queue that leads itself if `can_lead`.
pub(super) fn clock_with(can_lead: bool) -> (Arc<CountingClock>, TimerQueue) {
    let clock = Arc::new(CountingClock::default());
    let timer: Arc<dyn Timer> = Arc::new(Handle(clock.clone()));
    (clock, TimerQueue::with(timer, can_lead))
}

pub(super) fn tasks(queue: &TimerQueue, at: impl IntoIterator<Item = u64>) -> Vec<SleepingTask> {
    let mut tasks: Vec<_> = at.into_iter().map(|at| SleepingTask::new(queue, ms(at))).collect();
    assert!(tasks.iter_mut().all(|task| !task.poll()));
    tasks
}

/// Polls the woken tasks until no task is woken. Returns the times of the tasks that ended, which are removed.
pub(super) fn run(tasks: &mut Vec<SleepingTask>) -> Vec<Instant> {
    let mut done = Vec::new();
    while tasks.iter().any(SleepingTask::is_woken) {
        tasks.retain_mut(|task| {
            let over = task.is_woken() && task.poll();
            if over {
                done.push(task.at);
            }
            !over
        });
    }
    done
}

pub(super) fn ten_thousand_sleeps(can_lead: bool) {
    let (clock, queue) = clock_with(can_lead);
    let mut tasks = tasks(&queue, (0..10_000).map(|index| 1000 + index / 10));
    assert_eq!(clock.pending(), 1);
    clock.advance_to(ms(1499));
    assert_eq!(run(&mut tasks).len(), 5000);
    assert_eq!(clock.pending(), 1);
    clock.advance_to(ms(1_000_000));
    assert_eq!((run(&mut tasks).len(), clock.pending()), (5000, 0));
}

#[test]
fn ten_thousand_sleeps_set_a_single_timer() {
    ten_thousand_sleeps(false);
}

#[test]
fn sooner_sleep_becomes_the_leader() {
    let (clock, queue) = clock();
    let mut tasks = tasks(&queue, [300, 200, 100]);
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
    for at in [100, 200, 300] {
        clock.advance_to(ms(at));
        assert_eq!(run(&mut tasks), [ms(at)]);
    }
}

#[test]
fn another_sleep_leads_after_the_leader_is_dropped() {
    for polls in 0..3 {
        for advance in [0, 50, 100] {
            let (clock, queue) = clock();
            let mut leader = SleepingTask::new(&queue, ms(100));
            for _ in 0..polls {
                assert!(!leader.poll());
            }
            let mut others = tasks(&queue, [100, 150, 200]);
            clock.advance_to(ms(advance));
            // The leader is dropped before, between and after its wakes; the other tasks are polled only if woken.
            drop(leader);
            run(&mut others);
            assert!(others.is_empty() || clock.pending() == 1, "{polls} polls, {advance} ms");
            for at in [100, 150, 200] {
                clock.advance_to(ms(at));
                run(&mut others);
                assert!(others.iter().all(|task| task.at > ms(at)), "{polls} polls, {advance} ms, {at} ms");
            }
            assert_eq!(clock.pending(), 0);
        }
    }
}

#[test]
fn woken_candidates_may_be_dropped_without_a_poll() {
    let (clock, queue) = clock();
    let mut tasks = tasks(&queue, (0..20).map(|index| 100 + index));
    while tasks.len() > 1 {
        // The leader is dropped, and then each woken candidate before it is polled.
        let leader = tasks.iter().position(|task| task.sleep.lead.is_some()).unwrap_or(0);
        drop(tasks.remove(leader));
        while let Some(candidate) = tasks.iter().position(SleepingTask::is_woken).filter(|_| tasks.len() > 1) {
            drop(tasks.remove(candidate));
        }
    }
    let last = tasks[0].at;
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
    clock.advance_to(last);
    assert_eq!(run(&mut tasks), [last]);
}

#[test]
fn unpolled_sleeps_do_not_delay_the_other_sleeps() {
    let (clock, queue) = clock();
    let mut held = tasks(&queue, [100, 150, 160]);
    let mut alive = tasks(&queue, [200, 300]);
    for (at, left) in [(100, 2), (150, 2), (160, 2), (200, 1), (300, 0)] {
        clock.advance_to(ms(at));
        run(&mut alive);
        assert_eq!(alive.len(), left, "at {at} ms");
    }
    assert!(held.iter_mut().all(SleepingTask::poll));
}

#[test]
fn paused_sleep_is_not_woken_and_still_leads() {
    let (clock, queue) = clock();
    let mut tasks = tasks(&queue, [100, 200]);
    tasks[0].sleep.pause();
    clock.advance_to(ms(100));
    assert!(!tasks[0].is_woken() && tasks[1].is_woken());
    assert!(!tasks[1].poll() && tasks[0].poll());
    clock.advance_to(ms(200));
    assert!(tasks[1].is_woken());
}

#[test]
fn paused_candidate_wakes_another_candidate() {
    let (clock, queue) = clock();
    let mut tasks = tasks(&queue, [100, 200, 300, 400, 500, 600, 700]);
    drop(tasks.remove(0));
    for task in tasks.iter_mut().filter(|task| task.is_woken()) {
        task.sleep.pause();
    }
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
}

#[test]
fn cancelled_sleeps_do_not_pile_up() {
    let (_clock, queue) = clock();
    let kept = tasks(&queue, [1]);
    for at in 0..100_000 {
        drop(tasks(&queue, [1000 + at]));
    }
    let state = queue.lock();
    assert!(state.heap.len() <= MAX_CANCELLED + 2, "{} items", state.heap.len());
    // A slab uses its free slots first, so the key of the next entry bounds the slots that were ever used.
    assert!(state.entries.vacant_key() <= 2);
    drop(state);
    drop(kept);
    let state = queue.lock();
    assert_eq!((state.heap.len(), state.entries.len(), state.with_waker), (0, 0, 0));
}

#[test]
fn compaction_keeps_every_live_sleep() {
    let (clock, queue) = clock();
    let mut all = tasks(&queue, 1..=2000);
    let mut index = 0;
    all.retain(|_| {
        index += 1;
        index % 10 == 0
    });
    let state = queue.lock();
    assert!(
        state.heap.len() <= 200 + MAX_CANCELLED + 1 && state.cancelled <= MAX_CANCELLED + 1,
        "{}",
        state.heap.len()
    );
    drop(state);
    run(&mut all);
    for at in 1..=200 {
        clock.advance_to(ms(at * 10));
        assert_eq!(run(&mut all), [ms(at * 10)]);
    }
}

/// Runs only with threads, which is where panics unwind: without them a sleep is not `Send`, and a waker must be.
#[cfg(panic = "unwind")]
#[test]
fn waker_that_owns_a_sleep_is_dropped_outside_of_the_lock() {
    struct Owner(#[allow(dead_code)] Mutex<Option<QueuedSleep>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let (_clock, queue) = clock();
    let owned = |at| {
        let sleep = sleep_until(&queue, ms(at));
        Waker::from(Arc::new(Owner(Mutex::new(Some(sleep)))))
    };
    let mut inner = sleep_until(&queue, ms(50));
    assert!(inner.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut outer = sleep_until(&queue, ms(10));
    assert!(outer.poll(&mut Context::from_waker(&Waker::from(Arc::new(Owner(Mutex::new(Some(inner))))))).is_pending());
    // Replacing the waker, pausing and dropping each drop a waker that owns another sleep of the queue.
    assert!(outer.poll(&mut Context::from_waker(&owned(60))).is_pending());
    outer.pause();
    assert!(outer.poll(&mut Context::from_waker(&owned(70))).is_pending());
    drop(outer);
    assert_eq!(queue.lock().entries.len(), 0);
}

/// Numbers that look random and are the same in each run.
struct TestNumbers(u64);

impl TestNumbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

pub(super) fn random_runs(can_lead: bool) {
    for seed in 0..200 {
        let mut numbers = TestNumbers(seed);
        let (clock, queue) = clock_with(can_lead);
        let mut tasks: Vec<SleepingTask> = Vec::new();
        let mut now = 0;
        for step in 0..300 {
            match numbers.below(6) {
                0 | 1 => {
                    let mut task = SleepingTask::new(&queue, ms(now + 1 + numbers.below(100)));
                    assert!(!task.poll());
                    tasks.push(task);
                }
                2 if !tasks.is_empty() => {
                    let gone = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    drop(tasks.swap_remove(gone));
                }
                3 if !tasks.is_empty() => {
                    let other = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    tasks[other].sleep.pause();
                    // The task waits for it again.
                    assert!(!tasks[other].poll());
                }
                4 => {
                    now += numbers.below(40);
                    clock.advance_to(ms(now));
                }
                _ => {}
            }
            run(&mut tasks);
            assert!(tasks.iter().all(|task| task.at > ms(now)), "seed {seed}, step {step}: a sleep is late");
            assert_eq!(clock.pending(), usize::from(!tasks.is_empty()), "seed {seed}, step {step}");
            let state = queue.lock();
            assert_eq!((state.entries.len(), state.with_waker), (tasks.len(), tasks.len()), "seed {seed}, step {step}");
            let live = state.heap.iter().filter(|item| is_live(&state.entries, item.0.1)).count();
            assert_eq!((live, state.heap.len() - live), (tasks.len(), state.cancelled), "seed {seed}, step {step}");
        }
    }
}

#[test]
fn every_sleep_ends_in_time_on_a_single_timer_in_random_runs() {
    random_runs(false);
}
