//! Work that blocks: on a thread for such work, or on the executor of an event loop.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures::channel::oneshot;
use futures::future::Either;

use super::fork;
use crate::runtime::Executor;
use crate::tornado::EventLoop;

impl EventLoop {
    /// Runs `work`, which may block, on a thread for blocking work, and completes with its return value. The whole process
    /// has at most 500 such threads.
    ///
    /// The work is queued by this call, not by the first poll.
    ///
    /// # Panics
    /// The future panics if the work panics. The call panics in a child of `fork`, which has none of its parent's
    /// threads.
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
    /// let sum = event_loop.spawn_blocking(|| (1..=100).sum::<u32>());
    /// assert_eq!(event_loop.run_sync(sum), 5050);
    /// ```
    #[track_caller]
    pub fn spawn_blocking<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if let Err(error) = fork::check() {
            panic!("{error}");
        }
        blocking::unblock(work)
    }

    /// Runs `work` on the executor that the loop was made [over](Self::over), and completes with its return value. A
    /// loop of [`EventLoop::new`] has no such executor, and does the same as [`spawn_blocking`](Self::spawn_blocking).
    ///
    /// The work is queued by this call, not by the first poll. If the executor has a single thread, the loop's
    /// callbacks wait until the work ends.
    ///
    /// # Panics
    /// The future panics if the work panics, or if the executor drops the work.
    ///
    /// # Cancellation
    /// As [`spawn_blocking`](Self::spawn_blocking).
    ///
    /// # Platform
    /// Native only: a page in a browser has no threads.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::BackgroundThread;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let event_loop = EventLoop::over(BackgroundThread, EventLoop::new().timer());
    /// let sum = event_loop.run_in_executor(|| (1..=100).sum::<u32>());
    /// assert_eq!(event_loop.run_sync(sum), 5050);
    /// ```
    #[track_caller]
    pub fn run_in_executor<T, F>(&self, work: F) -> impl Future<Output = T> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        if !self.executor.is_given() {
            return Either::Left(self.spawn_blocking(work));
        }
        let (sender, receiver) = oneshot::channel();
        self.executor.spawn(Box::pin(async move {
            if !sender.is_canceled() {
                // The panic goes to the task that awaits the work, not to the executor.
                let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
            }
        }));
        Either::Right(async move {
            match receiver.await {
                Ok(Ok(output)) => output,
                Ok(Err(panic)) => resume_unwind(panic),
                Err(oneshot::Canceled) => panic!("the executor of the event loop dropped the work"),
            }
        })
    }
}
