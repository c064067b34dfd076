//! An executor that the test drives.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use futures::future::BoxFuture;
use waterspout::Executor;

use super::wakers::WakeFlag;

/// An executor whose tasks run only when the test calls [`turn`](Self::turn) or [`run`](Self::run).
///
/// Clones share the tasks.
#[derive(Clone, Default)]
pub struct ManualExecutor {
    tasks: Arc<Mutex<Vec<Task>>>,
    panics: Arc<AtomicUsize>,
}

struct Task {
    future: BoxFuture<'static, ()>,
    flag: Arc<WakeFlag>,
    waker: Waker,
}

impl Executor for ManualExecutor {
    fn spawn(&self, future: BoxFuture<'static, ()>) {
        let (flag, waker) = WakeFlag::new();
        waker.wake_by_ref();
        self.tasks.lock().unwrap().push(Task { future, flag, waker });
    }
}

impl ManualExecutor {
    /// Polls each task that was woken before, once. A task that panics is dropped. Returns whether a task was polled.
    pub fn turn(&self) -> bool {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        let mut polled = false;
        tasks.retain_mut(|task| {
            if !task.flag.take() {
                return true;
            }
            polled = true;
            let poll = || task.future.as_mut().poll(&mut Context::from_waker(&task.waker));
            let poll = std::panic::catch_unwind(std::panic::AssertUnwindSafe(poll));
            if poll.is_err() {
                self.panics.fetch_add(1, Ordering::SeqCst);
            }
            poll.is_ok_and(|poll| poll.is_pending())
        });
        let mut all = self.tasks.lock().unwrap();
        tasks.append(&mut all);
        *all = tasks;
        polled
    }

    /// Calls [`turn`](Self::turn) until no task is woken.
    pub fn run(&self) {
        while self.turn() {}
    }

    /// Returns the number of tasks that have not ended.
    pub fn tasks(&self) -> usize {
        self.tasks.lock().unwrap().len()
    }

    /// Returns the number of tasks that have panicked.
    pub fn panics(&self) -> usize {
        self.panics.load(Ordering::SeqCst)
    }

    /// Drops all tasks, as an executor does when it ends.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap());
        drop(tasks);
    }
}
