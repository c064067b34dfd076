//! The event loop's blocking half, which a browser cannot have.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::tornado::event_loop::EventLoop;

/// A future did not end within the limit of [`EventLoop::run_sync_timeout`].
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

impl EventLoop {
    /// Runs `future` to its end on this thread and returns its output; sockets and timers are served meanwhile.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        async_io::block_on(future)
    }

    /// Runs `future` to its end on this thread, no longer than `limit` on the loop's clock; then it is dropped.
    ///
    /// # Errors
    /// [`TimedOut`].
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    pub fn run_sync_timeout<F: Future>(&self, future: F, limit: Duration) -> Result<F::Output, TimedOut> {
        match async_io::block_on(select(pin!(future), pin!(self.sleep(limit)))) {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TimedOut { limit }),
        }
    }

    /// Runs `work`, which may block, on a thread made for that, and completes with what it returns.
    ///
    /// The work begins at this call, not at the first poll. If it panics, so does the future.
    ///
    /// # Cancellation
    /// Dropping the future lets go of the result; work that has begun is not stopped, other work does not begin.
    ///
    /// # Platform
    /// Native only: a browser's page has no threads to give.
    pub fn run_in_executor<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        blocking::unblock(work)
    }
}
