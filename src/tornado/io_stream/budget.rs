//! How much work a task does with a stream before other tasks run.

/// How many bytes may be received, searched, handed out or sent before other tasks run.
const MAX_BYTES: usize = 512 * 1024;

/// The bytes that a call counts as, beside the bytes that it moves. So at most 64 calls are made before other tasks run.
const BYTES_PER_CALL: usize = 8 * 1024;

/// The work that is left until a future of the stream yields: it is pending once and wakes its task at once.
///
/// A future that finds bytes each time never waits. Without a budget, a task that calls it in a loop would hold its
/// thread for as long as the peer sends, or for all bytes of a buffer.
pub(super) struct StreamBudget {
    left: usize,
}

impl StreamBudget {
    pub(super) const fn new() -> Self {
        Self { left: MAX_BYTES }
    }

    /// Returns how many bytes may be moved or searched now.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Counts bytes that were moved or searched.
    pub(super) fn spend(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// Counts a call that moved `bytes`.
    pub(super) fn spend_call(&mut self, bytes: usize) {
        self.spend(bytes.saturating_add(BYTES_PER_CALL));
    }

    /// Renews the budget, because other tasks run now.
    pub(super) fn renew(&mut self) {
        *self = Self::new();
    }

    /// Returns whether the budget is spent, and renews it if so: the caller yields.
    pub(super) fn take_spent(&mut self) -> bool {
        let is_spent = self.left == 0;
        if is_spent {
            self.renew();
        }
        is_spent
    }
}
