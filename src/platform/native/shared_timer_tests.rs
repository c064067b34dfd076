//! A shared timer is set rarely, and each sleep ends in time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;

use super::*;
use crate::testing::ManualTimer;

/// A manual clock that counts how often a timer is set on it.
#[derive(Clone, Default)]
struct CountingTimer {
    clock: ManualTimer,
    set: Arc<AtomicUsize>,
}

impl Timer for CountingTimer {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.set.fetch_add(1, Ordering::Relaxed);
        self.clock.sleep_until(deadline)
    }
}

impl CountingTimer {
    fn shared() -> (Self, SharedTimer) {
        let timer = Self::default();
        (timer.clone(), SharedTimer::new(timer))
    }

    fn set(&self) -> usize {
        self.set.load(Ordering::Relaxed)
    }
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A sleep that has been polled and is polled again when it is woken, as by an executor.
struct TestTask {
    at: Instant,
    sleep: BoxFuture<'static, ()>,
    woken: Arc<WakeCount>,
}

#[derive(Default)]
pub(super) struct WakeCount(pub(super) AtomicUsize);

impl Wake for WakeCount {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl TestTask {
    fn new(timer: &SharedTimer, after: Duration) -> Self {
        let at = timer.now() + after;
        let mut task = Self { at, sleep: timer.sleep_until(at), woken: Arc::default() };
        assert!(!task.poll());
        task
    }

    fn poll(&mut self) -> bool {
        self.woken.0.store(0, Ordering::Relaxed);
        self.sleep.poll_unpin(&mut Context::from_waker(&Waker::from(self.woken.clone()))).is_ready()
    }

    fn wakes(&self) -> usize {
        self.woken.0.load(Ordering::Relaxed)
    }
}

/// Polls the woken tasks. Returns the times of the tasks that ended, which are removed.
fn run(tasks: &mut Vec<TestTask>) -> Vec<Instant> {
    let mut ended = Vec::new();
    tasks.retain_mut(|task| {
        let has_ended = task.wakes() > 0 && task.poll();
        if has_ended {
            ended.push(task.at);
        }
        !has_ended
    });
    ended
}

#[test]
fn limits_of_requests_in_turn_set_the_timer_once_per_limit() {
    // Requests, the time that each takes, the limit of each, and how often the timer is set: once, and then again when
    // it has fired while a request waits.
    for (requests, length, limit, set) in [
        (1, 1, 20_000, 1),
        (2_000, 0, 20_000, 1),
        (2_000, 1, 20_000, 1),
        (2_000, 100, 20_000, 11),
        (10, 20_001, 20_000, 10),
    ] {
        let (timer, shared) = CountingTimer::shared();
        for _ in 0..requests {
            let request = TestTask::new(&shared, ms(limit));
            timer.clock.advance(ms(length));
            drop(request);
            assert!(timer.clock.pending() <= 1);
        }
        assert!(timer.set() <= set, "{requests} requests of {length} ms set the timer {} times", timer.set());
    }
}

#[test]
fn clients_and_agents_that_share_the_timer_set_it_once() {
    let (timer, shared) = CountingTimer::shared();
    // The wait of an agent's idle reaper, and the limits of requests of two clients, in groups of 64.
    let _reaper = TestTask::new(&shared, ms(15_000));
    for _ in 0..100 {
        let clients: Vec<_> = (0..128).map(|index| TestTask::new(&shared.clone(), ms(20_000 + index % 2))).collect();
        timer.clock.advance(ms(1));
        drop(clients);
    }
    assert_eq!((timer.set(), timer.clock.pending()), (1, 1));
}

#[test]
fn timer_that_no_sleep_needs_fires_once_and_is_not_set_again() {
    let (timer, shared) = CountingTimer::shared();
    drop(TestTask::new(&shared, ms(100)));
    timer.clock.advance(ms(100));
    assert_eq!((timer.set(), timer.clock.pending()), (1, 0));
    assert!(shared.lock().armed.is_none());
}

#[test]
fn sleep_that_is_dropped_delays_and_wakes_no_other_sleep() {
    for gone in 0..4 {
        let (timer, shared) = CountingTimer::shared();
        let mut tasks: Vec<_> = [30, 10, 40, 20].map(|at| TestTask::new(&shared, ms(at))).into();
        drop(tasks.remove(gone));
        for now in 1..=40 {
            timer.clock.advance(ms(1));
            let now = Instant::from_origin(ms(now));
            assert!(tasks.iter().all(|task| task.wakes() == usize::from(task.at == now)), "without {gone}, {now:?}");
            run(&mut tasks);
        }
        assert!(tasks.is_empty() && shared.lock().waiting.is_empty(), "without {gone}");
    }
}

#[test]
fn sleep_that_is_not_polled_again_delays_no_other_sleep() {
    let (timer, shared) = CountingTimer::shared();
    let held: Vec<_> = (0..10).map(|at| TestTask::new(&shared, ms(10 + at))).collect();
    let mut alive = vec![TestTask::new(&shared, ms(25)), TestTask::new(&shared, ms(30))];
    for (now, left) in [(24, 2), (1, 1), (5, 0)] {
        timer.clock.advance(ms(now));
        run(&mut alive);
        assert_eq!(alive.len(), left);
    }
    assert!(held.iter().all(|task| task.wakes() == 1));
}

#[test]
fn sleep_in_the_past_and_at_the_end_of_time_set_no_useless_timer() {
    let (timer, shared) = CountingTimer::shared();
    assert!(shared.sleep_until(Instant::default()).now_or_never().is_some());
    assert_eq!(timer.set(), 0);
    let mut never = TestTask::new(&shared, Duration::MAX);
    let mut soon = vec![TestTask::new(&shared, ms(1))];
    timer.clock.advance(ms(1));
    assert_eq!((run(&mut soon).len(), never.poll()), (1, false));
}

#[test]
fn waker_that_panics_keeps_no_other_task_asleep() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            // Without a message on the standard error.
            std::panic::resume_unwind(Box::new("a task's waker panics"));
        }
    }
    let (timer, shared) = CountingTimer::shared();
    let mut panics = shared.sleep_until(Instant::from_origin(ms(5)));
    assert!(panics.poll_unpin(&mut Context::from_waker(&Waker::from(Arc::new(Panics)))).is_pending());
    let mut tasks = vec![TestTask::new(&shared, ms(5)), TestTask::new(&shared, ms(9))];
    timer.clock.advance(ms(5));
    assert_eq!(run(&mut tasks).len(), 1);
    timer.clock.advance(ms(4));
    assert_eq!(run(&mut tasks).len(), 1);
}

#[test]
fn waker_that_owns_a_sleep_is_dropped_outside_of_the_lock() {
    struct SleepOwner(#[allow(dead_code)] Mutex<BoxFuture<'static, ()>>);
    impl Wake for SleepOwner {
        fn wake(self: Arc<Self>) {}
    }
    let (timer, shared) = CountingTimer::shared();
    let owner = |at| {
        let mut inner = shared.sleep_until(Instant::from_origin(ms(at)));
        assert!(inner.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        Waker::from(Arc::new(SleepOwner(Mutex::new(inner))))
    };
    let mut outer = shared.sleep_until(Instant::from_origin(ms(10)));
    // Replacing the waker, waking it and dropping the sleep each drop a waker that owns another sleep.
    assert!(outer.poll_unpin(&mut Context::from_waker(&owner(50))).is_pending());
    assert!(outer.poll_unpin(&mut Context::from_waker(&owner(60))).is_pending());
    timer.clock.advance(ms(10));
    let mut other = shared.sleep_until(Instant::from_origin(ms(20)));
    assert!(other.poll_unpin(&mut Context::from_waker(&owner(70))).is_pending());
    drop((outer, other));
    assert!(shared.lock().waiting.is_empty());
}

/// A timer that fires while it is being set: its first poll calls the waker, or is ready at once.
struct Hasty {
    clock: ManualTimer,
    is_ready: bool,
}

impl Timer for Hasty {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let (clock, is_ready) = (self.clock.clone(), self.is_ready);
        Box::pin(std::future::poll_fn(move |cx| {
            clock.advance(deadline.since(clock.now()));
            if is_ready {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

#[test]
fn timer_may_fire_while_it_is_being_set() {
    for is_ready in [false, true] {
        let shared = SharedTimer::new(Hasty { clock: ManualTimer::new(), is_ready });
        let mut tasks: Vec<_> = [1, 5, 2].map(|after| TestTask::new(&shared, ms(after))).into();
        assert_eq!((run(&mut tasks).len(), shared.lock().waiting.len()), (3, 0), "{is_ready}");
    }
}

#[test]
fn dropped_timer_leaves_nothing_set() {
    let (timer, shared) = CountingTimer::shared();
    drop(TestTask::new(&shared, ms(10)));
    assert_eq!(timer.clock.pending(), 1);
    drop(shared);
    assert_eq!(timer.clock.pending(), 0);
}

#[test]
fn sleeps_of_several_threads_end() {
    let threads: Vec<_> = (0..8u64)
        .map(|thread| {
            std::thread::spawn(move || {
                for round in 0..20 {
                    let timer = crate::platform::native::SystemTimer;
                    let deadline = timer.now() + Duration::from_micros(100 * ((thread * 7 + round * 3) % 11));
                    // A longer sleep beside it is dropped while it is set.
                    let longer = timer.sleep_until(deadline + ms(1_000));
                    let shorter = timer.sleep_until(deadline);
                    async_io::block_on(futures::future::select(longer, shorter));
                    assert!(timer.now() >= deadline);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Numbers that look random and are the same in each run.
pub(super) struct SeededNumbers(pub(super) u64);

impl SeededNumbers {
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn every_sleep_ends_in_time_on_a_single_timer_in_random_runs() {
    for seed in 0..200 {
        let mut numbers = SeededNumbers(seed);
        let (timer, shared) = CountingTimer::shared();
        let mut tasks: Vec<TestTask> = Vec::new();
        for step in 0..300 {
            match numbers.below(5) {
                0 | 1 => tasks.push(TestTask::new(&shared, ms(1 + numbers.below(100)))),
                2 if !tasks.is_empty() => {
                    let gone = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    drop(tasks.swap_remove(gone));
                }
                3 => timer.clock.advance(ms(numbers.below(40))),
                _ => {}
            }
            run(&mut tasks);
            let now = shared.now();
            assert!(tasks.iter().all(|task| task.at > now), "seed {seed}, step {step}: a sleep is late");
            assert!(timer.clock.pending() <= 1, "seed {seed}, step {step}");
            assert!(tasks.is_empty() || timer.clock.pending() == 1, "seed {seed}, step {step}");
            assert_eq!(shared.lock().waiting.len(), tasks.len(), "seed {seed}, step {step}");
        }
    }
}
