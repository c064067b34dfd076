//! The internal trait of time: a wait that can be set, polled and set again.
//!
//! [`Timer`] is the public trait, and it gives a new boxed future for each wait. The time limits of a request move with
//! each piece of a body, so they use a [`Sleep`], which is made once per request and set again. Two types implement it,
//! which the platform exports as `ClientSleep`:
//!
//! - `QueuedSleep`, natively and on WASI: the sleeps of a client share a timer.
//! - `TimerSleep`, in a browser: each sleep is a timer of the engine's.

use std::task::{Context, Poll, Waker};

use crate::runtime::{Instant, Timer};

/// A wait for a point of time on a clock. Dropping it cancels the wait.
pub(crate) trait Sleep {
    /// The clock that the sleep runs on.
    type Clock: Timer + Clone;

    /// Makes a sleep that is not set.
    fn new(clock: &Self::Clock) -> Self;

    /// The clock that the sleep runs on.
    fn clock(&self) -> &Self::Clock;

    /// The time that the sleep is set for.
    fn at(&self) -> Option<Instant>;

    /// Sets the sleep for `at` in place of any earlier time; `None` cancels it.
    fn reset(&mut self, at: Option<Instant>);

    /// Returns `Ready` once the time has come, which also leaves the sleep unset. Until then it wakes the last task
    /// that polled it. A sleep that is not set stays pending and wakes no task.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// As [`poll`](Self::poll), for a sleep that was set in this poll of its task: the clock need not be read.
    fn poll_new(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.poll(cx)
    }

    /// Sets what wakes the tasks whose sleeps are [covered](Self::is_covered). Called once for a clock.
    fn wake_covered_by(_clock: &Self::Clock, _waker: impl FnOnce() -> Waker) {}

    /// Whether the clock has covered sleeps at all.
    fn may_be_covered(&self) -> bool {
        false
    }

    /// Returns whether a timer that is set already wakes this task at `at` or before. The task then sets no sleep. Once
    /// it is woken, it sets a sleep of its own.
    ///
    /// The task has to be known to the waker of [`wake_covered_by`](Self::wake_covered_by) before the call.
    fn is_covered(&mut self, _at: Instant) -> bool {
        false
    }

    /// Keeps the time and wakes no task until the next poll.
    ///
    /// The owner calls it when its task has work other than waiting.
    fn pause(&mut self) {}
}
