//! How long a call waited in the queue and took in all: what the client adds to a response's timings.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The times of a call. The client writes them, and the response shows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallTimes {
    queue: Option<Duration>,
    total: Option<Duration>,
    /// The total time of a body that streams: it is known only after the response has been handed out.
    // An allocation, so a body that came whole with its head has none.
    later_total: Option<Arc<OnceLock<Duration>>>,
}

impl CallTimes {
    /// Records that the request got its first slot, `after` the call. Later slots change nothing.
    pub(crate) fn leave_queue(&mut self, after: Duration) {
        self.queue.get_or_insert(after);
    }

    /// Returns the wait for the first slot.
    pub(crate) fn queue(&self) -> Option<Duration> {
        self.queue
    }

    /// Prepares for a body that ends later: clones made from here on see the end as well.
    pub(crate) fn share(&mut self) {
        self.later_total = Some(Arc::default());
    }

    /// Records that the response's body ended, `after` the call.
    pub(crate) fn end(&mut self, after: Duration) {
        match &self.later_total {
            Some(later) => drop(later.set(after)),
            None => self.total = Some(after),
        }
    }

    /// Returns the time from the call to the end of the body, once the body has ended.
    pub(crate) fn total(&self) -> Option<Duration> {
        self.total.or_else(|| self.later_total.as_ref()?.get().copied())
    }
}
