//! The clock of the npm package: the engine's own timers, set by JavaScript.
//!
//! The engine keeps its timers in a heap itself, so the module has no timer queue, and is smaller to download.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::{host, tasks};
use crate::runtime::sleep::Sleep;
use crate::runtime::{BoxFuture, Instant, Timer};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// Nanoseconds by which the engine's timers and its clock may disagree. A timer that fires at most this much before its
/// time is replaced, so that a sleep never stays without a timer.
const EARLY: u64 = 2 * MILLISECOND;

/// The engine's clock.
#[derive(Clone, Debug)]
pub(super) struct HostClock;

impl Timer for HostClock {
    fn now(&self) -> Instant {
        // The cast saturates, so that a clock that returns NaN or a negative number gives zero and not a panic.
        Instant::from_nanos((host::now() * MILLISECOND as f64) as u64)
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut sleep = HostSleep { at: Some(deadline), timer: None };
        Box::pin(poll_fn(move |cx| sleep.poll(cx)))
    }
}

/// A sleep of the task that polls it.
pub(super) struct HostSleep {
    at: Option<Instant>,
    timer: Option<HostTimer>,
}

/// A timer that JavaScript has set.
struct HostTimer {
    number: u32,
    /// When it should fire.
    due: Instant,
}

impl HostSleep {
    fn clear_timer(&mut self) {
        if let Some(timer) = self.timer.take() {
            host::clear_timer(timer.number);
        }
    }
}

impl Sleep for HostSleep {
    type Clock = HostClock;

    fn new(_clock: &HostClock) -> Self {
        Self { at: None, timer: None }
    }

    fn at(&self) -> Option<Instant> {
        self.at
    }

    fn reset(&mut self, at: Option<Instant>) {
        self.clear_timer();
        self.at = at;
    }

    // No waker is kept: JavaScript wakes the task by its number when the timer fires.
    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let now = HostClock.now();
        let left = at.nanos_since(now);
        if left == 0 {
            self.reset(None);
            return Poll::Ready(());
        }
        if self.timer.as_ref().is_none_or(|timer| timer.due.nanos_since(now) <= EARLY) {
            self.clear_timer();
            let delay = (left as f64 / MILLISECOND as f64).ceil();
            let number = host::set_timer(tasks::current(), delay);
            self.timer = Some(HostTimer { number, due: now.later(delay as u64 * MILLISECOND) });
        }
        Poll::Pending
    }
}

impl Drop for HostSleep {
    fn drop(&mut self) {
        self.clear_timer();
    }
}
