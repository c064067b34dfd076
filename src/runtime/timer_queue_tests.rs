//! The heap of alarms: one timer, nobody forgotten, whoever goes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// A clock moved by hand that counts what is set on it.
#[derive(Default)]
struct Clock(Mutex<Hands>);

#[derive(Default)]
struct Hands {
    now: Instant,
    next: u64,
    set: HashMap<u64, (Instant, Waker)>,
}

struct Sleep {
    clock: Arc<Clock>,
    number: u64,
    until: Instant,
}

impl Clock {
    fn pending(&self) -> usize {
        self.0.lock().unwrap().set.len()
    }

    fn advance_to(&self, now: Instant) {
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

struct Handle(Arc<Clock>);

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
        Box::pin(Sleep { clock: self.0.clone(), number, until })
    }
}

impl std::future::Future for Sleep {
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

impl Drop for Sleep {
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

/// A task that waits for an alarm, and is polled when it is woken, as by an executor.
struct Task {
    alarm: Alarm,
    woken: Arc<Woken>,
}

impl Task {
    fn new(alarms: &Arc<TimerQueue>, at: Instant) -> Self {
        Self { alarm: Alarm::new(alarms, at), woken: Arc::default() }
    }

    fn poll(&mut self) -> bool {
        self.woken.0.store(0, Ordering::Relaxed);
        self.alarm.poll(&mut Context::from_waker(&Waker::from(self.woken.clone()))).is_ready()
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed) > 0
    }
}

fn ms(milliseconds: u64) -> Instant {
    Instant::from_origin(Duration::from_millis(milliseconds))
}

fn clock() -> (Arc<Clock>, Arc<TimerQueue>) {
    let clock = Arc::new(Clock::default());
    (clock.clone(), TimerQueue::new(Arc::new(Handle(clock))))
}

fn tasks(alarms: &Arc<TimerQueue>, at: impl IntoIterator<Item = u64>) -> Vec<Task> {
    let mut tasks: Vec<_> = at.into_iter().map(|at| Task::new(alarms, ms(at))).collect();
    assert!(tasks.iter_mut().all(|task| !task.poll()));
    tasks
}

/// Polls whoever is woken until nobody is; those whose alarm went off are taken out.
fn run(tasks: &mut Vec<Task>) -> Vec<Instant> {
    let mut done = Vec::new();
    while tasks.iter().any(Task::is_woken) {
        tasks.retain_mut(|task| {
            let over = task.is_woken() && task.poll();
            if over {
                done.push(task.alarm.at());
            }
            !over
        });
    }
    done
}

#[test]
fn ten_thousand_alarms_are_one_timer() {
    let (clock, alarms) = clock();
    let mut tasks = tasks(&alarms, (0..10_000).map(|index| 1000 + index / 10));
    assert_eq!(clock.pending(), 1);
    clock.advance_to(ms(1499));
    assert_eq!(run(&mut tasks).len(), 5000);
    assert_eq!(clock.pending(), 1);
    clock.advance_to(ms(1_000_000));
    assert_eq!((run(&mut tasks).len(), clock.pending()), (5000, 0));
}

#[test]
fn a_sooner_alarm_takes_the_timer_over() {
    let (clock, alarms) = clock();
    let mut tasks = tasks(&alarms, [300, 200, 100]);
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
    for at in [100, 200, 300] {
        clock.advance_to(ms(at));
        assert_eq!(run(&mut tasks), [ms(at)]);
    }
}

#[test]
fn the_timer_is_kept_on_wherever_its_keeper_is_dropped() {
    for polls in 0..3 {
        for advance in [0, 50, 100] {
            let (clock, alarms) = clock();
            let mut keeper = Task::new(&alarms, ms(100));
            for _ in 0..polls {
                assert!(!keeper.poll());
            }
            let mut others = tasks(&alarms, [100, 150, 200]);
            clock.advance_to(ms(advance));
            // The keeper is dropped before, between and after being woken; the others are polled only if woken.
            drop(keeper);
            run(&mut others);
            assert!(others.is_empty() || clock.pending() == 1, "{polls} polls, {advance} ms");
            for at in [100, 150, 200] {
                clock.advance_to(ms(at));
                run(&mut others);
                assert!(others.iter().all(|task| task.alarm.at() > ms(at)), "{polls} polls, {advance} ms, {at} ms");
            }
            assert_eq!(clock.pending(), 0);
        }
    }
}

#[test]
fn whoever_was_woken_to_keep_the_timer_may_be_dropped_instead() {
    let (clock, alarms) = clock();
    let mut tasks = tasks(&alarms, (0..20).map(|index| 100 + index));
    while tasks.len() > 1 {
        // The keeper goes, and then each of its heirs without having been polled.
        let keeper = tasks.iter().position(|task| task.alarm.duty.is_some()).unwrap_or(0);
        drop(tasks.remove(keeper));
        while let Some(heir) = tasks.iter().position(Task::is_woken).filter(|_| tasks.len() > 1) {
            drop(tasks.remove(heir));
        }
    }
    let last = tasks[0].alarm.at();
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
    clock.advance_to(last);
    assert_eq!(run(&mut tasks), [last]);
}

#[test]
fn those_who_are_held_and_not_polled_do_not_hold_up_the_others() {
    let (clock, alarms) = clock();
    let mut held = tasks(&alarms, [100, 150, 160]);
    let mut alive = tasks(&alarms, [200, 300]);
    for (at, left) in [(100, 2), (150, 2), (160, 2), (200, 1), (300, 0)] {
        clock.advance_to(ms(at));
        run(&mut alive);
        assert_eq!(alive.len(), left, "at {at} ms");
    }
    assert!(held.iter_mut().all(Task::poll));
}

#[test]
fn an_alarm_at_rest_is_not_woken_and_keeps_the_timer_for_the_others() {
    let (clock, alarms) = clock();
    let mut tasks = tasks(&alarms, [100, 200]);
    tasks[0].alarm.rest();
    clock.advance_to(ms(100));
    assert!(!tasks[0].is_woken() && tasks[1].is_woken());
    assert!(!tasks[1].poll() && tasks[0].poll());
    clock.advance_to(ms(200));
    assert!(tasks[1].is_woken());
}

#[test]
fn whoever_rests_instead_of_keeping_the_timer_hands_it_on() {
    let (clock, alarms) = clock();
    let mut tasks = tasks(&alarms, [100, 200, 300, 400, 500, 600, 700]);
    drop(tasks.remove(0));
    for task in tasks.iter_mut().filter(|task| task.is_woken()) {
        task.alarm.rest();
    }
    run(&mut tasks);
    assert_eq!(clock.pending(), 1);
}

#[test]
fn cancelled_alarms_do_not_pile_up() {
    let (_clock, alarms) = clock();
    let kept = tasks(&alarms, [1]);
    for at in 0..100_000 {
        drop(tasks(&alarms, [1000 + at]));
    }
    let state = alarms.lock();
    assert!(state.heap.len() <= CANCELLED + 2, "{} alarms", state.heap.len());
    assert!(state.places.len() <= 2);
    drop(state);
    drop(kept);
    let state = alarms.lock();
    assert_eq!((state.heap.len(), state.live, state.waiting), (0, 0, 0));
}

#[test]
fn compaction_forgets_nobody() {
    let (clock, alarms) = clock();
    let mut all = tasks(&alarms, 1..=2000);
    let mut index = 0;
    all.retain(|_| {
        index += 1;
        index % 10 == 0
    });
    let state = alarms.lock();
    assert!(state.heap.len() <= 200 + CANCELLED + 1 && state.cancelled <= CANCELLED + 1, "{}", state.heap.len());
    drop(state);
    run(&mut all);
    for at in 1..=200 {
        clock.advance_to(ms(at * 10));
        assert_eq!(run(&mut all), [ms(at * 10)]);
    }
}

/// Only where there are threads, which is where panics unwind, may a waker own these.
#[cfg(panic = "unwind")]
#[test]
fn a_waker_that_owns_a_task_is_dropped_outside_of_the_lock() {
    struct Owner(#[allow(dead_code)] Mutex<Option<Alarm>>);
    impl Wake for Owner {
        fn wake(self: Arc<Self>) {}
    }
    let (_clock, alarms) = clock();
    let owned = |at| {
        let alarm = Alarm::new(&alarms, ms(at));
        Waker::from(Arc::new(Owner(Mutex::new(Some(alarm)))))
    };
    let mut inner = Alarm::new(&alarms, ms(50));
    assert!(inner.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let mut outer = Alarm::new(&alarms, ms(10));
    assert!(outer.poll(&mut Context::from_waker(&Waker::from(Arc::new(Owner(Mutex::new(Some(inner))))))).is_pending());
    // Replacing, resting and dropping each let go of a waker that has an alarm of these.
    assert!(outer.poll(&mut Context::from_waker(&owned(60))).is_pending());
    outer.rest();
    assert!(outer.poll(&mut Context::from_waker(&owned(70))).is_pending());
    drop(outer);
    assert_eq!(alarms.lock().live, 0);
}

/// Numbers that look random and are the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

#[test]
fn whatever_happens_every_alarm_goes_off_in_time_on_one_timer() {
    for seed in 0..200 {
        let mut numbers = Numbers(seed);
        let (clock, alarms) = clock();
        let mut tasks: Vec<Task> = Vec::new();
        let mut now = 0;
        for step in 0..300 {
            match numbers.below(6) {
                0 | 1 => {
                    let mut task = Task::new(&alarms, ms(now + 1 + numbers.below(100)));
                    assert!(!task.poll());
                    tasks.push(task);
                }
                2 if !tasks.is_empty() => {
                    let gone = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    drop(tasks.swap_remove(gone));
                }
                3 if !tasks.is_empty() => {
                    let other = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    tasks[other].alarm.rest();
                    // Somebody waits for it again.
                    assert!(!tasks[other].poll());
                }
                4 => {
                    now += numbers.below(40);
                    clock.advance_to(ms(now));
                }
                _ => {}
            }
            run(&mut tasks);
            assert!(tasks.iter().all(|task| task.alarm.at() > ms(now)), "seed {seed}, step {step}: one is late");
            assert_eq!(clock.pending(), usize::from(!tasks.is_empty()), "seed {seed}, step {step}");
            let state = alarms.lock();
            assert_eq!((state.live, state.waiting), (tasks.len(), tasks.len()), "seed {seed}, step {step}");
            let live = state.heap.iter().filter(|item| is_live(&state.places, item.0.1)).count();
            assert_eq!((live, state.heap.len() - live), (tasks.len(), state.cancelled), "seed {seed}, step {step}");
        }
    }
}
