//! A request as the outer loop sees it: JavaScript makes its attempts, keeps what comes of them, and says whether another
//! follows.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{host, tasks};
use crate::client::clock::Clock;
use crate::client::deadline::Deadline;
use crate::client::send::Plan;
use crate::error::{Error, ErrorKind, Phase};

/// Why a request failed, as JavaScript is told: 0 for what it knows itself.
pub(super) struct Failure(pub(super) u32);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let named = |letter| error.limit().is_some_and(|limit| limit.name.starts_with(letter));
        Self(match error.kind() {
            ErrorKind::QueueFull => 1,
            ErrorKind::Cleared => 2,
            ErrorKind::Closed => 3,
            _ if named('q') => 4,
            _ if named('h') => 5,
            _ if error.phase() == Phase::Queue => 6,
            _ => 7,
        })
    }
}

/// The plan of one task.
pub(super) struct Started(pub(super) u32);

impl Plan for Started {
    type Output = ();
    type Error = Failure;
    type Attempt = Attempt;

    fn attempt(&mut self) -> Attempt {
        tasks::settled(self.0);
        host::start(self.0);
        Attempt(self.0)
    }

    fn again<C: Clock>(&mut self, outcome: &Result<(), Failure>, _: &Deadline<C>) -> Option<Duration> {
        let failure = outcome.as_ref().err().map_or(0, |failure| failure.0);
        let delay = host::again(self.0, failure);
        // The cast saturates, and JavaScript has seen to it that the total limit does not pass before.
        (delay >= 0.0).then(|| Duration::from_millis(delay as u64))
    }
}

/// An attempt that runs in JavaScript.
pub(super) struct Attempt(u32);

impl Future for Attempt {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match tasks::settled(self.0) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(Failure(0))),
            None => Poll::Pending,
        }
    }
}
