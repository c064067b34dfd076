//! The engine's own timers: it keeps them in a heap itself, so that ours need not be downloaded.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{host, tasks};
use crate::runtime::clock::{Clock, Wait};
use crate::runtime::{BoxFuture, Instant, Timer};

/// The two sides may differ by so many nanoseconds; a wait that finds itself so near its end is set again.
const EARLY: u64 = 2_000_000;

/// A clock with a timer for each wait.
#[derive(Clone, Debug)]
pub(super) struct HostClock;

impl Clock for HostClock {
    type Wait = HostWait;

    fn now(&self) -> Instant {
        // The cast saturates, so that even a clock gone mad gives a number.
        Instant::from_nanos((host::now() * 1e6) as u64)
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
    /// The engine's timer, and when it should go off.
    timer: Option<(u32, Instant)>,
}

impl HostWait {
    fn unset(&mut self) {
        if let Some((timer, _)) = self.timer.take() {
            host::unset(timer);
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
            self.unset();
            let delay = (left as f64 / 1e6).ceil();
            let timer = host::set(tasks::current(), delay);
            self.timer = Some((timer, now.later(delay as u64 * 1_000_000)));
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
        self.unset();
    }
}
