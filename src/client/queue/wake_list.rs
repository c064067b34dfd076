//! Wakers that are called or dropped after the lock is released.

use std::task::Waker;

/// Collects wakers while the lock is held.
///
/// Waking or dropping a waker may run or drop a task, and that task may call the queue. With the lock held, that would
/// be a deadlock.
pub(super) struct WakeList<W = Waker> {
    first: Option<W>,
    more: Vec<W>,
    /// A waker that is dropped with the list and not woken.
    pub(super) discarded: Option<W>,
}

impl<W> Default for WakeList<W> {
    fn default() -> Self {
        Self { first: None, more: Vec::new(), discarded: None }
    }
}

impl<W> WakeList<W> {
    /// Adds a waker.
    pub(super) fn push(&mut self, waker: W) {
        // Most lists hold a single waker, which needs no allocation.
        if let Some(other) = self.first.replace(waker) {
            self.more.push(other);
        }
    }

    /// Returns all in the order in which they were added.
    pub(super) fn into_woken(self) -> impl Iterator<Item = W> {
        self.more.into_iter().chain(self.first)
    }
}

impl WakeList {
    /// Wakes all; the caller has released the lock.
    pub(super) fn wake_all(self) {
        // Most changes wake no task.
        if self.first.is_none() {
            return;
        }
        self.into_woken().for_each(Waker::wake);
    }
}
