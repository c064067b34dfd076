//! The right to run one request.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::Queue;
use super::requests::Ticket;
use crate::client::stop::StopReason;
use crate::error::{Error, Phase};

/// The right to run one request; given on when dropped.
///
/// A request that fails and is to be tried again drops it for the time in between, and waits for another as a
/// [`Caller`](super::Caller) that comes `again`.
pub(crate) struct Slot {
    queue: Arc<Queue>,
    ticket: Ticket,
    /// The one that the queue has, so that it is asked once and not each time.
    waker: Option<Waker>,
}

impl Slot {
    pub(super) fn new(queue: Arc<Queue>, ticket: Ticket) -> Self {
        Self { queue, ticket, waker: None }
    }

    /// Runs `future` until the client is closed at once.
    pub(crate) fn guard<F: Future>(
        &mut self,
        phase: Phase,
        mut future: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, StopReason>> {
        poll_fn(move |cx| {
            if let Some(stop) = self.ended(phase) {
                return Poll::Ready(Err(stop));
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Ok(output)),
                Poll::Pending => self.poll_ended(cx, phase).map(Err),
            }
        })
    }

    /// What to tell if the client was closed at once; costs a look.
    pub(crate) fn ended(&self, phase: Phase) -> Option<StopReason> {
        self.queue.has_ended().then_some(StopReason::Closed(phase))
    }

    /// The error for a program in Rust.
    pub(crate) fn error(&self, stop: StopReason) -> Error {
        stop.into_error(&self.queue)
    }

    /// Ready once the client is closed at once.
    pub(crate) fn poll_ended(&mut self, cx: &Context<'_>, phase: Phase) -> Poll<StopReason> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            // Both from before are dropped after the lock: a task may go with them.
            let _before = self.queue.lock().keep(self.ticket, cx.waker());
            self.waker = Some(cx.waker().clone());
        }
        self.ended(phase).map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.queue.leave(self.ticket);
    }
}
