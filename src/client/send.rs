//! The outer loop: what a client does around one request, whatever an attempt at it returns.
//!
//! The Rust API runs it over a [`Backend`](crate::Backend) and gets a [`Response`](crate::Response); the JavaScript
//! package runs the same loop over the platform's own `fetch` and gets the platform's own objects.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::clock::Clock;
use super::deadline::Deadline;
use super::queue::{Queue, Slot};
use crate::error::{Error, Phase};
use crate::progress::Progress;

/// What all requests of a client share.
pub(crate) struct Gate<C> {
    pub(crate) queue: Arc<Queue>,
    pub(crate) clock: C,
}

/// One request's time limits; zero or nothing means none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) queue: Option<Duration>,
    pub(crate) head: Option<Duration>,
    pub(crate) attempt: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

/// What a request holds until its response's body has ended: its slot, and the clock that still runs.
pub(crate) struct Hold<C: Clock> {
    pub(crate) _slot: Slot,
    pub(crate) deadline: Deadline<C>,
}

/// One request as the loop sees it: how an attempt is made, and whether another one follows.
///
/// A closure that starts an attempt is one that never tries again.
pub(crate) trait Plan {
    type Output;
    type Error: From<Error>;
    type Attempt: Future<Output = Result<Self::Output, Self::Error>>;

    /// Starts an attempt.
    fn attempt(&mut self) -> Self::Attempt;

    /// Where the present attempt tells how far it is.
    fn progress(&self) -> Option<Progress> {
        None
    }

    /// How long to wait before another attempt; `None` makes `outcome` the last. The deadline says how long the present
    /// one took, and how much time is left.
    fn again<C: Clock>(
        &mut self,
        outcome: &Result<Self::Output, Self::Error>,
        deadline: &Deadline<C>,
    ) -> Option<Duration> {
        let _ = (outcome, deadline);
        None
    }
}

impl<T, E, F, A> Plan for A
where
    E: From<Error>,
    F: Future<Output = Result<T, E>>,
    A: FnMut() -> F,
{
    type Output = T;
    type Error = E;
    type Attempt = F;

    fn attempt(&mut self) -> F {
        self()
    }
}

/// Runs one request: waits for a slot, then makes the attempt, all within the limits; as often as the plan says.
///
/// Between two attempts the slot is free: whoever waits for one is not held up by whoever waits for a server.
///
/// # Cancellation
/// Dropping the future leaves the queue, drops the attempt and frees its slot, or takes back the alarm.
pub(crate) async fn send<C: Clock, P: Plan>(
    gate: &Gate<C>,
    limits: Limits,
    plan: &mut P,
) -> Result<(P::Output, Hold<C>), P::Error> {
    let mut deadline = Deadline::start(&gate.clock, limits.total);
    loop {
        let slot = match gate.queue.try_acquire() {
            Some(slot) => slot,
            None => {
                deadline.enter(Phase::Queue, "queue", limits.queue);
                deadline.bound(None, gate.queue.acquire()).await?
            }
        };
        if let Some(error) = deadline.overdue() {
            return Err(error.into());
        }
        deadline.attempt(limits.attempt);
        deadline.enter(Phase::Head, "head", limits.head);
        let attempt = plan.attempt();
        let progress = plan.progress();
        let outcome = match deadline.bound(progress.as_ref(), attempt).await {
            Ok(outcome) => outcome,
            Err(expired) => Err(expired.into()),
        };
        let Some(delay) = plan.again(&outcome, &deadline) else {
            return outcome.map(|output| (output, Hold { _slot: slot, deadline }));
        };
        // What the attempt still holds goes first, then the slot.
        drop(outcome);
        drop(slot);
        deadline.sleep(delay).await;
    }
}
