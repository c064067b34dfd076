//! Wakes the requests that run and have no timer of their own.
//!
//! A request whose limit passes after the timer of its client fires sets no timer. When that timer fires, it wakes these
//! requests, and each of them looks at its limit. The queue keeps the wakers of all running requests anyway.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::Queue;
use super::requests::{RequestState, Ticket};
use super::state::QueueState;
use super::wake_list::WakeList;

impl Queue {
    /// Returns a waker of all requests that run and have no timer of their own. It does not keep the queue alive.
    pub(crate) fn waker_of_covered(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::new(CoveredWaker(Arc::downgrade(self))))
    }
}

struct CoveredWaker(Weak<Queue>);

impl Wake for CoveredWaker {
    fn wake(self: Arc<Self>) {
        let Some(queue) = self.0.upgrade() else { return };
        let mut wakes = WakeList::default();
        queue.lock().list_covered(&mut wakes);
        for waker in wakes.into_woken() {
            // A waker that panics must not prevent the wake-ups of the other requests.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl QueueState {
    fn list_covered(&mut self, wakes: &mut WakeList) {
        for entry in self.requests.iter_mut() {
            if let (RequestState::Active(Some(waker)), false) = (&entry.state, entry.has_timer) {
                wakes.push(waker.clone());
            }
        }
    }

    /// Records that a request has a timer of its own.
    pub(super) fn set_has_timer(&mut self, ticket: Ticket) {
        if let Some(entry) = self.requests.get_mut(ticket) {
            entry.has_timer = true;
        }
    }
}
