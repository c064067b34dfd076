//! Tasks in line for something that is handed to them one by one, in order, and that they may leave at any time.

use std::collections::VecDeque;
use std::mem;
use std::task::{Context, Poll, Waker};

/// A place in a [`Waiters`] line; never used twice.
pub(crate) type Ticket = u64;

/// A line of tasks, each waiting to be given a `G`.
///
/// What is given belongs to the ticket at once, so nobody who comes later can take it; a ticket that leaves with its
/// grant unclaimed gives it back. Everything takes constant time, spread over the life of a ticket.
pub(crate) struct Waiters<G> {
    /// The places from ticket `first` on; those at the front are not `Left`.
    places: VecDeque<Place<G>>,
    first: Ticket,
    /// The first ticket that can be waiting: all before it have been given something or have left.
    next_to_grant: Ticket,
    waiting: usize,
}

enum Place<G> {
    Waiting(Waker),
    Granted(G),
    Left,
}

impl<G> Place<G> {
    fn into_waker(self) -> Waker {
        match self {
            Self::Waiting(waker) => waker,
            Self::Granted(_) | Self::Left => Waker::noop().clone(),
        }
    }
}

impl<G> Waiters<G> {
    pub(crate) const fn new() -> Self {
        Self { places: VecDeque::new(), first: 0, next_to_grant: 0, waiting: 0 }
    }

    /// The number of tasks still waiting.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// The first in line.
    pub(crate) fn first(&mut self) -> Option<Ticket> {
        while let Some(place) = self.places.get((self.next_to_grant - self.first) as usize) {
            if matches!(place, Place::Waiting(_)) {
                return Some(self.next_to_grant);
            }
            self.next_to_grant += 1;
        }
        None
    }

    /// Joins at the end of the line.
    pub(crate) fn join(&mut self, waker: &Waker) -> Ticket {
        self.places.push_back(Place::Waiting(waker.clone()));
        self.waiting += 1;
        self.first + self.places.len() as Ticket - 1
    }

    /// Gives `grant` to the first in line; it comes back if there is nobody. Wake the waker outside of any lock.
    pub(crate) fn grant(&mut self, grant: G) -> Result<Waker, G> {
        let first = self.first();
        match first.and_then(|ticket| self.place(ticket)) {
            Some(place) => {
                let waiting = mem::replace(place, Place::Granted(grant));
                self.waiting -= 1;
                Ok(waiting.into_waker())
            }
            None => Err(grant),
        }
    }

    /// Takes what `ticket` was given, or stays in line.
    pub(crate) fn poll(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<G> {
        if let Some(Place::Waiting(waker)) = self.place(ticket) {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        match self.leave(ticket) {
            Some(grant) => Poll::Ready(grant),
            None => Poll::Pending,
        }
    }

    /// Leaves the line; what the ticket had been given and not taken comes back, to be given on.
    #[must_use]
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<G> {
        let left = mem::replace(self.place(ticket)?, Place::Left);
        while let Some(Place::Left) = self.places.front() {
            self.places.pop_front();
            self.first += 1;
        }
        self.next_to_grant = self.next_to_grant.max(self.first);
        match left {
            Place::Waiting(_) => {
                self.waiting -= 1;
                None
            }
            Place::Granted(grant) => Some(grant),
            Place::Left => None,
        }
    }

    fn place(&mut self, ticket: Ticket) -> Option<&mut Place<G>> {
        self.places.get_mut(ticket.checked_sub(self.first)? as usize)
    }
}
