//! The futures of a work queue: they wait for an item, for room, or for the end of the work. Each may be dropped at any
//! time.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;

use super::error::{PutError, QueueError};
use super::order::{NumberedItem, Order};
use super::queue::WorkQueue;
use super::state::wake;
use super::wait_list::WaitId;

/// The future of [`WorkQueue::get`].
#[must_use = "futures do nothing unless polled"]
pub struct Get<'a, T, O: Order<T>> {
    queue: &'a WorkQueue<T, O>,
    wait: Option<WaitId>,
}

impl<'a, T, O: Order<T>> Get<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self { queue, wait: None }
    }

    /// Takes an item, or joins the wait list.
    fn start(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, QueueError>> {
        let mut state = self.queue.lock();
        let taken = match state.take() {
            Err(QueueError::Empty) => {
                self.wait = Some(state.getters.join(cx.waker()));
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
        let Some(id) = self.wait else { return self.start(cx) };
        // Dropped after the lock is released, because a waker may own a task.
        let (granted, _replaced) = self.queue.lock().getters.poll(id, cx);
        let Poll::Ready(item) = granted else { return Poll::Pending };
        self.wait = None;
        match item {
            Some(NumberedItem { item, .. }) => Poll::Ready(Ok(item)),
            // The queue was closed. Look again: a dropped get may have returned its item since.
            None => self.start(cx),
        }
    }
}

impl<T, O: Order<T>> Drop for Get<'_, T, O> {
    fn drop(&mut self) {
        let Some(id) = self.wait else { return };
        let mut state = self.queue.lock();
        let (unclaimed, _own) = state.getters.leave(id);
        // An item that was granted and not taken must not be lost.
        let waker = unclaimed.flatten().and_then(|item| state.take_back(item));
        drop(state);
        wake(waker);
    }
}

/// The stream of [`WorkQueue::items`].
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
        // A poll after the end starts another get, which fails as long as the queue is closed and empty.
        Pin::new(&mut self.0).poll(cx).map(Result::ok)
    }
}

/// The future of [`WorkQueue::put`].
#[must_use = "futures do nothing unless polled"]
pub struct Put<'a, T, O: Order<T>> {
    queue: &'a WorkQueue<T, O>,
    item: Option<T>,
    wait: Option<WaitId>,
}

impl<'a, T, O: Order<T>> Put<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>, item: T) -> Self {
        Self { queue, item: Some(item), wait: None }
    }

    /// Ends the wait. Returns the item unless it has entered the queue.
    pub(super) fn withdraw(&mut self) -> Option<T> {
        let Some(id) = self.wait.take() else { return self.item.take() };
        let mut state = self.queue.lock();
        let left = state.putters.leave(id);
        let item = state.pending_puts.remove(&id);
        drop(state);
        drop(left);
        item
    }
}

// The item is moved and never pinned.
impl<T, O: Order<T>> Unpin for Put<'_, T, O> {}

impl<T, O: Order<T>> Future for Put<'_, T, O> {
    type Output = Result<(), PutError<T>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let mut state = this.queue.lock();
        if let Some(id) = this.wait {
            let (granted, replaced) = state.putters.poll(id, cx);
            // An item that enters the queue is removed from `pending_puts` first. An item that is still there was
            // refused.
            let refused = granted.is_ready().then(|| state.pending_puts.remove(&id)).flatten();
            drop(state);
            drop(replaced);
            let Poll::Ready(_) = granted else { return Poll::Pending };
            this.wait = None;
            return Poll::Ready(match refused {
                Some(item) => Err(PutError { item, reason: QueueError::Closed }),
                None => Ok(()),
            });
        }
        let Some(item) = this.item.take() else { return Poll::Ready(Ok(())) };
        match state.try_enter(item) {
            Err(PutError { item, reason: QueueError::Full }) => {
                let id = state.putters.join(cx.waker());
                state.pending_puts.insert(id, item);
                this.wait = Some(id);
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
        // An item that has entered the queue stays there.
        drop(self.withdraw());
    }
}

/// The future of [`WorkQueue::join`].
#[must_use = "futures do nothing unless polled"]
pub struct Join<'a, T, O> {
    queue: &'a WorkQueue<T, O>,
    wait: Option<WaitId>,
}

impl<'a, T, O> Join<'a, T, O> {
    pub(super) fn new(queue: &'a WorkQueue<T, O>) -> Self {
        Self { queue, wait: None }
    }
}

impl<T, O> Future for Join<'_, T, O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.queue.lock();
        let Some(id) = this.wait else {
            if state.unfinished == 0 {
                return Poll::Ready(());
            }
            this.wait = Some(state.joiners.join(cx.waker()));
            return Poll::Pending;
        };
        let (joined, replaced) = state.joiners.poll(id, cx);
        drop(state);
        drop(replaced);
        if joined.is_ready() {
            this.wait = None;
        }
        joined
    }
}

impl<T, O> Drop for Join<'_, T, O> {
    fn drop(&mut self) {
        if let Some(id) = self.wait {
            // In a binding, so that the waker is dropped after the lock is released.
            let _left = self.queue.lock().joiners.leave(id);
        }
    }
}
