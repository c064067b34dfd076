//! The thread for background tasks.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::executor::ThreadPool;

use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on a single background thread of the process, which is started at the first use.
///
/// If the system refuses the thread, the task is dropped: run in place, it would block its caller until its end. Each
/// later task tries again to start the thread. Of this library's tasks, the tasks of the agent are optional. A request
/// of [`Client::fetch_spawned`](crate::Client::fetch_spawned) whose task is dropped fails.
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
        static THREAD: LazyThread = LazyThread::new();
        // A single thread: the background tasks of a client are few and short.
        THREAD.spawn(task, || ThreadPool::builder().pool_size(1).name_prefix("waterspout-").create());
    }
}

/// A thread that is started by its first task.
struct LazyThread(Mutex<Option<ThreadPool>>);

impl LazyThread {
    const fn new() -> Self {
        Self(Mutex::new(None))
    }

    /// Runs `task` on the thread, which `start` starts if it does not run yet. Drops `task` if `start` fails.
    fn spawn(&self, task: BoxFuture<'static, ()>, start: impl FnOnce() -> io::Result<ThreadPool>) {
        // Released before the task is passed on or dropped: a task is foreign code, which may spawn another task.
        let thread = self.thread(start);
        if let Some(thread) = thread {
            // A panic would end the thread, and with it all tasks that come later.
            thread.spawn_ok(AssertUnwindSafe(task).catch_unwind().map(drop));
        }
    }

    fn thread(&self, start: impl FnOnce() -> io::Result<ThreadPool>) -> Option<ThreadPool> {
        let mut thread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() {
            // A refusal is not recorded: the system may have room for a thread when the next task comes.
            *thread = start().ok();
        }
        thread.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::thread;
    use std::time::Duration;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// Spawns another task when it is dropped.
    struct SpawnsOnDrop(Arc<LazyThread>, Arc<AtomicUsize>);

    impl Drop for SpawnsOnDrop {
        fn drop(&mut self) {
            self.1.fetch_add(1, Ordering::SeqCst);
            self.0.spawn(Box::pin(async {}), || Err(io::ErrorKind::WouldBlock.into()));
        }
    }

    #[test]
    fn tasks_are_dropped_until_the_system_gives_a_thread() {
        for refusals in [0, 1, 2, 7] {
            let background = Arc::new(LazyThread::new());
            let starts = Cell::new(0);
            let start = || {
                starts.set(starts.get() + 1);
                if starts.get() <= refusals { Err(io::ErrorKind::WouldBlock.into()) } else { ThreadPool::new() }
            };
            let (sender, receiver) = mpsc::channel();
            let dropped = Arc::<AtomicUsize>::default();
            let spawn = |number| {
                let guard = SpawnsOnDrop(background.clone(), dropped.clone());
                let sender = sender.clone();
                let task = async move {
                    let _guard = guard;
                    sender.send((number, thread::current().id())).unwrap();
                    // Run in place, it would never return.
                    std::future::pending().await
                };
                background.spawn(Box::pin(task), start);
            };
            (0..refusals).for_each(spawn);
            assert!(receiver.try_recv().is_err(), "a task runs although there is no thread");
            assert_eq!(dropped.load(Ordering::SeqCst), refusals);
            // The thread starts once, and runs this task and the next.
            for number in refusals..refusals + 2 {
                spawn(number);
                let (ran, on) = receiver.recv_timeout(LIMIT).unwrap();
                assert_eq!(ran, number);
                assert_ne!(on, thread::current().id());
            }
            assert_eq!(starts.get(), refusals + 1);
        }
    }
}
