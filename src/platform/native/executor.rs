//! The thread for background tasks.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use futures::FutureExt;
use futures::executor::ThreadPool;

use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on a single background thread of the process, which is started at the first use.
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::BackgroundThread;
/// use waterspout::Executor;
///
/// let (sender, receiver) = std::sync::mpsc::channel();
/// BackgroundThread.spawn(Box::pin(async move { sender.send(42).unwrap() }));
/// assert_eq!(receiver.recv(), Ok(42));
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BackgroundThread;

impl Executor for BackgroundThread {
    /// Runs `task`. If the system refuses the thread, the task runs on the caller's thread, to its end.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // A single thread: the background tasks of a client are few and short.
        static THREAD: OnceLock<Option<ThreadPool>> = OnceLock::new();
        let thread = THREAD.get_or_init(|| ThreadPool::builder().pool_size(1).name_prefix("waterspout-").create().ok());
        match thread {
            // A panic would end the thread, and with it all tasks that come later.
            Some(thread) => thread.spawn_ok(AssertUnwindSafe(task).catch_unwind().map(drop)),
            None => async_io::block_on(task),
        }
    }
}
