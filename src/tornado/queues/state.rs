//! The state of a work queue: its items and the tasks that wait. Each method makes a single change and returns the wakers
//! for it, which are woken after the lock is released.

use std::collections::BTreeMap;
use std::task::Waker;

use super::error::{PutError, QueueError};
use super::order::{NumberedItem, Order};
use super::wait_list::{WaitId, WaitList};

/// The items of a queue and the tasks that wait.
pub(super) struct WorkQueueState<T, O> {
    max: usize,
    pub(super) items: O,
    pub(super) is_closed: bool,
    /// Each task is granted an item, or `None` if the queue was closed.
    pub(super) getters: WaitList<Option<NumberedItem<T>>>,
    /// Each task is granted `true` when its item has entered, and `false` if the queue was closed.
    pub(super) putters: WaitList<bool>,
    /// The items of the tasks in `putters`.
    pub(super) pending_puts: BTreeMap<WaitId, T>,
    pub(super) joiners: WaitList<()>,
    /// How many items were put and are not done.
    pub(super) unfinished: usize,
    /// The number of items that have entered.
    entered: u64,
}

impl<T, O: Order<T>> WorkQueueState<T, O> {
    /// Makes an empty queue of at most `max` items.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            items: O::default(),
            is_closed: false,
            getters: WaitList::new(),
            putters: WaitList::new(),
            pending_puts: BTreeMap::new(),
            joiners: WaitList::new(),
            unfinished: 0,
            entered: 0,
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.items.count() >= self.max
    }

    /// Puts an item if the queue is open and has room: to the get that waits longest, or else into the queue.
    pub(super) fn try_enter(&mut self, item: T) -> Result<Option<Waker>, PutError<T>> {
        if self.is_closed {
            return Err(PutError { item, reason: QueueError::Closed });
        }
        if self.is_full() {
            return Err(PutError { item, reason: QueueError::Full });
        }
        let item = self.numbered(item);
        // A get that waits takes the item at once: waiting gets and queued items never exist together.
        match self.getters.grant(Some(item)) {
            Ok(waker) => Ok(Some(waker)),
            Err(item) => {
                item.into_iter().for_each(|item| self.items.push(item));
                Ok(None)
            }
        }
    }

    /// Counts an item that enters.
    fn numbered(&mut self, item: T) -> NumberedItem<T> {
        self.unfinished += 1;
        self.entered += 1;
        NumberedItem { number: self.entered, item }
    }

    /// Admits the put that waits longest, and then takes the next item. Returns the waker of that put's task.
    ///
    /// The put enters first, as in Tornado's `Queue.get_nowait`, so its item may be the item that is taken.
    pub(super) fn take(&mut self) -> Result<(T, Option<Waker>), QueueError> {
        let admitted = self.admit();
        match self.items.pop() {
            Some(NumberedItem { item, .. }) => Ok((item, admitted)),
            None if self.is_closed => Err(QueueError::Closed),
            None => Err(QueueError::Empty),
        }
    }

    /// Moves the item of the put that waits longest into the queue, which holds an item more than its bound until the
    /// caller has taken an item.
    fn admit(&mut self) -> Option<Waker> {
        // An item that a dropped get returned is in the queue beside `max` items. It has to leave first.
        if self.items.count() > self.max {
            return None;
        }
        let item = self.pending_puts.remove(&self.putters.first()?)?;
        let item = self.numbered(item);
        self.items.push(item);
        self.putters.grant(true).ok()
    }

    /// Returns an item that was granted to a dropped get: to the next get, or else to its place in the queue.
    pub(super) fn take_back(&mut self, item: NumberedItem<T>) -> Option<Waker> {
        match self.getters.grant(Some(item)) {
            Ok(waker) => Some(waker),
            Err(item) => {
                item.into_iter().for_each(|item| self.items.push_back(item));
                None
            }
        }
    }
}

/// Wakes a task. Called after the lock is released.
pub(super) fn wake(waker: Option<Waker>) {
    waker.into_iter().for_each(Waker::wake);
}
