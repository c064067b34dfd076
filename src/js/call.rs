//! A request as the outer loop sees it: JavaScript makes its attempts, keeps what comes of them, and says whether another
//! follows.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{host, tasks};
use crate::client::deadline::{Deadline, Which};
use crate::client::queue::{Acquire, Queue, Rejection};
use crate::client::send::{Follow, Plan};
use crate::client::stop::Stop;
use crate::error::Phase;
use crate::runtime::sleep::Sleep;

/// Why a request failed, as JavaScript is told: 0 for what it knows itself.
pub(super) struct Failure(pub(super) u32);

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self(match stop {
            Stop::Refused(Rejection::Full) => 1,
            Stop::Refused(Rejection::Cleared) => 2,
            Stop::Refused(Rejection::Closed) | Stop::Ended(_) => 3,
            Stop::Overdue(overdue) if overdue.which == Which::Queue => 4,
            Stop::Overdue(overdue) if overdue.which == Which::Head => 5,
            Stop::Overdue(overdue) if overdue.phase == Phase::Queue => 6,
            Stop::Overdue(_) => 7,
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

    fn stopped(&self, stop: Stop, _: &Queue) -> Failure {
        stop.into()
    }

    fn again<S: Sleep>(&mut self, outcome: &Result<(), Failure>, _: &Deadline<S>) -> Option<Duration> {
        let failure = outcome.as_ref().err().map_or(0, |failure| failure.0);
        let delay = host::again(self.0, failure);
        // The cast saturates, and JavaScript has seen to it that the total limit does not pass before.
        (delay >= 0.0).then(|| Duration::from_millis(delay as u64))
    }
}

impl Follow for Started {
    fn queued(&self, _: &Acquire<'_>) {
        host::queued(self.0);
    }

    // JavaScript does these two itself.
    fn started(&self) {}
    fn waiting(&self) {}
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
