//! What is woken or dropped once the lock is open.

use std::task::Waker;

/// Wakers on their way out of the lock: waking or dropping one may run a task, and that task may come back to the queue.
#[derive(Default)]
pub(super) struct Later {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// Not to be woken.
    pub(super) drop: Option<Waker>,
}

impl Later {
    /// Nearly always there is one, which needs no memory.
    pub(super) fn wake(&mut self, waker: Waker) {
        if let Some(other) = self.first.replace(waker) {
            self.more.push(other);
        }
    }

    pub(super) fn run(self) {
        self.more.into_iter().chain(self.first).for_each(Waker::wake);
    }
}
