//! The methods of the event loop that block a thread, or need threads. A browser cannot have them.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::tornado::{EventLoop, TimedOut};

/// The error of [`EventLoop::try_run_sync`] and [`EventLoop::run_sync_timeout`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunSyncError {
    /// The future did not complete within the limit.
    TimedOut(TimedOut),
    /// The call came from inside of the loop: from a callback or task of the loop, from a future that the loop runs, or
    /// from inside of a loop that this loop waits for. The wait would never end.
    InsideLoop,
}

impl fmt::Display for RunSyncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimedOut(error) => error.fmt(f),
            Self::InsideLoop => f.write_str(
                "the event loop is already running on this thread, and a wait for it from inside would never end: \
                 await the future, or spawn it on the loop",
            ),
        }
    }
}

impl Error for RunSyncError {}

impl From<TimedOut> for RunSyncError {
    fn from(error: TimedOut) -> Self {
        Self::TimedOut(error)
    }
}

/// Compares with the only error that carries data.
impl PartialEq<TimedOut> for RunSyncError {
    fn eq(&self, other: &TimedOut) -> bool {
        matches!(self, Self::TimedOut(error) if error == other)
    }
}

impl EventLoop {
    /// Runs `future` on this thread until it completes, and returns its output. This thread serves sockets and timers
    /// meanwhile, and the loop's own thread runs callbacks and tasks.
    ///
    /// # Panics
    /// If it is called from inside of the loop, as `IOLoop.run_sync` raises: the wait would never end.
    /// [`try_run_sync`](Self::try_run_sync) returns an error instead. Other waits that block a callback, such as the wait
    /// for a channel, cannot be recognized.
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
    #[track_caller]
    pub fn run_sync<F: Future>(&self, future: F) -> F::Output {
        match self.try_run_sync(future) {
            Ok(output) => output,
            Err(error) => panic!("{error}"),
        }
    }

    /// Runs `future` as [`run_sync`](Self::run_sync) does, and returns an error instead of a panic.
    ///
    /// # Errors
    /// [`RunSyncError::InsideLoop`] if it is called from inside of the loop.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::RunSyncError;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// let event_loop = EventLoop::new();
    /// let same = event_loop.clone();
    /// event_loop.add_callback(move || sender.send(same.try_run_sync(async { 42 })).unwrap());
    /// assert_eq!(receiver.recv(), Ok(Err(RunSyncError::InsideLoop)));
    /// assert_eq!(event_loop.try_run_sync(async { 42 }), Ok(42));
    /// ```
    pub fn try_run_sync<F: Future>(&self, future: F) -> Result<F::Output, RunSyncError> {
        self.executor.block_on(future).ok_or(RunSyncError::InsideLoop)
    }

    /// Runs `future` on this thread until it completes, for at most `limit` on the loop's clock. After that the future
    /// is dropped.
    ///
    /// # Errors
    /// [`RunSyncError::TimedOut`] if the limit passes first, and [`RunSyncError::InsideLoop`] if it is called from
    /// inside of the loop.
    ///
    /// # Platform
    /// Native only: a browser's thread must not block.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::{EventLoop, TimedOut};
    ///
    /// let limit = Duration::from_millis(10);
    /// let error = EventLoop::new().run_sync_timeout(std::future::pending::<()>(), limit).unwrap_err();
    /// assert_eq!(error, TimedOut { limit });
    /// ```
    pub fn run_sync_timeout<F: Future>(&self, future: F, limit: Duration) -> Result<F::Output, RunSyncError> {
        Ok(self.try_run_sync(self.with_timeout(limit, future))??)
    }
}
