//! The wakers that `h2`, the transport and the timer have, and the wakers of the candidates.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use super::{ConnectionDriver, WOKEN};

use crate::runtime::sync::atomic::Ordering;

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

/// The wakers of candidates. As many as a wake-up of the transport takes need no allocation.
#[derive(Default)]
pub(super) struct Candidates {
    first: [Option<Waker>; WOKEN],
    more: Vec<Waker>,
    len: usize,
}

impl Candidates {
    pub(super) fn push(&mut self, waker: Waker) {
        match self.first.get_mut(self.len) {
            Some(place) => *place = Some(waker),
            None => self.more.push(waker),
        }
        self.len += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn wake(self) {
        self.first.into_iter().flatten().chain(self.more).for_each(Waker::wake);
    }
}
