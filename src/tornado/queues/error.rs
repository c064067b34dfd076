//! Why a queue did not do what was asked.

use std::error::Error;
use std::fmt;

/// Why a queue did not do what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueueError {
    /// The time limit passed.
    TimedOut,
    /// There is nothing to get at this moment.
    Empty,
    /// There is no room at this moment.
    Full,
    /// The queue was closed: nothing can be put any more, and what had been put is gone.
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

/// An item that did not enter the queue, and why.
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
