//! The queue in front of a client's slots: it decides which requests run now, which wait, and which starts next.
//!
//! [`QueueState`] makes the decisions. This file has the lock around it for the futures of Rust. `host` is the queue of the
//! npm package, whose requests are numbers. No task works in the background: the request that frees a slot gives it to
//! the next. If only a rate limit keeps requests waiting, a waiting request, the timekeeper, has a timer for all of them.

mod acquire;
mod covered;
mod heap;
#[cfg(any(test, waterspout_npm))]
mod host;
#[cfg(test)]
mod model_tests;
mod origins;
mod rate;
mod requests;
mod schedule;
mod settings;
mod slot;
mod stall;
mod state;
#[cfg(test)]
mod tests;
#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
mod wait_times;
mod wake_list;

use std::sync::{Arc, Weak};
use std::task::Waker;

pub(crate) use self::acquire::Acquire;
#[cfg(waterspout_npm)]
pub(crate) use self::host::HostQueue;
use self::rate::Nanos;
pub use self::rate::Rate;
pub(crate) use self::requests::Rejection;
use self::requests::Ticket;
pub(crate) use self::settings::QueueSettings;
use self::slot::KeptWaker;
pub(crate) use self::slot::Slot;
use self::stall::Activity;
pub(crate) use self::stall::StallDetection;
use self::state::QueueState;
pub use self::wait_times::WaitTimes;
use self::wake_list::WakeList;
use crate::error::{Error, ErrorKind, Phase};
use crate::runtime::Timer;
use crate::runtime::lock::Lock;
use crate::runtime::sync::MutexGuard;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};

/// What the queue has to know of a request that needs a slot.
#[derive(Clone, Copy, Default)]
pub(crate) struct SlotRequest<'a> {
    /// The text of the request's origin.
    pub(crate) origin: &'a str,
    pub(crate) priority: i16,
    /// Whether the request held a slot before and gave it back to wait before a retry.
    ///
    /// A retry joins the queue even if the queue is full or the client is closing. It starts after the requests of the
    /// same priority that joined before it.
    pub(crate) is_retry: bool,
    pub(crate) detection: StallDetection,
}

/// A handle of a waiting request, to change its priority. It keeps neither the queue nor the request alive.
pub(crate) struct QueuedRequest {
    queue: Weak<Queue>,
    ticket: Ticket,
    serial: u64,
}

impl QueuedRequest {
    /// Moves the request by its new priority. Does nothing if it no longer waits.
    pub(crate) fn prioritize(&self, priority: i16) {
        if let Some(queue) = self.queue.upgrade() {
            queue.change(|state, now, _| state.prioritize(self.ticket, self.serial, priority, now));
        }
    }
}

/// How many requests to an origin run and wait; see [`Stats::origins`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginStats {
    /// The origin: scheme, host and, unless it is the scheme's default, port.
    pub origin: Arc<str>,
    /// Number of requests that hold a slot.
    pub active: usize,
    /// Number of requests that wait for a slot.
    pub queued: usize,
}

/// How many requests of a client run and wait, and how long they waited; see [`Client::stats`](crate::Client::stats).
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::testing::MockBackend;
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().origin_stats(true).backend(MockBackend::text("hello")).build()?;
/// client.get("http://example.com/").await?.text().await?;
///
/// let stats = client.stats();
/// assert_eq!((stats.active, stats.queued), (0, 0));
/// assert_eq!(stats.waits.count(), 1);
/// assert!(stats.origins.is_empty());
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Number of requests that hold a slot.
    pub active: usize,
    /// Number of requests that wait for a slot.
    pub queued: usize,
    /// Whether the client is paused, so that no waiting request starts.
    pub paused: bool,
    /// Whether the client is closed, so that it takes no new requests.
    pub closed: bool,
    /// How long the requests that got a slot waited for it, since the client was created.
    pub waits: WaitTimes,
    /// The counts of each origin with a request that runs or waits, sorted by origin.
    ///
    /// It is empty unless the client counts requests by origin: with [`Builder::origin_stats`](crate::Builder::origin_stats),
    /// or with a limit for each origin.
    pub origins: Vec<OriginStats>,
}

/// A client's slots and the queue in front of them.
pub(crate) struct Queue {
    state: Lock<QueueState>,
    timer: Arc<dyn Timer>,
    /// Whether a rate is limited. If not, the clock is read only for requests that wait.
    has_rate: bool,
    /// Whether the client was closed at once: running requests end too.
    // Outside of the lock, because every poll of a running request reads it.
    has_ended: AtomicBool,
    activity: Activity,
}

impl Queue {
    pub(crate) fn new(settings: QueueSettings, timer: Arc<dyn Timer>) -> Self {
        Self {
            timer,
            has_rate: settings.has_rate(),
            has_ended: AtomicBool::new(false),
            activity: Activity::default(),
            state: Lock::new(QueueState::new(settings)),
        }
    }

    /// Takes a free slot without waiting. Returns `None` if no slot is free, or if a waiting request could take it.
    ///
    /// `waker` is called if the client is closed at once. It is kept with the slot, so that a request that waits for its
    /// response takes the lock twice in all: for its slot, and at its end.
    ///
    /// # Errors
    /// If the client is closed.
    pub(crate) fn try_acquire(
        self: &Arc<Self>,
        slot_request: &SlotRequest<'_>,
        waker: &Waker,
    ) -> Result<Option<Slot>, Rejection> {
        let now = self.now_if_needed();
        let mut wakes = WakeList::default();
        let mut kept = None;
        let ticket = {
            let mut state = self.lock();
            if self.rejects(&state, slot_request) {
                return Err(Rejection::Closed);
            }
            // Tokens may have arrived since the last change; waiting requests come first.
            if self.has_rate {
                state.dispatch(now, &mut wakes);
                state.choose_timekeeper(None, &mut wakes);
            }
            // This start may take the last slot, so that the time alone starts no request. The timekeeper then stays, and
            // is harmless: its timer only wakes it early.
            let keep = || {
                let waker = waker.clone();
                kept = Some(KeptWaker::from(&waker));
                Some(waker)
            };
            state.try_start(slot_request.origin, keep, now)
        };
        wakes.wake_all();
        Ok(ticket.map(|ticket| Slot::new(self.clone(), ticket, kept)))
    }

    /// Waits for a slot. Dropping the future leaves the queue.
    pub(crate) fn acquire<'a>(self: &Arc<Self>, slot_request: SlotRequest<'a>) -> Acquire<'a> {
        Acquire::new(self.clone(), slot_request)
    }

    /// Registers a request that has given its slot back and waits before a retry.
    ///
    /// The result takes no slot and gives no right to run. It only stops the wait when the client is closed at once.
    pub(crate) fn back_off(self: &Arc<Self>) -> Slot {
        let ticket = self.lock().back_off();
        Slot::new(self.clone(), ticket, None)
    }

    /// Returns all statistics, as they are at a single moment.
    pub(crate) fn stats(&self) -> Stats {
        self.lock().stats()
    }

    /// With `true`, lets no waiting request start; with `false`, lets them start again.
    pub(crate) fn pause(&self, paused: bool) {
        // A stall is counted from the end of a pause.
        self.activity.record();
        self.change(|state, _, _| state.paused = paused);
    }

    /// Rejects all waiting requests and returns how many there were.
    pub(crate) fn clear(&self) -> usize {
        let mut count = 0;
        self.change(|state, _, wakes| {
            count = state.waiting_count;
            state.clear(Rejection::Cleared, wakes);
        });
        count
    }

    /// Rejects new requests from now on.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Rejects new requests from now on, and ends all requests that wait or run.
    pub(crate) fn close_now(&self) {
        // Before the wakers are collected: a request that keeps its waker later sees the flag and needs no waking.
        self.has_ended.store(true, Ordering::Release);
        self.change(|state, _, wakes| {
            state.closed = true;
            state.clear(Rejection::Closed, wakes);
            state.wake_admitted(wakes);
        });
    }

    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    /// Returns whether a request may not join because the client is closed.
    fn rejects(&self, state: &QueueState, slot_request: &SlotRequest<'_>) -> bool {
        state.closed && (!slot_request.is_retry || self.has_ended())
    }

    /// Changes the state, gives free slots to the requests that may start now, and wakes them.
    fn change(&self, change: impl FnOnce(&mut QueueState, Nanos, &mut WakeList)) {
        let now = self.now_if_needed();
        let mut wakes = WakeList::default();
        {
            let mut state = self.lock();
            change(&mut state, now, &mut wakes);
            state.dispatch(now, &mut wakes);
            state.choose_timekeeper(None, &mut wakes);
        }
        // The lock is released here: a woken task may call the queue.
        wakes.wake_all();
    }

    /// Records that a request that holds a slot was polled.
    pub(crate) fn record_progress(&self) {
        self.activity.record();
    }

    /// Returns when a waiting request has to look at the queue again, if it is the timekeeper. A client that has stalled
    /// rejects requests here.
    fn timer_at(&self, state: &mut QueueState, ticket: Ticket, now: Nanos, wakes: &mut WakeList) -> Option<Nanos> {
        let timer_at = state.timer_for(ticket);
        if !state.may_look_for_stall(ticket) {
            return timer_at;
        }
        let look_at = state.look_for_stall(&self.activity, now, wakes);
        timer_at.map(|_| look_at)
    }

    fn remove(&self, ticket: Ticket) {
        let now = self.now_if_needed();
        let mut wakes = WakeList::default();
        let mut state = self.lock();
        state.remove(ticket, now, &mut wakes);
        // The common case: no request waits for the slot.
        if state.waiting_count > 0 {
            state.dispatch(now, &mut wakes);
            state.choose_timekeeper(None, &mut wakes);
        }
        drop(state);
        wakes.wake_all();
    }

    /// Makes the error of a request that the queue rejected.
    pub(crate) fn rejection_error(&self, rejection: Rejection) -> Error {
        let (kind, message) = match rejection {
            Rejection::Full => {
                // The setter of the limit wrote the message.
                let message = self.lock().settings.full_message.clone();
                return Error::new(ErrorKind::QueueFull, Phase::Queue, message.unwrap_or_default());
            }
            Rejection::Stalled => return self.lock().stall.error(),
            Rejection::Cleared => (ErrorKind::Cleared, "the client's queue was cleared while the request waited in it"),
            Rejection::Closed => (ErrorKind::Closed, "the client is closed and takes no more requests"),
        };
        Error::new(kind, Phase::Queue, message)
    }

    fn now(&self) -> Nanos {
        Nanos::try_from(self.timer.now().nanos()).unwrap_or(Nanos::MAX)
    }

    /// Returns the time if a rate is limited, else 0, which saves reading the clock: nothing then depends on the time.
    fn now_if_needed(&self) -> Nanos {
        if self.has_rate { self.now() } else { 0 }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock()
    }
}
