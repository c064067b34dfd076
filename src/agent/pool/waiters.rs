//! Requests that wait for a connection to one place, and what they may count on.
//!
//! One that is given a connection that another has finished with leaves its own half made: a spare one. Who comes later
//! waits for that rather than making one more, or a fast server would be met by as many connections as there are
//! requests while one of them is slow to be made.

use std::collections::BTreeMap;

use futures::channel::oneshot;

use super::BackgroundConnect;
use crate::http1::Connection;

/// A connection that has come back, and the place among the spare ones of what its receiver was making, if it was.
pub(in crate::agent) type Delivered = (Connection, Option<BackgroundConnect>);

/// A line, in the order in which its members came.
#[derive(Default)]
pub(in crate::agent) struct Waiters {
    /// Each makes a connection of its own meanwhile.
    connecting: BTreeMap<u64, oneshot::Sender<Delivered>>,
    /// Each counts on a spare one: there are never more of them than of those.
    relying: BTreeMap<u64, oneshot::Sender<Delivered>>,
    /// How many connections are being made that nobody needs any more.
    spare: usize,
    /// How many of them somebody has relied on in vain.
    stalled: usize,
}

impl Waiters {
    /// Puts a request at the end, which may rely on a spare connection if it wants to; says whether it does.
    pub(in crate::agent) fn join(
        &mut self,
        number: u64,
        sender: oneshot::Sender<Delivered>,
        may_wait_for_background: bool,
    ) -> bool {
        let relies = may_wait_for_background && self.relying.len() < self.spare - self.stalled;
        let line = if relies { &mut self.relying } else { &mut self.connecting };
        line.insert(number, sender);
        relies
    }

    /// Takes the first out of the line, to be given a connection; says whether its own becomes a spare one thereby.
    pub(in crate::agent) fn next(&mut self) -> Option<(oneshot::Sender<Delivered>, bool)> {
        let first = |line: &BTreeMap<u64, _>| line.first_key_value().map_or(u64::MAX, |(number, _)| *number);
        if first(&self.relying) < first(&self.connecting) {
            return self.relying.pop_first().map(|(_, sender)| (sender, false));
        }
        let (_, sender) = self.connecting.pop_first()?;
        self.spare += 1;
        Some((sender, true))
    }

    /// Takes one out that waits no longer, if it is there.
    pub(in crate::agent) fn leave(&mut self, number: u64) -> Option<oneshot::Sender<Delivered>> {
        self.connecting.remove(&number).or_else(|| self.relying.remove(&number))
    }

    /// Somebody has relied on a spare connection for long enough: nobody else is to wait for that one.
    pub(in crate::agent) fn give_up_spare(&mut self) {
        self.stalled = self.spare.min(self.stalled + 1);
    }

    /// Takes the first of those out that make none, to look again for one that is kept.
    pub(in crate::agent) fn look_again(&mut self) -> Option<oneshot::Sender<Delivered>> {
        self.relying.pop_first().map(|(_, sender)| sender)
    }

    /// Counts a spare connection less, be it made or given up. Who relied on it comes out, to connect itself.
    pub(in crate::agent) fn end_spare(&mut self) -> Option<oneshot::Sender<Delivered>> {
        self.spare -= 1;
        self.stalled = self.stalled.min(self.spare);
        if self.relying.len() <= self.spare {
            return None;
        }
        self.relying.pop_last().map(|(_, sender)| sender)
    }

    pub(in crate::agent) fn is_empty(&self) -> bool {
        self.connecting.is_empty() && self.relying.is_empty() && self.spare == 0
    }
}
