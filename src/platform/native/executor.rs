//! The executor of background tasks.

use std::sync::OnceLock;

use super::task_threads::TaskThreads;
use crate::runtime::{BoxFuture, Executor};

/// How many background threads there are at most, if tasks block them.
const MAX_THREADS: usize = 64;

/// Runs tasks on a background thread of the process, which is started at the first use.
///
/// A task should not block: while it does, other tasks wait. If a ready task has waited for 50 ms, another thread runs
/// it, up to 64 threads. Such a thread ends after 10 s without work.
///
/// If the system refuses the first thread, the task is dropped: run in place, it would block its caller until its end.
/// Each later task tries again to start the thread. Of this library's tasks, the tasks of the agent are optional. A
/// request of [`Client::fetch_spawned`](crate::Client::fetch_spawned) whose task is dropped fails. A child of `fork`
/// has no thread of its parent, so there every task is dropped if the parent has used the thread.
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
    /// Runs `task` on the thread, or drops it if the system refuses the thread.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        static THREADS: OnceLock<TaskThreads> = OnceLock::new();
        THREADS.get_or_init(|| TaskThreads::new("waterspout", MAX_THREADS)).spawn(task);
    }
}
