//! The timer queues of clients over a shared timer, on a clock that goes on while timers are set.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::tests::{SeededNumbers, WakeCount};
use super::*;
use crate::platform::ClientClock;
use crate::testing::ManualTimer;

/// A clock that advances by some microseconds at each look, and then fires timers within that look.
#[derive(Clone, Default)]
struct CreepingTimer(Arc<CreepingClock>);

#[derive(Default)]
struct CreepingClock {
    clock: ManualTimer,
    step: AtomicU64,
    is_stepping: AtomicBool,
}

impl Timer for CreepingTimer {
    fn now(&self) -> Instant {
        if !self.0.is_stepping.swap(true, Ordering::Relaxed) {
            self.0.clock.advance(Duration::from_micros(self.0.step.load(Ordering::Relaxed)));
            self.0.is_stepping.store(false, Ordering::Relaxed);
        }
        self.0.clock.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.0.clock.sleep_until(deadline)
    }
}

struct LayeredTask {
    at: Instant,
    sleep: BoxFuture<'static, ()>,
    woken: Arc<WakeCount>,
    /// Whether its program polls it once and never again.
    is_held: bool,
}

impl LayeredTask {
    fn poll(&mut self) -> bool {
        self.woken.0.store(0, Ordering::Relaxed);
        self.sleep.as_mut().poll(&mut Context::from_waker(&Waker::from(self.woken.clone()))).is_ready()
    }

    fn is_woken(&self) -> bool {
        self.woken.0.load(Ordering::Relaxed) > 0
    }
}

fn run(tasks: &mut Vec<LayeredTask>) {
    while tasks.iter().any(|task| !task.is_held && task.is_woken()) {
        tasks.retain_mut(|task| task.is_held || !task.is_woken() || !task.poll());
    }
}

#[test]
fn no_sleep_of_any_layer_is_late_in_random_runs() {
    random_runs(ClientClock::from);
}

#[test]
fn no_sleep_of_a_layer_that_keeps_its_timer_is_late_in_random_runs() {
    random_runs(ClientClock::over_shared);
}

fn random_runs(layer: fn(Arc<dyn Timer>) -> ClientClock) {
    for seed in 0..300 {
        let mut numbers = SeededNumbers(seed);
        let clock = CreepingTimer::default();
        let shared = SharedTimer::new(clock.clone());
        let layered = || -> Arc<dyn Timer> { Arc::new(layer(Arc::new(shared.clone()))) };
        let timers = [layered(), layered(), Arc::new(shared.clone())];
        let mut tasks: Vec<LayeredTask> = Vec::new();
        clock.0.step.store(numbers.below(3) * numbers.below(400), Ordering::Relaxed);
        for step in 0..300 {
            match numbers.below(6) {
                0..3 => {
                    let timer = &timers[usize::try_from(numbers.below(3)).unwrap()];
                    let at = clock.0.clock.now() + Duration::from_micros(numbers.below(20_000));
                    let is_held = numbers.below(8) < seed % 8;
                    let mut task = LayeredTask { at, sleep: timer.sleep_until(at), woken: Arc::default(), is_held };
                    if !task.poll() {
                        tasks.push(task);
                    }
                }
                3 if !tasks.is_empty() => {
                    let gone = usize::try_from(numbers.below(tasks.len() as u64)).unwrap();
                    drop(tasks.swap_remove(gone));
                }
                4 => clock.0.clock.advance(Duration::from_micros(numbers.below(3_000))),
                _ => {}
            }
            run(&mut tasks);
            let now = clock.0.clock.now();
            let late = tasks.iter().filter(|task| task.at <= now && !task.is_woken()).count();
            assert_eq!(late, 0, "seed {seed}, step {step}");
        }
        drop(tasks);
        // A client that keeps its timer waits until the client is dropped.
        drop(timers);
        assert!(clock.0.clock.pending() <= 1);
        assert_eq!(shared.lock().waiting.len(), 0);
    }
}
