//! What a deadline waits on: a clock, and the waits for points of time on it.

use std::task::{Context, Poll};

use crate::runtime::Instant;

/// A clock that time limits are measured on.
pub(crate) trait Clock: Clone {
    type Wait: Wait;

    fn now(&self) -> Instant;

    /// The wait for `at`; it begins when it is polled.
    fn until(&self, at: Instant) -> Self::Wait;
}

/// A wait for a point of time, cancelled when dropped.
pub(crate) trait Wait {
    /// The point of time.
    fn at(&self) -> Instant;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Nobody waits at present.
    fn rest(&mut self) {}
}
