//! Futures with a time limit: Tornado's `gen.with_timeout`.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use super::EventLoop;
use crate::platform;
use crate::runtime::Timer;

/// The error of [`with_timeout`]: the future did not complete within the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedOut {
    /// The limit that passed.
    pub limit: Duration,
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the future did not end within {:?}", self.limit)
    }
}

impl Error for TimedOut {}

/// Completes with the output of `future`, or with an error once `limit` has passed on the platform's clock.
///
/// The limit counts from this call and not from the first poll. A future that is ready when it is polled wins over the
/// limit, so a limit of zero polls it once. [`EventLoop::with_timeout`] does the same on the clock of a loop.
///
/// # Errors
/// [`TimedOut`] if the limit passes first.
///
/// # Cancellation
/// The future is dropped when the limit passes. Tornado's `gen.with_timeout` lets it run on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::tornado::{TimedOut, with_timeout};
///
/// # futures::executor::block_on(async {
/// let limit = Duration::from_millis(10);
/// assert_eq!(with_timeout(limit, async { 42 }).await, Ok(42));
/// assert_eq!(with_timeout(limit, std::future::pending::<u32>()).await, Err(TimedOut { limit }));
/// # });
/// ```
pub fn with_timeout<F: Future>(
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, TimedOut>> + use<F> {
    limited(&*platform::default_timer(), limit, future)
}

impl EventLoop {
    /// Completes with the output of `future`, or with an error once `limit` has passed on the loop's clock, as
    /// [`with_timeout`] does on the platform's clock.
    ///
    /// # Errors
    /// [`TimedOut`] if the limit passes first.
    ///
    /// # Cancellation
    /// The future is dropped when the limit passes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::testing::ManualTimer;
    /// use waterspout::tornado::{EventLoop, TimedOut};
    ///
    /// let timer = ManualTimer::new();
    /// let event_loop = EventLoop::over(EventLoop::new().executor(), timer.clone());
    /// let limit = Duration::from_secs(20);
    /// let limited = event_loop.with_timeout(limit, std::future::pending::<()>());
    /// timer.advance(limit);
    /// assert_eq!(limited.now_or_never(), Some(Err(TimedOut { limit })));
    /// ```
    pub fn with_timeout<F: Future>(
        &self,
        limit: Duration,
        future: F,
    ) -> impl Future<Output = Result<F::Output, TimedOut>> + use<F> {
        limited(&*self.timer, limit, future)
    }
}

fn limited<F: Future>(
    timer: &dyn Timer,
    limit: Duration,
    future: F,
) -> impl Future<Output = Result<F::Output, TimedOut>> + use<F> {
    // Outside of the future, which starts at its first poll.
    let sleep = timer.sleep_until(timer.now() + limit);
    async move {
        match select(pin!(future), sleep).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TimedOut { limit }),
        }
    }
}
