//! The errors of work queues.

use std::error::Error;
use std::fmt;

/// The reason why a queue could not put, get or count an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The time limit passed.
    TimedOut,
    /// The queue holds no item at this moment.
    Empty,
    /// The queue holds its maximum of items at this moment.
    Full,
    /// The queue was closed: it takes no item any more, and every item that it held was taken.
    Closed,
    /// [`task_done`](super::WorkQueue::task_done) was called more often than items were put.
    NothingUnfinished,
}

impl fmt::Display for QueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the queue's time limit passed",
            Self::Empty => "the queue is empty",
            Self::Full => "the queue is full",
            Self::Closed => "the queue is closed",
            Self::NothingUnfinished => "task_done() was called more often than items were put",
        })
    }
}

impl Error for QueueError {}

/// An item that did not enter the queue, and the reason.
///
/// # Examples
///
/// ```
/// use waterspout::tornado::{Queue, QueueError};
///
/// let queue = Queue::bounded(1);
/// queue.put_nowait("first")?;
/// let error = queue.put_nowait("second").unwrap_err();
/// assert_eq!((error.item, error.reason), ("second", QueueError::Full));
/// # Ok::<(), waterspout::tornado::PutError<&str>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PutError<T> {
    /// The item.
    pub item: T,
    /// [`Full`](QueueError::Full), [`Closed`](QueueError::Closed) or [`TimedOut`](QueueError::TimedOut).
    pub reason: QueueError,
}

impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutError").field("reason", &self.reason).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the item was not put: {}", self.reason)
    }
}

impl<T> Error for PutError<T> {}

impl<T> From<PutError<T>> for QueueError {
    fn from(error: PutError<T>) -> Self {
        error.reason
    }
}
