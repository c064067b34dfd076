//! The waits of a queue: for an item, for room, for the end of the work. Each may be dropped at any time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::queue::{Queue, wake};
use crate::waiters::Ticket;

/// The wait of [`Queue::get`].
#[must_use = "futures do nothing unless polled"]
pub struct Get<'a, T> {
    queue: &'a Queue<T>,
    ticket: Option<Ticket>,
}

impl<'a, T> Get<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { queue, ticket: None }
    }
}

impl<T> Future for Get<'_, T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(ticket) = self.ticket else {
            let mut state = self.queue.lock();
            if let Some(item) = state.items.pop_front() {
                let waker = state.admit(self.queue.max);
                drop(state);
                wake(waker);
                return Poll::Ready(item);
            }
            let ticket = state.getters.join(cx.waker());
            drop(state);
            self.ticket = Some(ticket);
            return Poll::Pending;
        };
        // The waker from before is dropped after the lock: a task may go with it.
        let (item, _before) = self.queue.lock().getters.poll(ticket, cx);
        if item.is_ready() {
            self.ticket = None;
        }
        item
    }
}

impl<T> Drop for Get<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.queue.lock();
        let (unclaimed, _own) = state.getters.leave(ticket);
        let waker = unclaimed.and_then(|item| state.take_back(item));
        drop(state);
        wake(waker);
    }
}

/// The wait of [`Queue::put`].
#[must_use = "futures do nothing unless polled"]
pub struct Put<'a, T> {
    queue: &'a Queue<T>,
    item: Option<T>,
    ticket: Option<Ticket>,
}

impl<'a, T> Put<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>, item: T) -> Self {
        Self { queue, item: Some(item), ticket: None }
    }
}

// The item is only ever moved.
impl<T> Unpin for Put<'_, T> {}

impl<T> Future for Put<'_, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.queue.lock();
        if let Some(ticket) = this.ticket {
            let (entered, before) = state.putters.poll(ticket, cx);
            drop(state);
            drop(before);
            if entered.is_ready() {
                this.ticket = None;
            }
            return entered;
        }
        let Some(item) = this.item.take() else { return Poll::Ready(()) };
        if state.items.len() < this.queue.max {
            let waker = state.enter(item);
            drop(state);
            wake(waker);
            return Poll::Ready(());
        }
        let ticket = state.putters.join(cx.waker());
        state.held.insert(ticket, item);
        this.ticket = Some(ticket);
        Poll::Pending
    }
}

impl<T> Drop for Put<'_, T> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut state = self.queue.lock();
        // Granted or not, the put is over: an item let in stays in.
        let left = state.putters.leave(ticket);
        let held = state.held.remove(&ticket);
        drop(state);
        drop((left, held));
    }
}

/// The wait of [`Queue::join`].
#[must_use = "futures do nothing unless polled"]
pub struct Join<'a, T> {
    queue: &'a Queue<T>,
    ticket: Option<Ticket>,
}

impl<'a, T> Join<'a, T> {
    pub(super) fn new(queue: &'a Queue<T>) -> Self {
        Self { queue, ticket: None }
    }
}

impl<T> Future for Join<'_, T> {
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

impl<T> Drop for Join<'_, T> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            // In a binding, so that the waker outlives the lock.
            let _left = self.queue.lock().joiners.leave(ticket);
        }
    }
}
