//! Why the loop around a request stops it.

use super::deadline::Overdue;
use super::queue::{Queue, Rejection};
use crate::error::{Error, ErrorKind, Phase};

/// The reason why a request is stopped.
///
/// It is small and not yet an error, because the npm package has errors of its own.
#[derive(Clone, Copy)]
pub(crate) enum StopReason {
    /// The queue rejected the request.
    Rejected(Rejection),
    /// [`Client::close_now`](crate::Client::close_now) was called while the request was in this phase.
    Closed(Phase),
    /// A time limit passed.
    TimedOut(Overdue),
}

impl StopReason {
    /// Makes the error of the Rust API; `queue` is the queue that the request is for.
    pub(crate) fn into_error(self, queue: &Queue) -> Error {
        match self {
            Self::Rejected(rejection) => queue.rejection_error(rejection),
            Self::Closed(phase) => Error::new(ErrorKind::Closed, phase, "the client was closed while the request ran"),
            Self::TimedOut(overdue) => overdue.into(),
        }
    }
}

impl From<Rejection> for StopReason {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<Overdue> for StopReason {
    fn from(overdue: Overdue) -> Self {
        Self::TimedOut(overdue)
    }
}
