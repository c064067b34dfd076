//! The requests in the queue, each at a place of its own that is used again.

use std::task::Waker;

use super::rate::Nanos;

/// A request in the queue; its owner's until it leaves.
pub(super) type Ticket = u32;

/// No request.
pub(super) const NONE: Ticket = Ticket::MAX;

/// So many places are kept when nobody is left.
const KEPT: usize = 1024;

/// Why a request gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Cleared,
    Closed,
}

pub(super) struct Entry {
    pub(super) state: State,
    pub(super) lane: u32,
    /// Where in the lane's heap.
    pub(super) position: u32,
    pub(super) arrived: Nanos,
    /// By which it is told from another that has its ticket later.
    pub(super) serial: u64,
}

pub(super) enum State {
    /// Nobody's; the next such one.
    Free(Ticket),
    Waiting(Waker),
    /// It has a slot and does not know yet.
    Granted,
    /// The waker is for the end of the client.
    Active(Option<Waker>),
    /// It is between two attempts; the waker is for the same.
    Aside(Option<Waker>),
    Refused(Refusal),
}

/// All of them.
pub(super) struct Entries {
    list: Vec<Entry>,
    free: Ticket,
    present: usize,
    next_serial: u64,
}

impl Entries {
    pub(super) const fn new() -> Self {
        Self { list: Vec::new(), free: NONE, present: 0, next_serial: 0 }
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&Entry> {
        self.list.get(ticket as usize)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Entry> {
        self.list.get_mut(ticket as usize)
    }

    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut State> {
        self.list.iter_mut().map(|entry| &mut entry.state)
    }

    pub(super) fn move_to(&mut self, ticket: Ticket, position: u32) {
        if let Some(entry) = self.get_mut(ticket) {
            entry.position = position;
        }
    }

    pub(super) fn insert(&mut self, state: State, lane: u32, arrived: Nanos) -> Ticket {
        let new = Entry { state, lane, position: 0, arrived, serial: self.next_serial };
        self.next_serial += 1;
        self.present += 1;
        match self.list.get_mut(self.free as usize) {
            Some(entry) => {
                let old = std::mem::replace(entry, new);
                let next = if let State::Free(next) = old.state { next } else { NONE };
                std::mem::replace(&mut self.free, next)
            }
            None => {
                self.list.push(new);
                (self.list.len() - 1) as Ticket
            }
        }
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        let free = Entry { state: State::Free(self.free), lane: 0, position: 0, arrived: 0, serial: u64::MAX };
        let entry = self.get_mut(ticket).filter(|entry| !matches!(entry.state, State::Free(_)))?;
        let removed = std::mem::replace(entry, free);
        self.free = ticket;
        self.present -= 1;
        // The memory of a great crowd goes with the last of it.
        if self.present == 0 && self.list.len() > KEPT {
            *self = Self { next_serial: self.next_serial, ..Self::new() };
        }
        Some(removed)
    }
}
