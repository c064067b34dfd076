//! The clock of the npm package: the engine's own timers, set by JavaScript.
//!
//! The engine keeps its timers in a heap itself, so the module has no timer queue, and is smaller to download.

use std::future::poll_fn;
use std::task::Poll;

use super::{host, requests};
use crate::runtime::{BoxFuture, Instant, Timer};

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// The clock of `pkg-js/src/clock.ts`.
#[derive(Debug)]
pub(super) struct HostClock;

impl Timer for HostClock {
    fn now(&self) -> Instant {
        // The cast saturates, so that a clock that returns NaN or a negative number gives zero and not a panic.
        Instant::from_nanos((host::now() * MILLISECOND as f64) as u64)
    }

    // No waker is kept: JavaScript wakes the request by its number when the timer fires.
    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut timer = HostTimer(None);
        Box::pin(poll_fn(move |_| {
            let now = HostClock.now();
            let left = deadline.nanos_since(now);
            if left == 0 {
                return Poll::Ready(());
            }
            timer.set(now, left);
            Poll::Pending
        }))
    }
}

/// A timer that JavaScript has set: its number, and when it fires.
struct HostTimer(Option<(u32, Instant)>);

impl HostTimer {
    /// Sets the timer for the request that is being polled, unless it is set already.
    fn set(&mut self, now: Instant, nanos: u64) {
        if self.0.as_ref().is_some_and(|(_, due)| *due > now) {
            return;
        }
        self.clear();
        let delay = (nanos as f64 / MILLISECOND as f64).ceil();
        let number = host::set_timer(requests::current(), delay);
        self.0 = Some((number, now.later(delay as u64 * MILLISECOND)));
    }

    fn clear(&mut self) {
        if let Some((number, _)) = self.0.take() {
            host::clear_timer(number);
        }
    }
}

impl Drop for HostTimer {
    fn drop(&mut self) {
        self.clear();
    }
}
