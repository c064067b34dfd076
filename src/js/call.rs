//! A request of the npm package as the loop sees it.
//!
//! JavaScript makes the attempts, keeps their responses and errors, and decides whether another attempt follows. That
//! decision is half a kilobyte of TypeScript, since the engine has headers and dates. In Rust it would be 7 KB to download.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::protocol::{Failure, NO_RETRY};
use super::tasks::AttemptEnd;
use super::{host, tasks};
use crate::client::call::Call;
use crate::client::deadline::Deadline;
use crate::client::queue::{Acquire, Queue, Rejection};
use crate::client::stop::StopReason;
use crate::error::Timeout;
use crate::runtime::sleep::Sleep;

impl From<StopReason> for Failure {
    fn from(reason: StopReason) -> Self {
        match reason {
            StopReason::Rejected(Rejection::Full) => Self::QueueFull,
            StopReason::Rejected(Rejection::Cleared) => Self::Cleared,
            // The npm package looks for no stalls.
            StopReason::Rejected(Rejection::Stalled) => Self::QueueTimeout,
            StopReason::Rejected(Rejection::Closed) | StopReason::Closed(_) => Self::Closed,
            StopReason::TimedOut(overdue) => match overdue.timeout {
                Timeout::Queue => Self::QueueTimeout,
                Timeout::Head => Self::HeadTimeout,
                Timeout::Request => Self::RequestTimeout,
                // JavaScript sets no other limit.
                _ => Self::TotalTimeout,
            },
        }
    }
}

/// The request of a task, by the task's number.
pub(super) struct HostCall(pub(super) u32);

// JavaScript reports the start and the wait between attempts to its observers itself: `started` and `waiting` stay empty.
impl Call for HostCall {
    type Output = ();
    type Error = Failure;
    type Attempt = HostAttempt;

    fn queued(&self, _: &Acquire<'_>) {
        host::queued(self.0);
    }

    fn attempt(&mut self) -> HostAttempt {
        // An outcome of the last attempt must not end this attempt.
        tasks::take_attempt_end(self.0);
        host::start(self.0);
        HostAttempt(self.0)
    }

    fn next_retry_delay<S: Sleep>(&mut self, outcome: &Result<(), Failure>, _: &Deadline<S>) -> Option<Duration> {
        let failure = outcome.as_ref().err().copied().unwrap_or(Failure::None);
        let delay = host::next_retry_delay(self.0, failure as u32);
        // The cast saturates. JavaScript begins no wait that a limit of the request would cut short.
        (delay > NO_RETRY).then(|| Duration::from_millis(delay as u64))
    }

    fn stopped(&self, reason: StopReason, _: &Queue) -> Failure {
        reason.into()
    }
}

/// An attempt that runs in JavaScript.
pub(super) struct HostAttempt(u32);

impl Future for HostAttempt {
    type Output = Result<(), Failure>;

    fn poll(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        match tasks::take_attempt_end(self.0) {
            Some(AttemptEnd::Response) => Poll::Ready(Ok(())),
            Some(AttemptEnd::Error) => Poll::Ready(Err(Failure::None)),
            None => Poll::Pending,
        }
    }
}
