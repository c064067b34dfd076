//! The system's monotonic clock.

use std::sync::OnceLock;
use std::time;

use futures::FutureExt;

use super::fork;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The system's monotonic clock. Its origin is the first use of the clock in this process.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Timer;
/// use waterspout::platform::native::SystemTimer;
///
/// let deadline = SystemTimer.now() + Duration::from_millis(5);
/// futures::executor::block_on(SystemTimer.sleep_until(deadline));
/// assert!(SystemTimer.now() >= deadline);
/// ```
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
        // The timer starts the reactor's thread.
        fork::remember();
        match origin().checked_add(deadline.since_origin()) {
            Some(deadline) => Box::pin(async_io::Timer::at(deadline).map(|_| ())),
            // The deadline is beyond the last point of the system's clock.
            None => Box::pin(std::future::pending()),
        }
    }
}
