//! What the library asks of a runtime: a clock to wait on, and now and then a place to put a task.
//!
//! Both have a default on every platform that needs no set-up, so most programs never name them.

mod future;
pub(crate) mod sleep;

use std::ops::Add;
use std::sync::Arc;
use std::time::Duration;

pub use self::future::{BoxFuture, BoxStream, MaybeSend, PortableFuture};

/// A point on a [`Timer`]'s clock, in nanoseconds. Monotonic; its origin is the timer's own choice, and its last point is
/// 584 years later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// A length of time in nanoseconds, at most 584 years of them.
pub(crate) const fn nanos(time: Duration) -> u64 {
    // Whole seconds first: the standard library would multiply 128 bits wide.
    if time.as_secs() >= u64::MAX / NANOS_PER_SECOND {
        return u64::MAX;
    }
    time.as_secs() * NANOS_PER_SECOND + time.subsec_nanos() as u64
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

impl Instant {
    /// The point `elapsed` after the clock's origin; the clock's last point if there is none.
    pub const fn from_origin(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// The time between the clock's origin and this point.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// The point so many nanoseconds after the clock's origin.
    pub(crate) const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// How many nanoseconds after the clock's origin it is.
    pub(crate) const fn nanos(self) -> u64 {
        self.0
    }

    /// The point so many nanoseconds later; the clock's last point if there is none.
    pub(crate) const fn later(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// The point `time` earlier; the clock's origin if there is none.
    pub(crate) const fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(time)))
    }

    /// The time from `earlier` to this point; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// The same in nanoseconds.
    pub(crate) const fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// The point `after` later; the clock's last point if there is none.
    fn add(self, after: Duration) -> Self {
        self.later(nanos(after))
    }
}

/// A monotonic clock that can be waited on.
///
/// Implement it to run the client on another clock; `testing::ManualTimer` is such a one.
pub trait Timer: Send + Sync + 'static {
    /// The present point in time.
    fn now(&self) -> Instant;

    /// Completes at `deadline` or soon after, at once if it has passed.
    ///
    /// # Cancellation
    /// Dropping the future drops the timer.
    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()>;
}

impl<T: Timer + ?Sized> Timer for Arc<T> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        (**self).sleep_until(deadline)
    }
}

/// A place to run tasks nobody waits for.
///
/// A request never needs one: it is driven by whoever polls its future.
pub trait Executor: Send + Sync + 'static {
    /// Runs `task` to its end, some time from now.
    fn spawn(&self, task: BoxFuture<'static, ()>);
}

impl<T: Executor + ?Sized> Executor for Arc<T> {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        (**self).spawn(task);
    }
}
