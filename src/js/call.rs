//! A request of the npm package as the loop sees it.
//!
//! JavaScript makes the attempts, keeps their responses and errors, and decides whether another attempt follows. That
//! decision in Rust would be 7 KB to download, for its headers and dates; in TypeScript it is half a KB, since the engine
//! has both.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::{host, tasks};
use crate::client::call::Call;
use crate::client::deadline::Deadline;
use crate::client::queue::{Acquire, Queue, Rejection};
use crate::client::stop::StopReason;
use crate::error::{Phase, Timeout};
use crate::runtime::sleep::Sleep;

/// The number that tells JavaScript why a request failed; 0 means that JavaScript itself settled the attempt.
pub(super) struct Failure(pub(super) u32);

impl From<StopReason> for Failure {
    fn from(reason: StopReason) -> Self {
        Self(match reason {
            StopReason::Rejected(Rejection::Full) => 1,
            StopReason::Rejected(Rejection::Cleared) => 2,
            StopReason::Rejected(Rejection::Closed) | StopReason::Closed(_) => 3,
            StopReason::TimedOut(overdue) if overdue.timeout == Timeout::Queue => 4,
            StopReason::TimedOut(overdue) if overdue.timeout == Timeout::Head => 5,
            // The rest is the total timeout, told apart by the phase in which it passed.
            StopReason::TimedOut(overdue) if overdue.phase == Phase::Queue => 6,
            StopReason::TimedOut(_) => 7,
        })
    }
}

/// The request of a task, by the task's number.
pub(super) struct HostCall(pub(super) u32);

// JavaScript itself knows when a request starts and when it waits for its next attempt: `started` and `waiting` stay empty.
impl Call for HostCall {
    type Output = ();
    type Error = Failure;
    type Attempt = HostAttempt;

    fn queued(&self, _: &Acquire<'_>) {
        host::queued(self.0);
    }

    fn attempt(&mut self) -> HostAttempt {
        // Forgets how the attempt before this was settled.
        tasks::settled(self.0);
        host::start(self.0);
        HostAttempt(self.0)
    }

    fn next_retry_delay<S: Sleep>(&mut self, outcome: &Result<(), Failure>, _: &Deadline<S>) -> Option<Duration> {
        let failure = outcome.as_ref().err().map_or(0, |failure| failure.0);
        let delay = host::again(self.0, failure);
        // The cast saturates. JavaScript has checked that the wait ends before the total timeout.
        (delay >= 0.0).then(|| Duration::from_millis(delay as u64))
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
        match tasks::settled(self.0) {
            Some(true) => Poll::Ready(Ok(())),
            Some(false) => Poll::Ready(Err(Failure(0))),
            None => Poll::Pending,
        }
    }
}
