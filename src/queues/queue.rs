//! A first-in, first-out queue with a count of unfinished work.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use futures::future::{Either, select};

use super::waits::{Get, Join, Put};
use crate::platform;
use crate::runtime::Timer;
use crate::waiters::{Ticket, Waiters};

/// Why a queue did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The time limit passed.
    TimedOut,
    /// [`Queue::task_done`] was called more often than items were put.
    NothingUnfinished,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the queue's time limit passed",
            Self::NothingUnfinished => "task_done() was called more often than items were put",
        })
    }
}

impl std::error::Error for QueueError {}

/// A queue between tasks: workers [`get`](Self::get) what others [`put`](Self::put), first in, first out, and
/// [`join`](Self::join) waits until all of it is [done](Self::task_done).
///
/// Tasks that wait are served in the order in which they came. Share it by reference or in an `Arc`.
///
/// # Examples
///
/// ```
/// use futures::executor::block_on;
/// use futures::future::join;
/// use waterspout::queues::Queue;
///
/// let queue = Queue::unbounded();
/// let worker = async {
///     for _ in 0..3 {
///         let word = queue.get().await;
///         println!("{word}");
///         queue.task_done().unwrap();
///     }
/// };
/// let producer = async {
///     for word in ["one", "two", "three"] {
///         queue.put(word).await;
///     }
///     queue.join().await;
/// };
/// block_on(join(worker, producer));
/// assert_eq!(queue.unfinished(), 0);
/// ```
pub struct Queue<T> {
    pub(super) max: usize,
    timer: Arc<dyn Timer>,
    state: Mutex<State<T>>,
}

/// What is in a queue and who waits for it.
pub(super) struct State<T> {
    pub(super) items: VecDeque<T>,
    pub(super) getters: Waiters<T>,
    pub(super) putters: Waiters<()>,
    /// The items of the waiting puts.
    pub(super) held: BTreeMap<Ticket, T>,
    pub(super) joiners: Waiters<()>,
    pub(super) unfinished: usize,
}

impl<T> Queue<T> {
    /// A queue that takes any number of items.
    pub fn unbounded() -> Self {
        Self::bounded(usize::MAX)
    }

    /// A queue that holds at most `max` items; a put to a full queue waits.
    ///
    /// # Panics
    /// If `max` is zero: nothing could ever be put.
    pub fn bounded(max: usize) -> Self {
        assert!(max > 0, "a queue of no places takes no items");
        Self {
            max,
            timer: platform::default_timer(),
            state: Mutex::new(State {
                items: VecDeque::new(),
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

    /// The number of items that could be got now.
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether there is nothing to get.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of items put and not yet [done](Self::task_done).
    pub fn unfinished(&self) -> usize {
        self.lock().unfinished
    }

    /// Puts `item` at the end; waits while the queue is full.
    ///
    /// # Cancellation
    /// An item whose put is dropped while it waits never enters the queue.
    pub fn put(&self, item: T) -> Put<'_, T> {
        Put::new(self, item)
    }

    /// Puts `item` at the end.
    ///
    /// # Errors
    /// The item, if the queue is full.
    pub fn try_put(&self, item: T) -> Result<(), T> {
        let mut state = self.lock();
        if state.items.len() >= self.max {
            return Err(item);
        }
        let waker = state.enter(item);
        drop(state);
        wake(waker);
        Ok(())
    }

    /// Puts `item` at the end; waits no longer than `limit`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`]; the item has then not entered the queue.
    pub async fn put_timeout(&self, item: T, limit: Duration) -> Result<(), QueueError> {
        self.within(limit, self.put(item)).await
    }

    /// Takes the first item; waits while there is none.
    ///
    /// # Cancellation
    /// No item is lost: one that had been handed to a dropped get goes to the next, in its place.
    pub fn get(&self) -> Get<'_, T> {
        Get::new(self)
    }

    /// Takes the first item, if there is one.
    pub fn try_get(&self) -> Option<T> {
        let mut state = self.lock();
        let item = state.items.pop_front()?;
        let waker = state.admit(self.max);
        drop(state);
        wake(waker);
        Some(item)
    }

    /// Takes the first item; waits no longer than `limit`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`].
    pub async fn get_timeout(&self, limit: Duration) -> Result<T, QueueError> {
        self.within(limit, self.get()).await
    }

    /// Says that the work on one item is done.
    ///
    /// # Errors
    /// [`QueueError::NothingUnfinished`] if it was called more often than items were put.
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

    /// Waits until the work on every item put so far, and on those put meanwhile, is done.
    pub fn join(&self) -> Join<'_, T> {
        Join::new(self)
    }

    /// Waits as [`join`](Self::join) does, no longer than `limit`.
    ///
    /// # Errors
    /// [`QueueError::TimedOut`].
    pub async fn join_timeout(&self, limit: Duration) -> Result<(), QueueError> {
        self.within(limit, self.join()).await
    }

    /// Polls `future` first, so that a limit of zero still takes what is there.
    async fn within<F: Future + Unpin>(&self, limit: Duration, future: F) -> Result<F::Output, QueueError> {
        match select(future, self.timer.sleep_until(self.timer.now() + limit)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(QueueError::TimedOut),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Puts an item for which there is room, or hands it to a waiting get.
    pub(super) fn enter(&mut self, item: T) -> Option<Waker> {
        self.unfinished += 1;
        match self.getters.grant(item) {
            Ok(waker) => Some(waker),
            Err(item) => {
                self.items.push_back(item);
                None
            }
        }
    }

    /// Lets the first waiting put in, if there is room.
    pub(super) fn admit(&mut self, max: usize) -> Option<Waker> {
        if self.items.len() >= max {
            return None;
        }
        let item = self.held.remove(&self.putters.first()?)?;
        self.unfinished += 1;
        self.items.push_back(item);
        self.putters.grant(()).ok()
    }

    /// Takes back an item that a dropped get had been given.
    pub(super) fn take_back(&mut self, item: T) -> Option<Waker> {
        match self.getters.grant(item) {
            Ok(waker) => Some(waker),
            Err(item) => {
                self.items.push_front(item);
                None
            }
        }
    }
}

/// Wakes a task, outside of the lock.
pub(super) fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Queue")
            .field("max", &self.max)
            .field("len", &state.items.len())
            .field("getters", &state.getters.len())
            .field("putters", &state.putters.len())
            .field("unfinished", &state.unfinished)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn items_come_out_in_the_order_of_their_puts_waiting_ones_included() {
        let queue = Queue::bounded(1);
        assert_eq!(queue.try_put(1), Ok(()));
        let (mut second, mut third) = (queue.put(2), queue.put(3));
        assert!((&mut second).now_or_never().is_none());
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(queue.try_put(4), Err(4));
        assert_eq!(queue.try_get(), Some(1));
        // The third put cannot get in before the second has been got.
        assert!((&mut third).now_or_never().is_none());
        assert_eq!(queue.get().now_or_never(), Some(2));
        assert_eq!(queue.get().now_or_never(), Some(3));
        assert!(second.now_or_never().is_some() && third.now_or_never().is_some());
    }

    #[test]
    fn a_dropped_get_loses_no_item() {
        let queue = Queue::unbounded();
        let (mut first, mut second) = (queue.get(), queue.get());
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        queue.try_put("a").unwrap();
        queue.try_put("b").unwrap();
        drop(first);
        // What was handed to the first goes to whoever comes next, before later items.
        queue.try_put("c").unwrap();
        assert_eq!(second.now_or_never(), Some("b"));
        assert_eq!(queue.try_get(), Some("a"));
        assert_eq!(queue.try_get(), Some("c"));
    }

    #[test]
    fn a_dropped_put_never_enters() {
        let queue = Queue::bounded(1);
        queue.try_put(1).unwrap();
        let mut put = queue.put(2);
        assert!((&mut put).now_or_never().is_none());
        drop(put);
        assert_eq!((queue.try_get(), queue.try_get()), (Some(1), None));
        assert_eq!(queue.unfinished(), 1);
    }

    #[test]
    fn join_waits_for_the_work_not_for_the_get() {
        let queue = Queue::unbounded();
        assert!(queue.join().now_or_never().is_some());
        queue.try_put(()).unwrap();
        let mut join = queue.join();
        assert_eq!(queue.try_get(), Some(()));
        assert!((&mut join).now_or_never().is_none());
        assert_eq!(queue.task_done(), Ok(()));
        assert!(join.now_or_never().is_some());
        assert_eq!(queue.task_done(), Err(QueueError::NothingUnfinished));
    }
}
