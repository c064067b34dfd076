//! Tasks in line for something that is handed to them one by one, in order, and that they may leave at any time.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

/// A place in a [`Waiters`] line.
pub(crate) type Ticket = u64;

/// A line of tasks, each waiting to be given a `G`.
///
/// What is given belongs to the ticket at once, so nobody who comes later can take it; a ticket that leaves with its
/// grant unclaimed gives it back. Joining, leaving and granting take time logarithmic in the length of the line.
pub(crate) struct Waiters<G> {
    next: Ticket,
    waiting: BTreeMap<Ticket, Waker>,
    granted: BTreeMap<Ticket, G>,
}

impl<G> Waiters<G> {
    pub(crate) const fn new() -> Self {
        Self { next: 0, waiting: BTreeMap::new(), granted: BTreeMap::new() }
    }

    /// The number of tasks still waiting.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// The first in line.
    pub(crate) fn first(&self) -> Option<Ticket> {
        self.waiting.keys().next().copied()
    }

    /// Joins at the end of the line.
    pub(crate) fn join(&mut self, waker: &Waker) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.waiting.insert(ticket, waker.clone());
        ticket
    }

    /// Gives `grant` to the first in line; it comes back if there is nobody. Wake the waker outside of any lock.
    #[must_use]
    pub(crate) fn grant(&mut self, grant: G) -> Result<Waker, G> {
        match self.waiting.pop_first() {
            Some((ticket, waker)) => {
                self.granted.insert(ticket, grant);
                Ok(waker)
            }
            None => Err(grant),
        }
    }

    /// Takes what `ticket` was given, or stays in line.
    pub(crate) fn poll(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> Poll<G> {
        if let Some(grant) = self.granted.remove(&ticket) {
            return Poll::Ready(grant);
        }
        if let Some(waker) = self.waiting.get_mut(&ticket) {
            waker.clone_from(cx.waker());
        }
        Poll::Pending
    }

    /// Leaves the line; what the ticket had been given and not taken comes back, to be given on.
    #[must_use]
    pub(crate) fn leave(&mut self, ticket: Ticket) -> Option<G> {
        self.waiting.remove(&ticket);
        self.granted.remove(&ticket)
    }
}
