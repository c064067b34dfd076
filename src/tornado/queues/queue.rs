//! The work queue behind all orders, with its count of unfinished items.
//!
//! An item goes straight to the task that has waited longest for it, so a get that comes later cannot overtake. A put
//! to a full queue leaves its item in `pending_puts`. The next get moves it into the queue, and then takes an item.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures::future::{Either, select};

use super::error::{PutError, QueueError};
use super::futures::{Get, Items, Join, Put};
use super::order::{Fifo, Lifo, Lowest, Order};
use super::state::{WorkQueueState, wake};
use crate::platform;
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::runtime::{Instant, Timer};

/// A queue that returns the oldest item first.
pub type Queue<T> = WorkQueue<T, Fifo<T>>;

/// A queue that returns the newest item first.
///
/// A put that waits enters before a get takes (Tornado's `LifoQueue`), so a get from a full queue returns the item of the
/// put that has waited longest.
///
/// # Examples
///
/// ```
/// use waterspout::tornado::LifoQueue;
///
/// let queue = LifoQueue::unbounded();
/// queue.put_nowait("older")?;
/// queue.put_nowait("newer")?;
/// assert_eq!(queue.get_nowait(), Ok("newer"));
/// # Ok::<(), waterspout::tornado::PutError<&str>>(())
/// ```
pub type LifoQueue<T> = WorkQueue<T, Lifo<T>>;

/// A queue that returns the lowest item first, and equal items in the order of their puts.
///
/// For the highest item first, put [`std::cmp::Reverse`]. To order work by a number, put pairs, or a type with an
/// [`Ord`] that compares the number alone.
///
/// # Examples
///
/// ```
/// use waterspout::tornado::PriorityQueue;
///
/// let queue = PriorityQueue::unbounded();
/// for task in [(3, "sweep"), (1, "cook"), (2, "eat")] {
///     queue.put_nowait(task)?;
/// }
/// assert_eq!(queue.get_nowait(), Ok((1, "cook")));
/// # Ok::<(), waterspout::tornado::PutError<(i32, &str)>>(())
/// ```
pub type PriorityQueue<T> = WorkQueue<T, Lowest<T>>;

/// A queue between tasks: producers [`put`](Self::put) items, workers [`get`](Self::get) them, and [`join`](Self::join)
/// waits until every item is [done](Self::task_done).
///
/// Tasks that wait are served in the order in which they came. A get from a full queue first admits the put that has
/// waited longest, and then takes the next item, which may be the item of that put (Tornado's `Queue.get_nowait`). Share
/// the queue by reference or in an `Arc`.
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
    state: Mutex<WorkQueueState<T, O>>,
}

impl<T, O: Order<T>> WorkQueue<T, O> {
    /// Makes a queue that holds any number of items.
    pub fn unbounded() -> Self {
        Self::bounded(0)
    }

    /// Makes a queue that holds at most `max` items; zero means any number. A put to a full queue waits.
    pub fn bounded(max: usize) -> Self {
        let max = NonZeroUsize::new(max);
        Self {
            max,
            timer: platform::default_timer(),
            state: Mutex::new(WorkQueueState::new(max.map_or(usize::MAX, NonZeroUsize::get))),
        }
    }

    /// Sets the clock of the queue's time limits. Default: the platform's monotonic clock.
    #[must_use]
    pub fn with_timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// Returns the maximum number of items, or `None` if there is none.
    pub fn max(&self) -> Option<usize> {
        self.max.map(NonZeroUsize::get)
    }

    /// Returns the number of items that a get could take now.
    pub fn len(&self) -> usize {
        self.lock().items.count()
    }

    /// Returns whether the queue holds no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether a put would have to wait.
    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// Returns the number of items that were put and are not [done](Self::task_done).
    pub fn unfinished(&self) -> usize {
        self.lock().unfinished
    }

    /// Puts `item`, and waits while the queue is full. The put takes its place in the order at the first poll of the
    /// future, and not at the call as in Tornado.
    ///
    /// # Errors
    /// A [`PutError`] with the item if the queue [is closed](Self::close), before or during the wait.
    ///
    /// # Cancellation
    /// An item whose put is dropped while it waits never enters the queue.
    pub fn put(&self, item: T) -> Put<'_, T, O> {
        Put::new(self, item)
    }

    /// Puts `item` without waiting.
    ///
    /// # Errors
    /// A [`PutError`] with the item if the queue is [full](QueueError::Full) or [closed](QueueError::Closed).
    pub fn put_nowait(&self, item: T) -> Result<(), PutError<T>> {
        let mut state = self.lock();
        let waker = state.try_enter(item)?;
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Puts `item`, and waits for at most `limit`. A limit of zero does not wait.
    ///
    /// # Errors
    /// A [`PutError`] with the item, which has not entered the queue. The reason is [`TimedOut`](QueueError::TimedOut)
    /// or [`Closed`](QueueError::Closed).
    pub async fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(item, self.timer.now() + limit).await
    }

    /// Puts `item`, and waits at most until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// As [`put_timeout`](Self::put_timeout).
    pub async fn put_until(&self, item: T, deadline: Instant) -> Result<(), PutError<T>> {
        let mut put = self.put(item);
        match self.run_until(deadline, &mut put).await {
            Some(entered) => entered,
            // If room was made at the same moment, the item has entered and there is no item to return.
            None => match put.withdraw() {
                Some(item) => Err(PutError { item, reason: QueueError::TimedOut }),
                None => Ok(()),
            },
        }
    }

    /// Takes the next item, and waits while the queue is empty. The get takes its place in the order at the first poll of
    /// the future, and not at the call as in Tornado.
    ///
    /// A get that finds an item is ready at once, as in Tornado: a loop of gets lets other tasks run when the queue is empty.
    ///
    /// # Errors
    /// [`Closed`](QueueError::Closed) once the queue has been closed and every item has been taken.
    ///
    /// # Cancellation
    /// No item is lost: an item that was granted to a dropped get goes to the next get, or back to its place in the
    /// queue.
    pub fn get(&self) -> Get<'_, T, O> {
        Get::new(self)
    }

    /// Takes the next item without waiting.
    ///
    /// # Errors
    /// [`Empty`](QueueError::Empty), or [`Closed`](QueueError::Closed) if the queue is empty and closed.
    pub fn get_nowait(&self) -> Result<T, QueueError> {
        let mut state = self.lock();
        let (item, waker) = state.take()?;
        drop(state);
        wake(waker);
        Ok(item)
    }

    /// Takes the next item, and waits for at most `limit`. A limit of zero takes an item that is present.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut) or [`Closed`](QueueError::Closed).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::{Queue, QueueError};
    ///
    /// # futures::executor::block_on(async {
    /// let queue: Queue<&str> = Queue::unbounded();
    /// let got = queue.get_timeout(Duration::from_millis(5)).await;
    /// assert_eq!(got, Err(QueueError::TimedOut));
    /// # })
    /// ```
    pub async fn get_timeout(&self, limit: Duration) -> Result<T, QueueError> {
        self.get_until(self.timer.now() + limit).await
    }

    /// Takes the next item, and waits at most until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// As [`get_timeout`](Self::get_timeout).
    pub async fn get_until(&self, deadline: Instant) -> Result<T, QueueError> {
        self.run_until(deadline, self.get()).await.unwrap_or(Err(QueueError::TimedOut))
    }

    /// Returns the items as a stream, which takes each item when it is polled for it. The stream ends once the queue is
    /// closed and empty.
    ///
    /// # Cancellation
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::StreamExt;
    /// use waterspout::tornado::Queue;
    ///
    /// # futures::executor::block_on(async {
    /// let queue = Queue::unbounded();
    /// queue.put(1).await?;
    /// queue.put(2).await?;
    /// queue.close();
    /// assert_eq!(queue.items().collect::<Vec<_>>().await, [1, 2]);
    /// # Ok::<(), waterspout::tornado::PutError<i32>>(())
    /// # }).unwrap();
    /// ```
    pub fn items(&self) -> Items<'_, T, O> {
        Items::new(self)
    }

    /// Counts an item as done: its work is finished.
    ///
    /// # Errors
    /// [`NothingUnfinished`](QueueError::NothingUnfinished) if it is called more often than items were put.
    pub fn task_done(&self) -> Result<(), QueueError> {
        let mut state = self.lock();
        state.unfinished = state.unfinished.checked_sub(1).ok_or(QueueError::NothingUnfinished)?;
        if state.unfinished > 0 {
            return Ok(());
        }
        // All joins end at once. Their tasks are woken after the lock is released.
        let joiners: Vec<Waker> = std::iter::from_fn(|| state.joiners.grant(()).ok()).collect();
        drop(state);
        joiners.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// Waits until every item is [done](Self::task_done), including items that are put during the wait. Closing the
    /// queue does not end the wait.
    pub fn join(&self) -> Join<'_, T, O> {
        Join::new(self)
    }

    /// Waits as [`join`](Self::join) does, for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut).
    pub async fn join_timeout(&self, limit: Duration) -> Result<(), QueueError> {
        self.join_until(self.timer.now() + limit).await
    }

    /// Waits as [`join`](Self::join) does, at most until `deadline` on the queue's clock.
    ///
    /// # Errors
    /// [`TimedOut`](QueueError::TimedOut).
    pub async fn join_until(&self, deadline: Instant) -> Result<(), QueueError> {
        self.run_until(deadline, self.join()).await.ok_or(QueueError::TimedOut)
    }

    /// Closes the queue: its items can still be taken, after which every get fails. Puts fail at once, also puts that
    /// wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::tornado::{Queue, QueueError};
    ///
    /// let queue = Queue::unbounded();
    /// queue.put_nowait(1)?;
    /// queue.close();
    /// assert_eq!(queue.put_nowait(2).unwrap_err().reason, QueueError::Closed);
    /// assert_eq!(queue.get_nowait(), Ok(1));
    /// assert_eq!(queue.get_nowait(), Err(QueueError::Closed));
    /// # Ok::<(), waterspout::tornado::PutError<i32>>(())
    /// ```
    pub fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        // No item is passed over: a get waits only while the queue is empty.
        let getters: Vec<Waker> = std::iter::from_fn(|| state.getters.grant(None).ok()).collect();
        let putters: Vec<Waker> = std::iter::from_fn(|| state.putters.grant(false).ok()).collect();
        drop(state);
        getters.into_iter().chain(putters).for_each(Waker::wake);
    }

    /// Returns whether the queue was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    /// Runs `future` until `deadline`. The future is polled first, so a deadline in the past still takes an item that
    /// is present.
    async fn run_until<F: Future + Unpin>(&self, deadline: Instant, future: F) -> Option<F::Output> {
        match select(future, self.timer.sleep_until(deadline)).await {
            Either::Left((output, _)) => Some(output),
            Either::Right(_) => None,
        }
    }
}

impl<T, O> WorkQueue<T, O> {
    pub(super) fn lock(&self) -> MutexGuard<'_, WorkQueueState<T, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            .field("closed", &state.is_closed)
            .finish()
    }
}
