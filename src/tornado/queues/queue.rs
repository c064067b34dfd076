//! A queue with a count of unfinished work, in any order.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures::future::{Either, select};

use super::error::{PutError, QueueError};
use super::order::{Fifo, Lifo, Lowest, Order};
use super::waits::{Get, Items, Join, Put};
use crate::platform;
use crate::runtime::{Instant, Timer};
use crate::tornado::queues::waiters::{Ticket, Waiters};

/// A queue that is first in, first out.
pub type Queue<T> = WorkQueue<T, Fifo<T>>;

/// A queue that gives the newest item first.
pub type LifoQueue<T> = WorkQueue<T, Lifo<T>>;

/// A queue that gives the lowest item first, and equal ones in the order of their puts.
///
/// For the highest first, put [`std::cmp::Reverse`]; to order work by a number, put pairs, or a type whose [`Ord`] looks
/// at the number alone.
pub type PriorityQueue<T> = WorkQueue<T, Lowest<T>>;

/// A queue between tasks: workers [`get`](Self::get) what others [`put`](Self::put), and [`join`](Self::join) waits until
/// all of it is [done](Self::task_done).
///
/// Tasks that wait are served in the order in which they came. Share it by reference or in an `Arc`.
///
/// # Examples
///
/// ```
/// use futures::executor::block_on;
/// use futures::future::join;
/// use waterspout::tornado::Queue;
///
/// let queue = Queue::unbounded();
/// let worker = async {
///     while let Ok(word) = queue.get().await {
///         println!("{word}");
///         queue.task_done().unwrap();
///     }
/// };
/// let producer = async {
///     for word in ["one", "two", "three"] {
///         queue.put(word).await.unwrap();
///     }
///     queue.join().await;
///     queue.close();
/// };
/// block_on(join(worker, producer));
/// assert_eq!(queue.unfinished(), 0);
/// ```
pub struct WorkQueue<T, O> {
    max: Option<NonZeroUsize>,
    timer: Arc<dyn Timer>,
    state: Mutex<State<T, O>>,
}

/// What is in a queue and who waits for it.
pub(super) struct State<T, O> {
    max: usize,
    items: O,
    closed: bool,
    /// Each is given an item, or nothing if the queue was closed.
    pub(super) getters: Waiters<Option<T>>,
    /// Each is told whether its item entered; it did not if the queue was closed.
    pub(super) putters: Waiters<bool>,
    /// The items of the waiting puts.
    pub(super) held: BTreeMap<Ticket, T>,
    pub(super) joiners: Waiters<()>,
    pub(super) unfinished: usize,
}

impl<T, O: Order<T>> WorkQueue<T, O> {
    /// A queue that takes any number of items.
    pub fn unbounded() -> Self {
        Self::bounded(0)
    }

    /// A queue that holds at most `max` items, zero meaning any number; a put to a full queue waits.
    pub fn bounded(max: usize) -> Self {
        let max = NonZeroUsize::new(max);
        Self {
            max,
            timer: platform::default_timer(),
            state: Mutex::new(State {
                max: max.map_or(usize::MAX, NonZeroUsize::get),
                items: O::default(),
                closed: false,
                getters: Waiters::new(),
                putters: Waiters::new(),
                held: BTreeMap::new(),
                joiners: Waiters::new(),
                unfinished: 0,
            }),
        }
    }

    /// The same queue with another clock for its time limits.
    #[must_use]
    pub fn with_timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// The most items that the queue holds; `None` if any number.
    pub fn max(&self) -> Option<usize> {
        self.max.map(NonZeroUsize::get)
    }

    /// The number of items that could be got now.
    pub fn len(&self) -> usize {
        self.lock().items.count()
    }

    /// Whether there is nothing to get.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a put would have to wait.
    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// The number of items put and not yet [done](Self::task_done).
    pub fn unfinished(&self) -> usize {
        self.lock().unfinished
    }

    /// Puts `item`; waits while the queue is full.
    ///
    /// # Errors
    /// The item, if the queue [is closed](Self::close), be it meanwhile.
    ///
    /// # Cancellation
    /// An item whose put is dropped while it waits never enters the queue.
    pub fn put(&self, item: T) -> Put<'_, T, O> {
        Put::new(self, item)
    }

    /// Puts `item` without waiting.
    ///
    /// # Errors
    /// The item, if the queue is [full](QueueError::Full) or [closed](QueueError::Closed).
    pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
        let mut state = self.lock();
        let waker = state.try_enter(item)?;
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Puts `item`; waits no longer than `limit`. With a limit of zero it waits for nothing.
    ///
    /// # Errors
    /// The item, which has then not entered the queue; the reason is [`TimedOut`](QueueError::TimedOut), or
    /// [`Closed`](QueueError::Closed).
    pub async fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, self.timer.now() + limit).await
    }

    /// Puts `item`; waits no longer than until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// As [`put_timeout`](Self::put_timeout).
    pub async fn put_until(&self, item: T, deadline: Instant) -> Result<(), PutError<T>> {
        let mut put = self.put(item);
        match self.within(deadline, &mut put).await {
            Some(entered) => entered,
            // Nothing comes back if it was let in at this very moment.
            None => match put.withdraw() {
                Some(item) => Err(PutError { item, reason: QueueError::TimedOut }),
                None => Ok(()),
            },
        }
    }

    /// Takes the next item; waits while there is none.
    ///
    /// # Errors
    /// [`Closed`](QueueError::Closed) once the queue has been closed and everything in it has been taken.
    ///
    /// # Cancellation
    /// No item is lost: one that had been handed to a dropped get goes to the next, in its place.
    pub fn get(&self) -> Get<'_, T, O> {
        Get::new(self)
    }

    /// Takes the next item without waiting.
    ///
    /// # Errors
    /// [`Empty`](QueueError::Empty), or [`Closed`](QueueError::Closed) if nothing will ever come.
    pub fn get_nowait(&self) -> Result<T, QueueError> {
        let mut state = self.lock();
        let (item, waker) = state.take()?;
        drop(state);
        wake(waker);
        Ok(item)
    }

    /// Takes the next item; waits no longer than `limit`. With a limit of zero it takes what is there.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut), [`Closed`](QueueError::Closed).
    pub async fn get_timeout(&self, limit: Duration) -> Result<T, QueueError> {
        self.get_until(self.timer.now() + limit).await
    }

    /// Takes the next item; waits no longer than until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// As [`get_timeout`](Self::get_timeout).
    pub async fn get_until(&self, deadline: Instant) -> Result<T, QueueError> {
        self.within(deadline, self.get()).await.unwrap_or(Err(QueueError::TimedOut))
    }

    /// The items as a stream, each taken when it is asked for; it ends once the queue has been closed and is empty.
    ///
    /// # Cancellation
    /// As [`get`](Self::get).
    pub fn items(&self) -> Items<'_, T, O> {
        Items::new(self)
    }

    /// Says that the work on one item is done.
    ///
    /// # Errors
    /// [`NothingUnfinished`](QueueError::NothingUnfinished) if it was called more often than items were put.
    pub fn task_done(&self) -> Result<(), QueueError> {
        let mut state = self.lock();
        state.unfinished = state.unfinished.checked_sub(1).ok_or(QueueError::NothingUnfinished)?;
        if state.unfinished > 0 {
            return Ok(());
        }
        let joiners: Vec<Waker> = std::iter::from_fn(|| state.joiners.grant(()).ok()).collect();
        drop(state);
        joiners.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Waits until the work on every item put so far, and on those put meanwhile, is done. Closing changes nothing in that.
    pub fn join(&self) -> Join<'_, T, O> {
        Join::new(self)
    }

    /// Waits as [`join`](Self::join) does, no longer than `limit`.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut).
    pub async fn join_timeout(&self, limit: Duration) -> Result<(), QueueError> {
        self.join_until(self.timer.now() + limit).await
    }

    /// Waits as [`join`](Self::join) does, no longer than until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut).
    pub async fn join_until(&self, deadline: Instant) -> Result<(), QueueError> {
        self.within(deadline, self.join()).await.ok_or(QueueError::TimedOut)
    }

    /// Closes the queue: what is in it can still be got, then every get ends; puts fail, the waiting ones too.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        // Who waits for an item does so because there is none.
        let getters: Vec<Waker> = std::iter::from_fn(|| state.getters.grant(None).ok()).collect();
        let putters: Vec<Waker> = std::iter::from_fn(|| state.putters.grant(false).ok()).collect();
        drop(state);
        getters.into_iter().chain(putters).for_each(Waker::wake);
    }

    /// Whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Polls `future` first, so that a deadline that has passed still takes what is there.
    async fn within<F: Future + Unpin>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        match select(future, self.timer.sleep_until(deadline)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

impl<T, O> WorkQueue<T, O> {
    pub(super) fn lock(&self) -> MutexGuard<'_, State<T, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, O: Order<T>> State<T, O> {
    fn is_full(&self) -> bool {
        self.items.count() >= self.max
    }

    /// Puts an item, if it may enter now: into the queue, or into the hands of a waiting get.
    pub(super) fn try_enter(&mut self, item: T) -> Result<Option<Waker>, PutError<T>> {
        if self.closed {
            return Err(PutError { item, reason: QueueError::Closed });
        }
        if self.is_full() {
            return Err(PutError { item, reason: QueueError::Full });
        }
        self.unfinished += 1;
        match self.getters.grant(Some(item)) {
            Ok(waker) => Ok(Some(waker)),
            Err(item) => {
                item.into_iter().for_each(|item| self.items.push(item));
                Ok(None)
            }
        }
    }

    /// Takes the next item, and lets the first waiting put in.
    pub(super) fn take(&mut self) -> Result<(T, Option<Waker>), QueueError> {
        match self.items.pop() {
            Some(item) => Ok((item, self.admit())),
            None if self.closed => Err(QueueError::Closed),
            None => Err(QueueError::Empty),
        }
    }

    /// Lets the first waiting put in, if there is room.
    fn admit(&mut self) -> Option<Waker> {
        if self.is_full() {
            return None;
        }
        let item = self.held.remove(&self.putters.first()?)?;
        self.unfinished += 1;
        self.items.push(item);
        self.putters.grant(true).ok()
    }

    /// Takes back an item that a dropped get had been given.
    pub(super) fn take_back(&mut self, item: T) -> Option<Waker> {
        match self.getters.grant(Some(item)) {
            Ok(waker) => Some(waker),
            Err(item) => {
                item.into_iter().for_each(|item| self.items.push_back(item));
                None
            }
        }
    }
}

/// Wakes a task, outside of the lock.
pub(super) fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}

impl<T, O: Order<T>> fmt::Debug for WorkQueue<T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct(O::NAME)
            .field("max", &self.max())
            .field("len", &state.items.count())
            .field("getters", &state.getters.len())
            .field("putters", &state.putters.len())
            .field("unfinished", &state.unfinished)
            .field("closed", &state.closed)
            .finish()
    }
}
