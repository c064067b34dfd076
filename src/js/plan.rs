//! A request as the outer loop sees it: JavaScript makes the attempts, keeps their outcomes, and decides whether another attempt
//! follows.
//!
//! That decision is half a kilobyte of TypeScript, since the engine has headers and dates. In Rust it would be 7 KB to download.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::protocol::{Failure, NO_RETRY};
use super::tasks::AttemptEnd;
use super::{host, tasks};
use crate::client::deadline::{Deadline, Which};
use crate::client::queue::{Acquire, Queue, Refusal};
use crate::client::send::{Follow, Plan};
use crate::client::stop::Stop;
use crate::clock::Clock;
use crate::error::Phase;

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused(Refusal::Full) => Self::QueueFull,
            Stop::Refused(Refusal::Cleared) => Self::Cleared,
            Stop::Refused(Refusal::Closed) | Stop::Ended(_) => Self::Closed,
            Stop::Overdue(overdue) if overdue.which == Which::Queue => Self::QueueTimeout,
            Stop::Overdue(overdue) if overdue.which == Which::Head => Self::HeadTimeout,
            Stop::Overdue(overdue) if overdue.phase == Phase::Queue => Self::TotalTimeoutInQueue,
            Stop::Overdue(_) => Self::TotalTimeout,
        }
    }
}

/// The plan of a task, by its number.
pub(super) struct Started(pub(super) u32);

impl Plan for Started {
    type Output = ();
    type Error = Failure;
    type Attempt = Attempt;

    fn attempt(&mut self) -> Attempt {
        // An outcome of the last attempt must not end this attempt.
        tasks::take_attempt_end(self.0);
        host::start(self.0);
        Attempt(self.0)
    }

    fn stopped(&self, stop: Stop, _: &Queue) -> Failure {
        stop.into()
    }

    fn again<C: Clock>(&mut self, outcome: &Result<(), Failure>, _: &Deadline<C>) -> Option<Duration> {
        let failure = outcome.as_ref().err().copied().unwrap_or(Failure::None);
        let delay = host::next_retry_delay(self.0, failure as u32);
        // The cast saturates. JavaScript begins no wait that the total limit would cut short.
        (delay > NO_RETRY).then(|| Duration::from_millis(delay as u64))
    }
}

impl Follow for Started {
    fn queued(&self, _: &Acquire<'_>) {
        host::queued(self.0);
    }

    // JavaScript reports these two steps to its observers by itself.
    fn started(&self) {}
    fn waiting(&self) {}
}

/// An attempt that runs in JavaScript.
pub(super) struct Attempt(u32);

impl Future for Attempt {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match tasks::take_attempt_end(self.0) {
            Some(AttemptEnd::Response) => Poll::Ready(Ok(())),
            Some(AttemptEnd::Error) => Poll::Ready(Err(Failure::None)),
            None => Poll::Pending,
        }
    }
}
