//! How the pool starts and wakes the task of the idle reaper.

use std::sync::Arc;

use futures::task::AtomicWaker;

use crate::runtime::sync::atomic::{AtomicBool, Ordering};
use crate::runtime::{Executor, Timer};

/// The pool's side of the idle reaper. Dropping it ends the task: at once if the task sleeps until an expiry, else
/// within 100 ms (`WATCH_AFTER`).
pub(super) struct ReaperSignal {
    /// Runs the task.
    pub(super) executor: Arc<dyn Executor>,
    /// The clock of the task.
    pub(super) timer: Arc<dyn Timer>,
    pub(super) shared: Arc<ReaperFlags>,
}

/// What the pool and the task share.
#[derive(Default)]
pub(super) struct ReaperFlags {
    /// Whether the task exists.
    pub(super) is_running: AtomicBool,
    /// Whether the task sleeps until a connection expires. It then has to be woken for a new idle connection.
    pub(super) is_sleeping: AtomicBool,
    /// Wakes the task.
    pub(super) waker: AtomicWaker,
}

impl ReaperSignal {
    pub(super) fn new(executor: Arc<dyn Executor>, timer: Arc<dyn Timer>) -> Self {
        Self { executor, timer, shared: Arc::default() }
    }
}

/// Held by the task. If the executor drops the task before its end, the next idle connection can start another task.
pub(super) struct ReaperRun {
    pub(super) flags: Arc<ReaperFlags>,
    /// Whether the task has cleared `is_running` itself. The flag may belong to another task since then.
    pub(super) has_ended: bool,
}

impl Drop for ReaperRun {
    fn drop(&mut self) {
        if !self.has_ended {
            self.flags.is_running.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for ReaperSignal {
    fn drop(&mut self) {
        // A sleeping task stops sleeping when the flag is cleared. It then finds that the pool is gone, and ends.
        self.shared.is_sleeping.store(false, Ordering::SeqCst);
        self.shared.waker.wake();
    }
}
