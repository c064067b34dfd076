//! Tasks in line for something that is handed to them one by one, in order, and that they may leave at any time.

use std::task::{Context, Poll, Waker};

/// A place in a [`Waiters`] line; its owner's until it leaves or takes what it was given.
pub(crate) type Ticket = usize;

/// No place.
const NONE: Ticket = Ticket::MAX;

/// A line of tasks, each waiting to be given a `G`.
///
/// What is given belongs to the ticket at once, so nobody who comes later can take it; a ticket that leaves with its
/// grant unclaimed gives it back. Everything takes constant time, and memory for as many as were ever there at once.
///
/// Wakers come back to the caller, who wakes or drops them after unlocking whatever protects the line: dropping one
/// may drop a task, and that task may be in this very line.
pub(crate) struct Waiters<G> {
    places: Vec<Place<G>>,
    /// The ends of the line: a list through the places that wait.
    head: Ticket,
    tail: Ticket,
    /// The first of the places that nobody has: a list as well.
    free: Ticket,
    waiting: usize,
}

struct Place<G> {
    state: State<G>,
    before: Ticket,
    after: Ticket,
}

enum State<G> {
    Waiting(Waker),
    Granted(G),
    Free,
}

impl<G> Waiters<G> {
    pub(crate) const fn new() -> Self {
        Self { places: Vec::new(), head: NONE, tail: NONE, free: NONE, waiting: 0 }
    }

    /// The number of tasks still waiting.
    pub(crate) fn len(&self) -> usize {
        self.waiting
    }

    /// The first in line.
    pub(crate) fn first(&self) -> Option<Ticket> {
        (self.head != NONE).then_some(self.head)
    }

    /// Joins at the end of the line.
    pub(crate) fn join(&mut self, waker: &Waker) -> Ticket {
        let place = Place { state: State::Waiting(waker.clone()), before: self.tail, after: NONE };
        let ticket = match self.places.get_mut(self.free) {
            Some(free) => {
                let next = free.after;
                *free = place;
                std::mem::replace(&mut self.free, next)
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        };
        match self.places.get_mut(self.tail) {
            Some(last) => last.after = ticket,
            None => self.head = ticket,
        }
        self.tail = ticket;
        self.waiting += 1;
        ticket
    }

    /// Gives `grant` to the first in line; it comes back if there is nobody.
    pub(crate) fn grant(&mut self, grant: G) -> Result<Waker, G> {
        match self.unlink(self.head, State::Granted(grant)) {
            State::Waiting(waker) => Ok(waker),
            State::Granted(grant) => Err(grant),
            // A place that waits is never free.
            State::Free => Ok(Waker::noop().clone()),
        }
    }

    /// Takes what `ticket` was given, or stays in line with the waker of `cx`. The waker that comes back is the one
    /// it had before, if that was another.
    pub(crate) fn poll(&mut self, ticket: Ticket, cx: &mut Context<'_>) -> (Poll<G>, Option<Waker>) {
        match self.places.get_mut(ticket).map(|place| &mut place.state) {
            Some(State::Waiting(waker)) if waker.will_wake(cx.waker()) => (Poll::Pending, None),
            Some(State::Waiting(waker)) => (Poll::Pending, Some(std::mem::replace(waker, cx.waker().clone()))),
            _ => match self.leave(ticket) {
                (Some(grant), waker) => (Poll::Ready(grant), waker),
                (None, waker) => (Poll::Pending, waker),
            },
        }
    }

    /// Leaves the line. What the ticket had been given and not taken comes back, to be given on, or else its waker.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> (Option<G>, Option<Waker>) {
        let Some(place) = self.places.get_mut(ticket) else { return (None, None) };
        let left = match place.state {
            State::Waiting(_) => self.unlink(ticket, State::Free),
            State::Granted(_) => std::mem::replace(&mut place.state, State::Free),
            State::Free => return (None, None),
        };
        if let Some(place) = self.places.get_mut(ticket) {
            place.after = std::mem::replace(&mut self.free, ticket);
        }
        match left {
            State::Waiting(waker) => (None, Some(waker)),
            State::Granted(grant) => (Some(grant), None),
            State::Free => (None, None),
        }
    }

    /// Takes a waiting place out of the list and changes its state; `state` comes back if there is no such place.
    fn unlink(&mut self, ticket: Ticket, state: State<G>) -> State<G> {
        let Some(place) = self.places.get_mut(ticket) else { return state };
        let (before, after) = (place.before, place.after);
        let old = std::mem::replace(&mut place.state, state);
        match self.places.get_mut(before) {
            Some(place) => place.after = after,
            None => self.head = after,
        }
        match self.places.get_mut(after) {
            Some(place) => place.before = before,
            None => self.tail = before,
        }
        self.waiting -= 1;
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(length: usize) -> (Waiters<u32>, Vec<Ticket>) {
        let mut line = Waiters::new();
        let tickets = (0..length).map(|_| line.join(Waker::noop())).collect();
        (line, tickets)
    }

    fn take(line: &mut Waiters<u32>, ticket: Ticket) -> Option<u32> {
        match line.poll(ticket, &mut Context::from_waker(Waker::noop())).0 {
            Poll::Ready(grant) => Some(grant),
            Poll::Pending => None,
        }
    }

    #[test]
    fn grants_go_in_order_past_those_who_left() {
        let (mut line, tickets) = line(5);
        for gone in [0, 2, 4] {
            assert!(line.leave(tickets[gone]).0.is_none());
        }
        assert_eq!((line.len(), line.first()), (2, Some(tickets[1])));
        assert!(line.grant(10).is_ok() && line.grant(30).is_ok());
        assert_eq!(line.grant(50).err(), Some(50));
        assert_eq!((take(&mut line, tickets[3]), take(&mut line, tickets[1])), (Some(30), Some(10)));
        assert_eq!(line.len(), 0);
    }

    #[test]
    fn an_unclaimed_grant_comes_back() {
        let (mut line, tickets) = line(2);
        assert!(line.grant(1).is_ok());
        assert_eq!(line.leave(tickets[0]).0, Some(1));
        assert!(line.grant(2).is_ok());
        assert_eq!(take(&mut line, tickets[1]), Some(2));
    }

    #[test]
    fn places_are_used_again_behind_one_who_waits_for_ever() {
        let (mut line, _) = line(1);
        for _ in 0..1000 {
            let (a, b) = (line.join(Waker::noop()), line.join(Waker::noop()));
            line.leave(a);
            line.leave(b);
        }
        assert_eq!((line.len(), line.places.len()), (1, 3));
    }
}
