//! How long a call waited in the queue and took in all: what the client adds to a response's timings.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// The times of a call, shared between the client that writes them and the response that shows them.
///
/// The total is known only after the body, when the response has long been handed out.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallTimes(Arc<Times>);

#[derive(Debug, Default)]
struct Times {
    queue: OnceLock<Duration>,
    total: OnceLock<Duration>,
}

impl CallTimes {
    /// Records that the request got its first slot, `after` the call. Later slots change nothing.
    pub(crate) fn leave_queue(&self, after: Duration) {
        let _ = self.0.queue.set(after);
    }

    /// Returns the wait for the first slot.
    pub(crate) fn queue(&self) -> Option<Duration> {
        self.0.queue.get().copied()
    }

    /// Records that the response's body ended, `after` the call.
    pub(crate) fn end(&self, after: Duration) {
        let _ = self.0.total.set(after);
    }

    /// Returns the time from the call to the end of the body, once the body has ended.
    pub(crate) fn total(&self) -> Option<Duration> {
        self.0.total.get().copied()
    }
}
