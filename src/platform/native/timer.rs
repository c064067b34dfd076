//! The system's monotonic clock.

use std::sync::OnceLock;
use std::time;

use futures::FutureExt;

use crate::runtime::{BoxFuture, Instant, Timer};

/// The system's monotonic clock; its origin is the first look at it.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemTimer;

fn origin() -> time::Instant {
    static ORIGIN: OnceLock<time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(time::Instant::now)
}

impl Timer for SystemTimer {
    fn now(&self) -> Instant {
        Instant::from_origin(origin().elapsed())
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        match origin().checked_add(deadline.since_origin()) {
            Some(deadline) => Box::pin(async_io::Timer::at(deadline).map(|_| ())),
            None => Box::pin(std::future::pending()),
        }
    }
}
