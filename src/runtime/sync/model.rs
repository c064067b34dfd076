//! What a thread model uses: threads, ways to run a future on a thread, a clock, and an executor.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::current::for_models::give_way;
pub(crate) use super::current::for_models::{JoinHandle, block_on, check, spawn};
use crate::runtime::lock::Lock;
use crate::runtime::{BoxFuture, Executor, Instant, Timer};

/// How often [`repeat_until`] repeats its step. Its threads would need far fewer steps.
const MAX_STEPS: usize = 20_000;

/// Repeats a step, such as the advance of a clock, until a condition holds. Panics if it never does.
pub(crate) fn repeat_until(is_over: impl Fn() -> bool, step: impl Fn()) {
    for _ in 0..MAX_STEPS {
        if is_over() {
            return;
        }
        step();
        give_way();
    }
    panic!("after {MAX_STEPS} steps the threads still wait");
}

/// Polls a future a single time, with a waker that does nothing. Returns its output if it is ready.
pub(crate) fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// Waits for threads. A panic of a thread is a panic here.
pub(crate) fn join_all(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// An executor that runs each task on a thread of its own.
#[derive(Clone, Default)]
pub(crate) struct ThreadPerTask;

impl Executor for ThreadPerTask {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn(move || block_on(task));
    }
}

/// A clock that the model advances. Unlike the clock of `testing`, its lock is a lock of the models.
#[derive(Clone, Default)]
pub(crate) struct StepClock(Arc<Lock<StepClockState>>);

#[derive(Default)]
struct StepClockState {
    now: Instant,
    /// How many sleeps were ever made.
    sleeps: u64,
    /// The wakers of the sleeps that were polled, by deadline.
    wakers: BTreeMap<(Instant, u64), Waker>,
}

impl StepClock {
    /// Advances the clock, and wakes the sleeps that are over.
    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.0.lock();
        state.now = state.now + by;
        let end = (state.now, u64::MAX);
        let later = state.wakers.split_off(&end);
        let due = std::mem::replace(&mut state.wakers, later);
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    /// Returns how many sleeps are set.
    pub(crate) fn pending(&self) -> usize {
        self.0.lock().wakers.len()
    }
}

impl Timer for StepClock {
    fn now(&self) -> Instant {
        self.0.lock().now
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut state = self.0.lock();
        state.sleeps += 1;
        let sleep = StepSleep { clock: self.clone(), key: (deadline, state.sleeps) };
        Box::pin(poll_fn(move |cx| sleep.poll(cx)))
    }
}

/// A sleep of a [`StepClock`]. Dropping it cancels the sleep.
struct StepSleep {
    clock: StepClock,
    key: (Instant, u64),
}

impl StepSleep {
    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.clock.0.lock();
        if self.key.0 <= state.now {
            return Poll::Ready(());
        }
        let replaced = state.wakers.insert(self.key, cx.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for StepSleep {
    fn drop(&mut self) {
        // Named, so that the waker is dropped after the lock is released.
        let _waker = self.clock.0.lock().wakers.remove(&self.key);
    }
}
