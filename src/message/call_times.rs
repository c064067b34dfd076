//! How long a call waited in the queue and took in all: what the client adds to a response's timings.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::runtime::nanos;

/// The total time of a body that has not ended.
const UNKNOWN: u64 = u64::MAX;

/// The times of a call. The client writes them, and the response shows them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallTimes {
    queue: Option<Duration>,
    total: Option<Duration>,
    /// The total time of a body that streams, in nanoseconds: it is known only after the response has been handed out.
    // An allocation, so a body that came whole with its head has none. A number and not a `OnceLock`, which links its
    // panics into a browser program.
    later_total: Option<Arc<AtomicU64>>,
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
        self.later_total = Some(Arc::new(AtomicU64::new(UNKNOWN)));
    }

    /// Records that the response's body ended, `after` the call.
    pub(crate) fn end(&mut self, after: Duration) {
        match &self.later_total {
            // Relaxed: the number stands for itself.
            Some(later) => later.store(nanos(after).min(UNKNOWN - 1), Ordering::Relaxed),
            None => self.total = Some(after),
        }
    }

    /// Returns the time from the call to the end of the body, once the body has ended.
    pub(crate) fn total(&self) -> Option<Duration> {
        let later = self.later_total.as_ref().map_or(UNKNOWN, |later| later.load(Ordering::Relaxed));
        self.total.or_else(|| (later != UNKNOWN).then(|| Duration::from_nanos(later)))
    }
}
