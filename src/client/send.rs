//! The outer loop: what a client does around one request, whatever an attempt at it returns.
//!
//! The Rust API runs it over a [`Backend`](crate::Backend) and gets a [`Response`](crate::Response); the JavaScript
//! package runs the same loop over the platform's own `fetch` and gets the platform's own objects.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::queue::{Acquire, Caller, Queue, Slot};
use crate::error::{Error, Phase};
use crate::progress::Progress;
use crate::runtime::Timer;

/// What all requests of a client share.
pub(crate) struct Gate {
    pub(crate) queue: Arc<Queue>,
    pub(crate) timer: Arc<dyn Timer>,
}

/// One request's time limits; zero or nothing means none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Limits {
    pub(crate) queue: Option<Duration>,
    pub(crate) head: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

/// What a request holds until its response's body has ended: its slot, and the clock that still runs.
pub(crate) struct Hold {
    pub(crate) slot: Slot,
    pub(crate) deadline: Deadline,
}

/// Who is told how far a request is; nobody is one too, and costs nothing.
pub(crate) trait Follow {
    /// It waits for a slot, in this place.
    fn queued(&self, waiting: &Acquire<'_>);
    /// It has one.
    fn started(&self);
}

impl Follow for () {
    fn queued(&self, _waiting: &Acquire<'_>) {}
    fn started(&self) {}
}

/// Runs one request: waits for a slot, then makes the attempt, all within the limits.
///
/// # Cancellation
/// Dropping the future leaves the queue, or drops the attempt and frees its slot.
pub(crate) async fn send<T, E, F>(
    gate: &Gate,
    limits: Limits,
    caller: Caller<'_>,
    follow: &impl Follow,
    progress: Option<&Progress>,
    attempt: impl FnOnce() -> F,
) -> Result<(T, Hold), E>
where
    E: From<Error>,
    F: Future<Output = Result<T, E>>,
{
    let mut deadline = Deadline::start(&gate.timer, limits.total);
    let mut slot = enter(gate, limits, &mut deadline, caller, follow).await?;
    deadline.enter(Phase::Head, "head", limits.head);
    let output = {
        let attempt = pin!(attempt());
        deadline.bound(progress, slot.guard(Phase::Head, attempt)).await???
    };
    Ok((output, Hold { slot, deadline }))
}

/// Takes a slot, or waits for one within the limits.
///
/// For another attempt: drop the slot, wait, and come again, with [`Caller::again`] set.
async fn enter(
    gate: &Gate,
    limits: Limits,
    deadline: &mut Deadline,
    caller: Caller<'_>,
    follow: &impl Follow,
) -> Result<Slot, Error> {
    let slot = match gate.queue.try_acquire(&caller)? {
        Some(slot) => slot,
        None => {
            deadline.enter(Phase::Queue, "queue", limits.queue);
            let mut acquire = gate.queue.acquire(caller);
            let mut queued = false;
            let wait = poll_fn(|cx| {
                let slot = Pin::new(&mut acquire).poll(cx);
                if slot.is_pending() && !std::mem::replace(&mut queued, true) {
                    follow.queued(&acquire);
                }
                slot
            });
            deadline.bound(None, wait).await??
        }
    };
    follow.started();
    Ok(slot)
}
