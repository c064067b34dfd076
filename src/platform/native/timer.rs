//! The system's monotonic clock.

use std::sync::OnceLock;
use std::time;

use futures::FutureExt;

use super::fork;
use super::shared_timer::SharedTimer;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The system's monotonic clock. Its origin is the first use of the clock in this process.
///
/// All sleeps of the process share a single timer of the operating system.
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
        // Shared by all clients and agents of the process: a client and an agent that is given to it by hand have timers
        // of their own, and each would set a timer for each request.
        static SHARED: OnceLock<SharedTimer> = OnceLock::new();
        SHARED.get_or_init(|| SharedTimer::new(ReactorTimer)).sleep_until(deadline)
    }
}

/// The system's clock with a timer of the reactor for each sleep.
struct ReactorTimer;

impl Timer for ReactorTimer {
    fn now(&self) -> Instant {
        SystemTimer.now()
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
