//! The queue in front of a client's slots: at most `max_active` requests run, the others wait first come, first served.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use crate::waiters::{Ticket, Waiters};

/// A client's slots and the line in front of them.
pub(crate) struct Queue {
    max_active: usize,
    state: Mutex<State>,
}

struct State {
    active: usize,
    line: Waiters<()>,
}

impl Queue {
    pub(crate) fn new(max_active: usize) -> Self {
        Self { max_active, state: Mutex::new(State { active: 0, line: Waiters::new() }) }
    }

    /// Takes a slot at once, if one is free and nobody waits.
    pub(crate) fn try_acquire(self: &Arc<Self>) -> Option<Slot> {
        let mut state = self.lock();
        (state.active < self.max_active).then(|| {
            state.active += 1;
            Slot(self.clone())
        })
    }

    /// Waits in line for a slot. Dropping the future leaves the line.
    pub(crate) fn acquire(self: &Arc<Self>) -> Acquire {
        Acquire { queue: self.clone(), ticket: None }
    }

    /// How many requests run, and how many wait.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.active, state.line.len())
    }

    /// Gives a free slot to the first in line. A freed slot stays counted while it changes hands, so that nobody
    /// can take it in between.
    fn release(&self) {
        let waker = {
            let mut state = self.lock();
            let granted = state.line.grant(());
            if granted.is_err() {
                state.active -= 1;
            }
            granted
        };
        if let Ok(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to run one request; given on when dropped.
pub(crate) struct Slot(Arc<Queue>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.release();
    }
}

/// The wait for a [`Slot`].
pub(crate) struct Acquire {
    queue: Arc<Queue>,
    ticket: Option<Ticket>,
}

impl Future for Acquire {
    type Output = Slot;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Slot> {
        let this = &mut *self;
        let Some(ticket) = this.ticket else {
            // A slot is never free while somebody waits, so taking a free one overtakes nobody.
            let mut state = this.queue.lock();
            if state.active < this.queue.max_active {
                state.active += 1;
                return Poll::Ready(Slot(this.queue.clone()));
            }
            this.ticket = Some(state.line.join(cx.waker()));
            return Poll::Pending;
        };
        // The waker from before is dropped after the lock: a task may go with it.
        let (granted, _before) = this.queue.lock().line.poll(ticket, cx);
        granted.map(|()| {
            this.ticket = None;
            Slot(this.queue.clone())
        })
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let (unclaimed, _waker) = self.queue.lock().line.leave(ticket);
        if unclaimed.is_some() {
            self.queue.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn queue(max_active: usize) -> Arc<Queue> {
        Arc::new(Queue::new(max_active))
    }

    #[test]
    fn serves_first_come_first_served() {
        let queue = queue(1);
        let slot = queue.try_acquire().unwrap();
        let (mut first, mut second) = (queue.acquire(), queue.acquire());
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(slot);
        assert!((&mut second).now_or_never().is_none());
        let slot = (&mut first).now_or_never().expect("first in line");
        assert_eq!(queue.counts(), (1, 1));
        drop(slot);
        assert!(second.now_or_never().is_some());
        assert_eq!(queue.counts(), (0, 0));
    }

    #[test]
    fn nobody_overtakes_a_granted_slot() {
        let queue = queue(1);
        let slot = queue.try_acquire().unwrap();
        let mut waiting = queue.acquire();
        assert!((&mut waiting).now_or_never().is_none());
        drop(slot);
        assert!(queue.try_acquire().is_none());
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn leaving_the_line_frees_the_place() {
        let queue = queue(1);
        let slot = queue.try_acquire().unwrap();
        let (mut first, mut second) = (queue.acquire(), queue.acquire());
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(first);
        assert_eq!(queue.counts(), (1, 1));
        drop(slot);
        assert!(second.now_or_never().is_some());
    }

    #[test]
    fn leaving_with_an_unclaimed_slot_gives_it_on() {
        let queue = queue(1);
        let slot = queue.try_acquire().unwrap();
        let (mut first, mut second) = (queue.acquire(), queue.acquire());
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(slot);
        drop(first);
        assert!(second.now_or_never().is_some());
        assert_eq!(queue.counts(), (0, 0));
    }
}
