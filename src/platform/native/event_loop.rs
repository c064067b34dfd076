//! The methods of the event loop that block a thread, or need threads. A browser cannot have them.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};

use crate::tornado::event_loop::EventLoop;

/// The error of [`EventLoop::run_sync_timeout`]: the future did not complete within the limit.
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
    /// Runs `future` on this thread until it completes, and returns its output. This thread serves sockets and timers
    /// meanwhile.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let text = EventLoop::new().run_sync(async { client.get("http://example.com/").await?.text().await })?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        async_io::block_on(future)
    }

    /// Runs `future` on this thread until it completes, for at most `limit` on the loop's clock. After that the future
    /// is dropped.
    ///
    /// # Errors
    /// [`TimedOut`] if the limit passes first.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let limit = Duration::from_millis(10);
    /// let error = EventLoop::new().run_sync_timeout(std::future::pending::<()>(), limit).unwrap_err();
    /// assert_eq!(error.limit, limit);
    /// ```
    pub fn run_sync_timeout<F: Future>(&self, future: F, limit: Duration) -> Result<F::Output, TimedOut> {
        match async_io::block_on(select(pin!(future), pin!(self.sleep(limit)))) {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(TimedOut { limit }),
        }
    }

    /// Runs `work`, which may block, on a thread for blocking work, and completes with its return value.
    ///
    /// The work is queued by this call, not by the first poll. If it panics, so does the future.
    ///
    /// # Cancellation
    /// Dropping the future discards the result. Work that has begun is not stopped; work that has not begun never
    /// begins.
    ///
    /// # Platform
    /// Native only: a page in a browser has no threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::tornado::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let sum = event_loop.run_in_executor(|| (1..=100).sum::<u32>());
    /// assert_eq!(event_loop.run_sync(sum), 5050);
    /// ```
    pub fn run_in_executor<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        blocking::unblock(work)
    }
}
