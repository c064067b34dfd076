//! The outer loop: what a client does around one request, whatever an attempt at it returns.
//!
//! The Rust API runs it over a [`Backend`](crate::Backend) and gets a [`Response`](crate::Response); the JavaScript
//! package runs the same loop over the platform's own `fetch` and gets the platform's own objects.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use super::deadline::{Deadline, Which};
use super::queue::{Acquire, Admission, Queue, Rejection, Slot};
use super::stop::Stop;
use crate::error::Phase;
use crate::runtime::sleep::Sleep;

/// What all requests of a client share.
pub(crate) struct Gate<S: Sleep> {
    pub(crate) queue: Arc<Queue>,
    pub(crate) clock: S::Clock,
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
pub(crate) struct Hold<S: Sleep> {
    pub(crate) slot: Slot,
    pub(crate) deadline: Deadline<S>,
}

/// One request as the loop sees it: how an attempt is made, and whether another one follows.
pub(crate) trait Plan {
    type Output;
    type Error;
    type Attempt: Future<Output = Result<Self::Output, Self::Error>>;

    /// Starts an attempt.
    fn attempt(&mut self) -> Self::Attempt;

    /// The present attempt waits; the deadline can be told how far it is.
    fn waits<S: Sleep>(&mut self, deadline: &mut Deadline<S>) {
        let _ = deadline;
    }

    /// The error for a request of `queue` that ends without one of its own.
    fn stopped(&self, stop: Stop, queue: &Queue) -> Self::Error;

    /// How long to wait before another attempt; `None` makes `outcome` the last. The deadline says how long the present
    /// one took, and how much time is left.
    fn again<S: Sleep>(
        &mut self,
        outcome: &Result<Self::Output, Self::Error>,
        deadline: &Deadline<S>,
    ) -> Option<Duration> {
        let _ = (outcome, deadline);
        None
    }
}

/// Who is told how far a request is.
pub(crate) trait Follow {
    /// It waits for a slot, in this place.
    fn queued(&self, waiting: &Acquire<'_>);
    /// It has one.
    fn started(&self);
    /// It has given it back, and waits before another attempt.
    fn waiting(&self);
}

/// Runs one request: waits for a slot, then makes the attempt, all within the limits; as often as the plan says.
///
/// Between two attempts the slot is free: whoever waits for one is not held up by whoever waits for a server.
///
/// # Cancellation
/// Dropping the future leaves the queue, drops the attempt and frees its slot, or takes back the alarm.
pub(crate) async fn send<S: Sleep, P: Plan>(
    gate: &Gate<S>,
    limits: Limits,
    mut caller: Admission<'_>,
    follow: &impl Follow,
    plan: &mut P,
) -> Result<(P::Output, Hold<S>), P::Error> {
    let mut deadline = Deadline::start(&gate.clock, limits.total);
    loop {
        let mut slot = match enter(gate, limits, &mut deadline, caller, follow).await {
            Ok(slot) => slot,
            Err(stop) => return Err(plan.stopped(stop, &gate.queue)),
        };
        deadline.attempt(limits.attempt);
        deadline.enter(Phase::Head, Which::Head, limits.head);
        let outcome = {
            let attempt = pin!(plan.attempt());
            let guarded = slot.guard(Phase::Head, attempt);
            let outcome = deadline.bound(|deadline| plan.waits(deadline), guarded).await;
            match outcome.map_err(Stop::Overdue).and_then(|outcome| outcome) {
                Ok(outcome) => outcome,
                Err(stop) => Err(plan.stopped(stop, &gate.queue)),
            }
        };
        let Some(delay) = plan.again(&outcome, &deadline) else {
            return outcome.map(|output| (output, Hold { slot, deadline }));
        };
        // What the attempt still holds goes first, then the slot.
        drop(outcome);
        drop(slot);
        follow.waiting();
        caller.is_retry = true;
        let pause = pin!(deadline.sleep(delay));
        if gate.queue.back_off().guard(Phase::Queue, pause).await.is_err() {
            return Err(plan.stopped(Rejection::Closed.into(), &gate.queue));
        }
    }
}

/// Takes a slot, or waits for one within the limits.
async fn enter<S: Sleep>(
    gate: &Gate<S>,
    limits: Limits,
    deadline: &mut Deadline<S>,
    caller: Admission<'_>,
    follow: &impl Follow,
) -> Result<Slot, Stop> {
    let slot = match gate.queue.try_acquire(&caller)? {
        Some(slot) => slot,
        None => {
            deadline.enter(Phase::Queue, Which::Queue, limits.queue);
            let mut acquire = gate.queue.acquire(caller);
            let mut queued = false;
            let wait = poll_fn(|cx| {
                let slot = Pin::new(&mut acquire).poll(cx);
                if slot.is_pending() && !std::mem::replace(&mut queued, true) {
                    follow.queued(&acquire);
                }
                slot
            });
            deadline.bound(|_| (), wait).await??
        }
    };
    follow.started();
    match deadline.overdue() {
        Some(overdue) => Err(overdue.into()),
        None => Ok(slot),
    }
}
