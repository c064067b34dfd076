//! A pause between two attempts, in which a request holds no slot; closing the client at once ends it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use super::Queue;
use super::entries::Refusal;
use crate::waiters::Ticket;

/// A place among those who pause, given up when dropped.
struct Pausing<'a> {
    queue: &'a Queue,
    ticket: Option<Ticket>,
}

impl Queue {
    /// Runs `pause`, unless the client is closed at once.
    pub(crate) async fn unless_ended(&self, pause: impl Future<Output = ()>) -> Result<(), Refusal> {
        let mut pause = pin!(pause);
        let mut place = Pausing { queue: self, ticket: None };
        poll_fn(|cx| {
            let _before = match place.ticket {
                None => {
                    place.ticket = Some(self.pausing().join(cx.waker()));
                    None
                }
                Some(ticket) => self.pausing().poll(ticket, cx).1,
            };
            if self.has_ended() {
                return Poll::Ready(Err(Refusal::Closed));
            }
            pause.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    /// Wakes all who pause.
    pub(super) fn wake_pausing(&self) {
        loop {
            let woken = self.pausing().grant(());
            match woken {
                Ok(waker) => waker.wake(),
                Err(()) => return,
            }
        }
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        // The waker is dropped after the lock: a task may go with it.
        let _left = self.ticket.map(|ticket| self.queue.pausing().leave(ticket));
    }
}
