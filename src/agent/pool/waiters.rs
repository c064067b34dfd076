//! The requests that wait for a connection with a certain key, as plain state: no lock, no clock, no task.
//!
//! A waiting request has a [`WaitMode`]. Normally it opens a connection of its own at the same time.
//! If a returned connection arrives first, the request uses it and no longer needs the connection it had begun to
//! open. This unfinished connect is then a *background connect*. A request that arrives later waits for a background
//! connect instead of opening a connection.
//!
//! A method that removes a waiter returns the waiter's sender. The pool uses or drops the sender after its lock is
//! released.

use std::collections::BTreeMap;

/// What a waiting request does besides waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitMode {
    /// The request opens a connection of its own.
    Connect,
    /// The request opens no connection, because a background connect will provide it.
    ForBackground,
}

/// A waiter that has been removed because a connection is ready for it.
pub(super) struct FirstWaiter<S> {
    pub(super) sender: S,
    pub(super) mode: WaitMode,
}

/// The waiting requests of a key. `S` is the sender that delivers a connection to a request.
///
/// Serial numbers grow from request to request, so the lowest number belongs to the request that has waited longest.
pub(super) struct Waiters<S> {
    /// The requests in [`WaitMode::Connect`], by serial number.
    connecting: BTreeMap<u64, S>,
    /// The requests in [`WaitMode::ForBackground`], by serial number. There are never more of them than background
    /// connects.
    for_background: BTreeMap<u64, S>,
    /// The number of background connects.
    background_connects: usize,
    /// Upper bound of the number of background connects that are too slow to wait for, because a request has already
    /// waited in vain. It is at most `background_connects`. Connects are not told apart: if the overdue connect ends
    /// first, another connect counts as overdue in its place.
    overdue: usize,
}

impl<S> Waiters<S> {
    pub(super) fn new() -> Self {
        Self { connecting: BTreeMap::new(), for_background: BTreeMap::new(), background_connects: 0, overdue: 0 }
    }

    /// Adds a request and returns its mode. The mode is [`WaitMode::Connect`] unless `may_wait_for_background` is set
    /// and there is a background connect that no other request waits for.
    pub(super) fn add(&mut self, serial: u64, sender: S, may_wait_for_background: bool) -> WaitMode {
        let available = self.background_connects - self.overdue;
        if may_wait_for_background && self.for_background.len() < available {
            self.for_background.insert(serial, sender);
            return WaitMode::ForBackground;
        }
        self.connecting.insert(serial, sender);
        WaitMode::Connect
    }

    /// Removes the request that has waited longest, to give it a connection. If the request was connecting, its own
    /// connect becomes a background connect.
    pub(super) fn pop_first(&mut self) -> Option<FirstWaiter<S>> {
        let first_serial = |waiters: &BTreeMap<u64, S>| waiters.keys().next().map_or(u64::MAX, |serial| *serial);
        if first_serial(&self.for_background) < first_serial(&self.connecting) {
            let (_, sender) = self.for_background.pop_first()?;
            return Some(FirstWaiter { sender, mode: WaitMode::ForBackground });
        }
        let (_, sender) = self.connecting.pop_first()?;
        self.background_connects += 1;
        Some(FirstWaiter { sender, mode: WaitMode::Connect })
    }

    /// Removes a request that waits no longer. Returns `None` if the request has been removed already.
    pub(super) fn remove(&mut self, serial: u64) -> Option<S> {
        self.connecting.remove(&serial).or_else(|| self.for_background.remove(&serial))
    }

    /// Records that a request has waited too long for a background connect. The number of background connects that other
    /// requests may wait for falls by 1.
    pub(super) fn mark_overdue(&mut self) {
        // At most as many as there are: the connect may have ended at the same moment.
        self.overdue = self.background_connects.min(self.overdue + 1);
    }

    /// Records the end of a background connect, successful or not. Returns the request that must now connect itself, if
    /// more requests wait than there are background connects left.
    pub(super) fn end_background_connect(&mut self) -> Option<S> {
        self.background_connects -= 1;
        // Connects are not told apart, so the connect that ended may or may not be the overdue connect. The bound stays
        // as it is, unless fewer connects than that are left.
        self.overdue = self.overdue.min(self.background_connects);
        if self.for_background.len() <= self.background_connects {
            return None;
        }
        // The newest request loses its place: the older requests keep theirs.
        self.for_background.pop_last().map(|(_, sender)| sender)
    }

    /// Removes the first request that waits for a background connect, so that it can look for an idle connection again.
    pub(super) fn pop_first_for_background(&mut self) -> Option<S> {
        self.for_background.pop_first().map(|(_, sender)| sender)
    }

    /// Returns whether a request waits.
    pub(super) fn has_waiter(&self) -> bool {
        !(self.connecting.is_empty() && self.for_background.is_empty())
    }

    /// Returns whether nothing has to be remembered for this key.
    pub(super) fn is_empty(&self) -> bool {
        self.connecting.is_empty() && self.for_background.is_empty() && self.background_connects == 0
    }
}
