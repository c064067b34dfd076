//! Waits on the engine's own timers: the engine keeps them in a heap, so the package need not contain a heap of timers.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{host, tasks};
use crate::clock::{Clock, Wait};
use crate::future::BoxFuture;
use crate::runtime::{Instant, Timer};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// A timer that is due within this many nanoseconds has fired, or is about to: the clock here and the engine's timers may differ by
/// so much. If the wait is not over then, a new timer is set.
const EARLY: u64 = 2 * MILLISECOND;

/// A clock with a timer of the engine for each wait.
#[derive(Clone, Debug)]
pub(super) struct HostClock;

impl Clock for HostClock {
    type Wait = HostWait;

    fn now(&self) -> Instant {
        // The cast saturates: it gives a number even if the engine's clock gives NaN or a negative time.
        Instant::from_nanos((host::now() * MILLISECOND as f64) as u64)
    }

    fn until(&self, at: Instant) -> HostWait {
        HostWait { at, timer: None }
    }
}

impl Timer for HostClock {
    fn now(&self) -> Instant {
        Clock::now(self)
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(self.until(deadline))
    }
}

/// A wait of the task that polls it.
pub(super) struct HostWait {
    at: Instant,
    /// The number of the engine's timer, and when the timer is due.
    timer: Option<(u32, Instant)>,
}

impl HostWait {
    fn clear_timer(&mut self) {
        if let Some((timer, _)) = self.timer.take() {
            host::clear_timer(timer);
        }
    }
}

impl Wait for HostWait {
    fn at(&self) -> Instant {
        self.at
    }

    fn poll(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        let now = Clock::now(&HostClock);
        let left = self.at.nanos_since(now);
        if left == 0 {
            return Poll::Ready(());
        }
        if self.timer.is_none_or(|(_, due)| due.nanos_since(now) <= EARLY) {
            self.clear_timer();
            let delay = (left as f64 / MILLISECOND as f64).ceil();
            // The timer wakes the task by its number, so the waker of the context is not needed.
            let timer = host::set_timer(tasks::current(), delay);
            self.timer = Some((timer, now.later(delay as u64 * MILLISECOND)));
        }
        Poll::Pending
    }
}

impl Future for HostWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Wait::poll(&mut *self, cx)
    }
}

impl Drop for HostWait {
    fn drop(&mut self) {
        self.clear_timer();
    }
}
