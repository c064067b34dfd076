//! A request's entry in the queue.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use super::Queue;
use super::requests::Ticket;
use super::stall::UnreadMark;
use crate::error::{Error, ErrorKind, Phase, Result};

/// A request's entry in the queue: the right to run, or while the request backs off only the right to be stopped.
///
/// Dropping the right to run gives the slot to the next request.
///
/// Before a retry, the request drops its slot while it waits, and then acquires another with
/// [`SlotRequest::is_retry`](super::SlotRequest::is_retry).
pub(crate) struct Slot {
    queue: Arc<Queue>,
    ticket: Ticket,
    /// The waker that the queue keeps. While the task's waker is the same, the queue's lock is not taken.
    kept: Option<KeptWaker>,
    /// Whether the request has a timer of its own, as the queue knows.
    has_timer: bool,
    /// Whether a response holds the slot and no task waits for its body.
    unread: UnreadMark,
}

/// Identifies a waker that the queue keeps.
///
/// The queue keeps the waker for as long as the slot exists, so no other waker has the same data. A task's waker may point
/// to the stack until it is cloned, so this is always made of the clone. The clone of such a waker is kept anew at each
/// poll.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct KeptWaker {
    data: usize,
    vtable: &'static RawWakerVTable,
}

impl From<&Waker> for KeptWaker {
    fn from(waker: &Waker) -> Self {
        Self { data: waker.data() as usize, vtable: waker.vtable() }
    }
}

impl Slot {
    /// Makes the slot of `ticket`, with which the queue keeps the waker `kept`.
    pub(super) fn new(queue: Arc<Queue>, ticket: Ticket, kept: Option<KeptWaker>) -> Self {
        Self { queue, ticket, kept, has_timer: false, unread: UnreadMark::default() }
    }

    /// Runs `future`, and stops it when the client is closed at once.
    pub(crate) fn guard<F: Future>(
        &mut self,
        phase: Phase,
        mut future: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output>> {
        poll_fn(move |cx| {
            if let Some(error) = self.ended(phase) {
                return Poll::Ready(Err(error));
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Ok(output)),
                Poll::Pending => self.poll_ended(cx, phase).map(Err),
            }
        })
    }

    /// Returns an error if the client was closed at once. It reads an atomic and takes no lock.
    pub(crate) fn ended(&self, phase: Phase) -> Option<Error> {
        let error = || Error::new(ErrorKind::Closed, phase, "the client was closed while the request ran");
        self.queue.has_ended().then(error)
    }

    /// Records a poll of the response's body, and whether a task waits for the body from now on.
    pub(crate) fn record_reading(&mut self, is_unread: bool) {
        self.queue.activity.record();
        self.queue.activity.set_unread(&mut self.unread, is_unread);
    }

    /// Returns `Ready` with an error once the client is closed at once.
    pub(crate) fn poll_ended(&mut self, cx: &Context<'_>, phase: Phase) -> Poll<Error> {
        if self.kept != Some(KeptWaker::from(cx.waker())) {
            let waker = cx.waker().clone();
            self.kept = Some(KeptWaker::from(&waker));
            // The old waker is dropped after the lock is released: dropping a waker may drop a task that calls the
            // queue.
            let _old = self.queue.lock().keep_waker(self.ticket, waker);
        }
        // Checked after the waker is kept: `close_now` sets the flag first and then collects the wakers.
        self.ended(phase).map_or(Poll::Pending, Poll::Ready)
    }
}

/// What concerns the time limits of a request that holds a slot, see [`covered`](super::covered).
impl Slot {
    /// Returns whether the request has a timer of its own.
    pub(crate) fn has_timer(&self) -> bool {
        self.has_timer
    }

    /// Records that the request has a timer of its own from now on.
    pub(crate) fn set_has_timer(&mut self) {
        if !self.has_timer {
            self.has_timer = true;
            self.queue.lock().set_has_timer(self.ticket);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.queue.activity.set_unread(&mut self.unread, false);
        self.queue.activity.record();
        self.queue.remove(self.ticket);
    }
}
