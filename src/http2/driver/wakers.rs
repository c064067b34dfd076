//! The wakers that `h2`, the transport and the timer have.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Wake;

use super::{ConnectionDriver, WOKEN};

/// The waker that `h2` and the transport have for the connection.
pub(super) struct ConnectionWaker(pub(super) Weak<ConnectionDriver>);

impl Wake for ConnectionWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let Some(driver) = self.0.upgrade() else { return };
        driver.add_work();
        // A thread that is inside of `h2` looks for work before it leaves. It may hold a lock of `h2` now, so no
        // caller's waker may be called.
        if driver.inside.load(Ordering::SeqCst) == 0 {
            driver.wake_candidates(WOKEN);
        }
    }
}

/// The waker that `h2` has for a request's stream.
pub(super) struct StreamWaker {
    pub(super) driver: Weak<ConnectionDriver>,
    pub(super) id: usize,
}

impl Wake for StreamWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(driver) = self.driver.upgrade() {
            driver.wake_stream(self.id);
        }
    }
}

/// The waker of the watch.
pub(super) struct WatchWaker(pub(super) Weak<ConnectionDriver>);

impl Wake for WatchWaker {
    fn wake(self: Arc<Self>) {
        if let Some(driver) = self.0.upgrade() {
            driver.end_watch();
        }
    }
}
