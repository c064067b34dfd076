//! The outer loop: what a client does around one request, whatever an attempt at it returns.
//!
//! The Rust API runs it over a [`Backend`](crate::Backend) and gets a [`Response`](crate::Response); the JavaScript
//! package runs the same loop over the platform's own `fetch` and gets the platform's own objects.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::queue::{Queue, Slot};
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
    pub(crate) _slot: Slot,
    pub(crate) deadline: Deadline,
}

/// Runs one request: waits for a slot, then makes the attempt, all within the limits.
///
/// # Cancellation
/// Dropping the future leaves the queue, or drops the attempt and frees its slot.
pub(crate) async fn send<T, E, F>(
    gate: &Gate,
    limits: Limits,
    progress: Option<&Progress>,
    attempt: impl FnOnce() -> F,
) -> Result<(T, Hold), E>
where
    E: From<Error>,
    F: Future<Output = Result<T, E>>,
{
    let mut deadline = Deadline::start(&gate.timer, limits.total);
    let slot = match gate.queue.try_acquire() {
        Some(slot) => slot,
        None => {
            deadline.enter(Phase::Queue, "queue", limits.queue);
            deadline.bound(None, gate.queue.acquire()).await?
        }
    };
    deadline.enter(Phase::Head, "head", limits.head);
    let output = deadline.bound(progress, attempt()).await??;
    Ok((output, Hold { _slot: slot, deadline }))
}
