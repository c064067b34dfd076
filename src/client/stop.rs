//! Why the loop around a request ends it by itself.

use super::deadline::Overdue;
use super::queue::{Queue, Rejection};
use crate::error::{Error, ErrorKind, Phase};

/// The reason: small, and no error yet, since JavaScript has errors of its own.
#[derive(Clone, Copy)]
pub(crate) enum Stop {
    /// The queue sent it away.
    Refused(Rejection),
    /// The client was closed at once while it ran.
    Ended(Phase),
    /// A limit has passed.
    Overdue(Overdue),
}

impl Stop {
    /// The error that a Rust program sees; `queue` is the one that the request was for.
    pub(crate) fn into_error(self, queue: &Queue) -> Error {
        match self {
            Self::Refused(rejection) => queue.rejection_error(rejection),
            Self::Ended(phase) => Error::new(ErrorKind::Closed, phase, "the client was closed while the request ran"),
            Self::Overdue(overdue) => overdue.into(),
        }
    }
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<Overdue> for Stop {
    fn from(overdue: Overdue) -> Self {
        Self::Overdue(overdue)
    }
}
