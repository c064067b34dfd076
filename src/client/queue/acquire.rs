//! The wait for a slot.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::rate::{Nanos, instant};
use super::requests::{Rejection, Ticket};
use super::wake_list::WakeList;
use super::{Queue, QueuedRequest, Slot, SlotRequest};
use crate::runtime::BoxFuture;

/// The wait for a [`Slot`].
///
/// If only the rate limit keeps waiting requests from starting, the timekeeper alone has a timer. It is usually
/// the next request to start, and another request takes over when it leaves. A future that is neither polled nor
/// dropped delays the requests behind it, as it would with a slot.
pub(crate) struct Acquire<'a> {
    queue: Arc<Queue>,
    slot_request: SlotRequest<'a>,
    /// The ticket, once the request has joined the queue and until it has a slot.
    ticket: Option<Ticket>,
    /// The timer of the timekeeper, and the time for which it is set.
    timer: Option<(Nanos, BoxFuture<'static, ()>)>,
}

impl<'a> Acquire<'a> {
    pub(super) fn new(queue: Arc<Queue>, slot_request: SlotRequest<'a>) -> Self {
        Self { queue, slot_request, ticket: None, timer: None }
    }

    /// Joins the queue at the first call; later calls ask for the outcome.
    fn check(&mut self, cx: &Context<'_>) -> AcquireStatus {
        let now = self.queue.now();
        let mut wakes = WakeList::default();
        let status = match self.ticket {
            None => self.join(cx, now, &mut wakes),
            Some(ticket) => {
                let mut state = self.queue.lock();
                // First, because it may reject this request.
                let timer_at = self.queue.timer_at(&mut state, ticket, now, &mut wakes);
                match state.poll(ticket, cx, now, &mut wakes) {
                    Poll::Ready(result) => AcquireStatus::Done(result.map(|()| ticket)),
                    Poll::Pending => AcquireStatus::Waiting { timer_at },
                }
            }
        };
        wakes.wake_all();
        status
    }

    fn join(&mut self, cx: &Context<'_>, now: Nanos, wakes: &mut WakeList) -> AcquireStatus {
        let Self { queue, slot_request, .. } = self;
        let mut state = queue.lock();
        if queue.rejects(&state, slot_request) {
            return AcquireStatus::Done(Err(Rejection::Closed));
        }
        // As in `try_acquire`: the waiting requests come first.
        state.dispatch(now, wakes);
        // Between `try_acquire` and this call, a slot may have become free.
        if let Some(ticket) = state.try_start(slot_request.origin, || Some(cx.waker().clone()), now) {
            state.choose_timekeeper(None, wakes);
            return AcquireStatus::Done(Ok(ticket));
        }
        let joined =
            state.enqueue(slot_request.origin, slot_request.priority, slot_request.is_retry, cx.waker().clone(), now);
        if let Ok(ticket) = joined {
            state.detect_stall(ticket, slot_request.detection);
        }
        state.choose_timekeeper(joined.ok(), wakes);
        match joined {
            Ok(ticket) => {
                self.ticket = Some(ticket);
                AcquireStatus::Waiting { timer_at: queue.timer_at(&mut state, ticket, now, wakes) }
            }
            Err(rejection) => AcquireStatus::Done(Err(rejection)),
        }
    }

    /// Returns a handle of the waiting request, or `None` if it does not wait.
    pub(crate) fn queued_request(&self) -> Option<QueuedRequest> {
        let ticket = self.ticket?;
        let serial = self.queue.lock().serial(ticket);
        Some(QueuedRequest { queue: Arc::downgrade(&self.queue), ticket, serial })
    }
}

/// The outcome of a check.
enum AcquireStatus {
    Done(Result<Ticket, Rejection>),
    Waiting {
        /// When to wake up, if this request is the timekeeper.
        timer_at: Option<Nanos>,
    },
}

impl Future for Acquire<'_> {
    type Output = Result<Slot, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Slot, Rejection>> {
        let this = &mut *self;
        loop {
            let timer_at = match this.check(cx) {
                AcquireStatus::Waiting { timer_at: Some(timer_at) } => timer_at,
                AcquireStatus::Waiting { timer_at: None } => {
                    this.timer = None;
                    return Poll::Pending;
                }
                AcquireStatus::Done(result) => {
                    this.ticket = None;
                    this.timer = None;
                    return Poll::Ready(result.map(|ticket| Slot::new(this.queue.clone(), ticket, None)));
                }
            };
            // A timer for the same time is kept: setting another would cost an allocation at each poll.
            let (_, timer) = match this.timer.take() {
                // Kept while the time is the same, because each timer is a boxed future.
                Some((at, timer)) if at == timer_at => this.timer.insert((at, timer)),
                _ => this.timer.insert((timer_at, this.queue.timer.sleep_until(instant(timer_at)))),
            };
            ready!(timer.as_mut().poll(cx));
            this.timer = None;
            // The change is the time alone: this gives slots to the requests that may start now, perhaps to this request.
            this.queue.change(|_, _, _| ());
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.queue.remove(ticket);
        }
    }
}
