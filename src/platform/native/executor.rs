//! A thread for tasks nobody waits for.

use std::panic::AssertUnwindSafe;
use std::sync::OnceLock;

use futures::FutureExt;
use futures::executor::ThreadPool;

use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on one thread of the process, started at first use.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackgroundThread;

impl Executor for BackgroundThread {
    /// Runs `task`. Should the system refuse the thread, the task runs here, to its end.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        static THREAD: OnceLock<Option<ThreadPool>> = OnceLock::new();
        let thread = THREAD.get_or_init(|| ThreadPool::builder().pool_size(1).name_prefix("waterspout-").create().ok());
        match thread {
            // A task that panics must not take the thread with it.
            Some(thread) => thread.spawn_ok(AssertUnwindSafe(task).catch_unwind().map(drop)),
            None => async_io::block_on(task),
        }
    }
}
