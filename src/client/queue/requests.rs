//! The requests that the queue knows: a slab whose indices are the tickets.
//!
//! The slab is written by hand, because the code of the crate `slab` would make the npm package's module larger.

use std::task::Waker;

use super::rate::Nanos;
use super::stall::RequestWaker;

/// The index of a request. It is valid until the request is removed; a later request may get the same index.
pub(super) type Ticket = u32;

/// The index of no request and of no origin queue.
pub(super) const NONE: u32 = u32::MAX;

/// Number of entries whose memory is kept when the last request is removed.
const RETAINED_ENTRIES: usize = 1024;

/// Why a request gets no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// `max_queued` requests wait already.
    Full,
    /// The queue was cleared while the request waited.
    Cleared,
    /// The client is closed.
    Closed,
    /// The client stalled while the request waited.
    Stalled,
}

/// A request. `W` wakes it: a waker, or the number by which JavaScript knows the request.
pub(super) struct RequestEntry<W: RequestWaker = Waker> {
    pub(super) state: RequestState<W>,
    /// Index of the origin queue.
    pub(super) origin: u32,
    /// Index in the heap of the origin queue, while the request waits.
    pub(super) position: u32,
    /// When the request joined the queue.
    pub(super) arrived: Nanos,
    /// Unique among all requests, unlike the ticket.
    pub(super) serial: u64,
    /// Set only while the request waits.
    pub(super) detection: W::Detection,
    /// Whether the running request has a timer of its own.
    pub(super) has_timer: W::TimerMark,
}

/// What a request waits for.
pub(super) enum RequestState<W = Waker> {
    /// The entry is unused; the ticket is the next unused entry.
    Free(Ticket),
    /// The request waits for a slot; the waker is that of its future.
    Waiting(W),
    /// The request has a slot and has not been polled since.
    Granted,
    /// The request runs. The waker is called if the client is closed at once.
    Active(Option<W>),
    /// The request waits between two attempts, without a slot. The waker is called if the client is closed at once.
    BackingOff(Option<W>),
    /// The request was rejected while it waited and has not been polled since.
    Rejected(Rejection),
}

/// All requests.
pub(super) struct Requests<W: RequestWaker = Waker> {
    entries: Vec<RequestEntry<W>>,
    /// The first unused entry, or [`NONE`]. Unused entries are a linked list.
    first_free: Ticket,
    /// Number of entries in use.
    used: usize,
    next_serial: u64,
}

impl<W: RequestWaker> Requests<W> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), first_free: NONE, used: 0, next_serial: 0 }
    }

    pub(super) fn get(&self, ticket: Ticket) -> Option<&RequestEntry<W>> {
        self.entries.get(ticket as usize)
    }

    pub(super) fn get_mut(&mut self, ticket: Ticket) -> Option<&mut RequestEntry<W>> {
        self.entries.get_mut(ticket as usize)
    }

    /// Returns all entries, also the unused entries.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut RequestEntry<W>> {
        self.entries.iter_mut()
    }

    /// Returns the tickets of all entries, also of unused entries.
    pub(super) fn tickets(&self) -> std::ops::Range<Ticket> {
        0..self.entries.len() as Ticket
    }

    /// Notes where a request is in the heap of its origin queue.
    pub(super) fn set_position(&mut self, ticket: Ticket, position: u32) {
        if let Some(entry) = self.get_mut(ticket) {
            entry.position = position;
        }
    }

    pub(super) fn insert(&mut self, state: RequestState<W>, origin: u32, arrived: Nanos) -> Ticket {
        let new = RequestEntry {
            state,
            origin,
            position: 0,
            arrived,
            serial: self.next_serial,
            detection: W::Detection::default(),
            has_timer: W::TimerMark::default(),
        };
        self.next_serial += 1;
        self.used += 1;
        match self.entries.get_mut(self.first_free as usize) {
            Some(entry) => {
                let old = std::mem::replace(entry, new);
                let next = if let RequestState::Free(next) = old.state { next } else { NONE };
                std::mem::replace(&mut self.first_free, next)
            }
            None => {
                self.entries.push(new);
                (self.entries.len() - 1) as Ticket
            }
        }
    }

    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<RequestEntry<W>> {
        let state = RequestState::Free(self.first_free);
        // No handle has this serial, so a handle of the removed request finds nothing.
        let free = RequestEntry {
            state,
            origin: 0,
            position: 0,
            arrived: 0,
            serial: u64::MAX,
            detection: W::Detection::default(),
            has_timer: W::TimerMark::default(),
        };
        let entry = self.get_mut(ticket).filter(|entry| !matches!(entry.state, RequestState::Free(_)))?;
        let removed = std::mem::replace(entry, free);
        self.first_free = ticket;
        self.used -= 1;
        // The memory of a large burst of requests is returned with the last of them. Serials go on, so that the
        // handle of a removed request matches no later request.
        if self.used == 0 && self.entries.len() > RETAINED_ENTRIES {
            *self = Self { next_serial: self.next_serial, ..Self::new() };
        }
        Some(removed)
    }
}
