//! The waits of a queue: for an item, for room, for the end of the work. Each may be dropped at any time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use super::error::{PutError, QueueError};
use super::order::Order;
use super::queue::{WorkQueue, wake};
use crate::tornado::queues::waiters::Ticket;

/// The wait of [`WorkQueue::get`].
#[must_use = "futures do nothing unless polled"]
pub struct Get<'a, T, O: Order<T>> {
    queue: &'a WorkQueue<T, O>,
    ticket: Option<Ticket>,
}

impl<'a, T, O: Order<T>> Get<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self { queue, ticket: None }
    }

    /// Takes an item, or joins the line.
    fn start(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, QueueError>> {
        let mut state = self.queue.lock();
        let taken = match state.take() {
            Err(QueueError::Empty) => {
                self.ticket = Some(state.getters.join(cx.waker()));
                return Poll::Pending;
            }
            taken => taken,
        };
        drop(state);
        Poll::Ready(taken.map(|(item, waker)| {
            wake(waker);
            item
        }))
    }
}

impl<T, O: Order<T>> Future for Get<'_, T, O> {
    type Output = Result<T, QueueError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(ticket) = self.ticket else { return self.start(cx) };
        // The waker from before is dropped after the lock: a task may go with it.
        let (granted, _before) = self.queue.lock().getters.poll(ticket, cx);
        let Poll::Ready(item) = granted else { return Poll::Pending };
        self.ticket = None;
        match item {
            Some(item) => Poll::Ready(Ok(item)),
            // Closed; but somebody may have given an item back since.
            None => self.start(cx),
        }
    }
}

impl<T, O: Order<T>> Drop for Get<'_, T, O> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.queue.lock();
        let (unclaimed, _own) = state.getters.leave(ticket);
        let waker = unclaimed.flatten().and_then(|item| state.take_back(item));
        drop(state);
        wake(waker);
    }
}

/// The items of a queue, one after the other: [`WorkQueue::items`].
#[must_use = "streams do nothing unless polled"]
pub struct Items<'a, T, O: Order<T>>(Get<'a, T, O>);

impl<'a, T, O: Order<T>> Items<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self(Get::new(queue))
    }
}

impl<T, O: Order<T>> Stream for Items<'_, T, O> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        // Once it has ended, a get begins anew: it fails again, and only as long as the queue is closed and empty.
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

/// The wait of [`WorkQueue::put`].
#[must_use = "futures do nothing unless polled"]
pub struct Put<'a, T, O: Order<T>> {
    queue: &'a WorkQueue<T, O>,
    item: Option<T>,
    ticket: Option<Ticket>,
}

impl<'a, T, O: Order<T>> Put<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>, item: T) -> Self {
        Self { queue, item: Some(item), ticket: None }
    }

    /// Ends the wait; the item comes back unless it has entered the queue.
    pub(super) fn withdraw(&mut self) -> Option<T> {
        let Some(ticket) = self.ticket.take() else { return self.item.take() };
        let mut state = self.queue.lock();
        let left = state.putters.leave(ticket);
        let held = state.held.remove(&ticket);
        drop(state);
        drop(left);
        held
    }
}

// The item is only ever moved.
impl<T, O: Order<T>> Unpin for Put<'_, T, O> {}

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), PutError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut state = this.queue.lock();
        if let Some(ticket) = this.ticket {
            let (granted, before) = state.putters.poll(ticket, cx);
            let refused = granted.is_ready().then(|| state.held.remove(&ticket)).flatten();
            drop(state);
            drop(before);
            let Poll::Ready(_) = granted else { return Poll::Pending };
            this.ticket = None;
            return Poll::Ready(match refused {
                Some(item) => Err(PutError { item, reason: QueueError::Closed }),
                None => Ok(()),
            });
        }
        let Some(item) = this.item.take() else { return Poll::Ready(Ok(())) };
        match state.try_enter(item) {
            Err(PutError { item, reason: QueueError::Full }) => {
                let ticket = state.putters.join(cx.waker());
                state.held.insert(ticket, item);
                this.ticket = Some(ticket);
                Poll::Pending
            }
            entered => {
                drop(state);
                Poll::Ready(entered.map(wake))
            }
        }
    }
}

impl<T, O: Order<T>> Drop for Put<'_, T, O> {
    fn drop(&mut self) {
        // Granted or not, the put is over: an item let in stays in.
        drop(self.withdraw());
    }
}

/// The wait of [`WorkQueue::join`].
#[must_use = "futures do nothing unless polled"]
pub struct Join<'a, T, O> {
    queue: &'a WorkQueue<T, O>,
    ticket: Option<Ticket>,
}

impl<'a, T, O> Join<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self { queue, ticket: None }
    }
}

impl<T, O> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.queue.lock();
        let Some(ticket) = this.ticket else {
            if state.unfinished == 0 {
                return Poll::Ready(());
            }
            this.ticket = Some(state.joiners.join(cx.waker()));
            return Poll::Pending;
        };
        let (joined, before) = state.joiners.poll(ticket, cx);
        drop(state);
        drop(before);
        if joined.is_ready() {
            this.ticket = None;
        }
        joined
    }
}

impl<T, O> Drop for Join<'_, T, O> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // In a binding, so that the waker outlives the lock.
            let _left = self.queue.lock().joiners.leave(ticket);
        }
    }
}
