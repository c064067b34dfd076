//! Wakers that are called or dropped after the lock is released.

use std::task::Waker;

/// Collects wakers while the lock is held.
///
/// Waking or dropping a waker may run or drop a task, and that task may call the queue. With the lock held, that would
/// be a deadlock.
#[derive(Default)]
pub(super) struct WakeList {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// A waker that is dropped with the list and not woken.
    pub(super) discarded: Option<Waker>,
}

impl WakeList {
    /// Adds a waker.
    pub(super) fn push(&mut self, waker: Waker) {
        // Most lists hold a single waker, which needs no allocation.
        if let Some(other) = self.first.replace(waker) {
            self.more.push(other);
        }
    }

    /// Wakes all; the caller has released the lock.
    pub(super) fn wake_all(self) {
        self.more.into_iter().chain(self.first).for_each(Waker::wake);
    }
}
