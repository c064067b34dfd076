//! The event loop: Tornado's `IOLoop` over the traits of [`runtime`](crate::runtime).

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::future::MaybeSend;
use crate::platform;
use crate::runtime::{Executor, Timer};

/// Runs futures: to their end on this thread (natively), or in the background.
///
/// The client needs none; it is for programs that have no executor of their own.
///
/// # Examples
///
/// ```
/// use waterspout::EventLoop;
///
/// assert_eq!(EventLoop::new().run_sync(async { 6 * 7 }), 42);
/// ```
#[derive(Clone)]
pub struct EventLoop {
    executor: Arc<dyn Executor>,
    timer: Arc<dyn Timer>,
}

impl EventLoop {
    /// A loop over the platform's own executor and clock.
    pub fn new() -> Self {
        Self { executor: platform::default_executor(), timer: platform::default_timer() }
    }

    /// Runs `task` in the background: natively on another thread, in a browser on this one, later.
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.executor.spawn(Box::pin(task));
    }

    /// Completes after `delay`.
    ///
    /// # Cancellation
    /// Dropping the future drops the timer.
    pub fn sleep(&self, delay: Duration) -> impl Future<Output = ()> + MaybeSend + use<> {
        self.timer.sleep_until(self.timer.now() + delay)
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventLoop").finish_non_exhaustive()
    }
}
