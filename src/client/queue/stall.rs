//! Finds out that the client has stalled: its slots are held, and no request that holds a slot makes progress.
//!
//! A response holds its slot until its body has been read or dropped, so a program that reads no bodies would wait for
//! ever. A request without a `queue_timeout` of its own or of its client therefore fails after 30 s without progress.
//!
//! The timekeeper looks every 5 s whether the count of [`Activity`] has changed. After 25 s without a change it wakes all
//! requests that hold slots. A request whose task is alive is then polled, which is progress, even if its server has been
//! silent for long. If nothing was polled 5 s later, the client has stalled.

use std::task::Waker;
use std::time::Duration;

use super::rate::Nanos;
use super::requests::{NONE, Rejection, RequestState, Ticket};
use super::state::{NO_START, QueueState};
use super::wake_list::WakeList;
use crate::error::{Error, Phase, Timeout};
use crate::runtime::sync::atomic::{AtomicUsize, Ordering};

/// How long a waiting request accepts that no request makes progress.
const LIMIT: Duration = Duration::from_secs(30);
const LIMIT_NANOS: Nanos = 30_000_000_000;

/// The time between two looks at the activity, and the time in which a woken request has to be polled.
const PERIOD: Nanos = 5_000_000_000;

/// Whether a request fails if the client stalls while it waits.
#[derive(Clone, Copy, Default)]
pub(crate) struct StallDetection(bool);

impl StallDetection {
    pub(crate) const fn new(is_on: bool) -> Self {
        Self(is_on)
    }
}

/// Whether a slot is counted as held by an unread response.
#[derive(Default)]
pub(super) struct UnreadMark(bool);

/// What the requests that hold slots do.
// Outside of the lock, because every poll of such a request counts.
#[derive(Default)]
pub(super) struct Activity {
    /// The number of polls and of freed slots so far. It wraps around.
    progress: AtomicUsize,
    /// Number of slots that are held by a response whose body no task waits for.
    unread: AtomicUsize,
}

impl Activity {
    /// Counts progress: a poll of an attempt or of a body, or a slot that became free.
    pub(super) fn record(&self) {
        self.progress.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a slot as held by an unread response, or no longer. `mark` belongs to the slot.
    pub(super) fn set_unread(&self, mark: &mut UnreadMark, is_unread: bool) {
        if mark.0 == is_unread {
            return;
        }
        mark.0 = is_unread;
        match is_unread {
            true => self.unread.fetch_add(1, Ordering::Relaxed),
            false => self.unread.fetch_sub(1, Ordering::Relaxed),
        };
    }
}

/// What the timekeeper has seen of the activity.
#[derive(Default)]
pub(super) struct StallWatch {
    /// Number of waiting requests that fail if the client stalls.
    concerned: usize,
    /// The progress at the last look; `None` before the first.
    seen: Option<usize>,
    /// Since when the progress is the same.
    since: Nanos,
    /// When to look again.
    look_at: Nanos,
    /// Whether the requests that hold slots were woken since the last progress.
    is_probed: bool,
    /// How many slots were held at the last stall, how many of them by unread responses, and how long it had lasted.
    held: usize,
    unread: usize,
    lasted: Nanos,
}

/// Wakes a waiting request, and says what the queue keeps to find a stall.
///
/// The queue of the npm package keeps nothing: its module then has no code and no fields for stalls.
pub(super) trait RequestWaker {
    /// What the queue keeps.
    type Watch: Default;
    /// What the queue keeps for each request.
    type Detection: Default;
    /// Whether a request that runs has a timer of its own.
    type TimerMark: Default;

    /// Counts a request that no longer waits.
    fn leave(watch: &mut Self::Watch, detection: &mut Self::Detection);
}

impl RequestWaker for Waker {
    type Watch = StallWatch;
    type Detection = StallDetection;
    type TimerMark = bool;

    fn leave(watch: &mut StallWatch, detection: &mut StallDetection) {
        watch.concerned -= usize::from(std::mem::take(detection).0);
    }
}

impl StallWatch {
    /// Makes the error of a request that failed because of the last stall.
    pub(super) fn error(&self) -> Error {
        let Self { held, unread, .. } = self;
        // The text of the phase and of the limit follows.
        let message = format!(
            "{held} slots are held, {unread} of them by responses whose bodies are not read (read or drop the bodies, \
             raise `max_active`, or set `queue_timeout`): no request made progress"
        );
        let lasted = Duration::from_nanos(self.lasted.unsigned_abs());
        Error::timed_out(Phase::Queue, Timeout::Queue, LIMIT, lasted).with_message(message)
    }
}

impl QueueState {
    /// Sets whether a waiting request fails if the client stalls.
    pub(super) fn detect_stall(&mut self, ticket: Ticket, detection: StallDetection) {
        if let Some(entry) = self.requests.get_mut(ticket) {
            entry.detection = detection;
            self.stall.concerned += usize::from(detection.0);
        }
    }

    /// Returns whether the timekeeper looks for a stall. A request that waits in a paused client waits for `resume`.
    pub(super) fn watches_for_stall(&self) -> bool {
        self.stall.concerned > 0 && !self.paused
    }

    /// Returns whether a request looks for a stall when it is polled: the timekeeper, whose timer polls it, and any other
    /// waiting request that a stall concerns.
    pub(super) fn may_look_for_stall(&self, ticket: Ticket) -> bool {
        // The timekeeper looks for a stall, and not for the time of a start.
        let is_looking = self.timekeeper != NONE && self.next_start == NO_START;
        let is_concerned = || self.requests.get(ticket).is_some_and(|entry| entry.detection.0);
        is_looking && (self.timekeeper == ticket || is_concerned())
    }

    /// Looks for progress, on behalf of all waiting requests. If the client has stalled, rejects the requests that have
    /// waited for the whole limit. Returns when to look again.
    pub(super) fn look_for_stall(&mut self, activity: &Activity, now: Nanos, wakes: &mut WakeList) -> Nanos {
        let progress = activity.progress.load(Ordering::Relaxed);
        let unread = activity.unread.load(Ordering::Relaxed);
        let stall = &mut self.stall;
        if stall.seen != Some(progress) {
            stall.seen = Some(progress);
            stall.since = now;
            stall.is_probed = false;
            // A look that is due soon is kept: setting another timer at each poll would cost an allocation.
            if stall.look_at <= now {
                stall.look_at = now + PERIOD;
            }
        }
        if now < stall.look_at {
            return stall.look_at;
        }
        let stalls_at = stall.since + LIMIT_NANOS;
        if !stall.is_probed {
            let probe_at = stalls_at - PERIOD;
            if now < probe_at {
                stall.look_at = probe_at.min(now + PERIOD);
                return stall.look_at;
            }
            stall.is_probed = true;
            // If this look is late, the woken requests still have the whole period. Responses that no task waits for
            // need no time: no task would be woken.
            stall.look_at = if unread >= self.active { stalls_at } else { stalls_at.max(now + PERIOD) };
            self.wake_active(wakes);
            if now < self.stall.look_at {
                return self.stall.look_at;
            }
        }
        self.stall.held = self.active;
        self.stall.unread = unread;
        self.stall.lasted = now - self.stall.since;
        // If no request is left, the next request that waits begins to look again.
        let next = self.reject_stalled(now, wakes).unwrap_or(now);
        self.stall.look_at = next.max(now + PERIOD);
        self.stall.look_at
    }

    /// Wakes all requests that hold slots, and keeps their wakers.
    fn wake_active(&mut self, wakes: &mut WakeList) {
        for entry in self.requests.iter_mut() {
            if let RequestState::Active(Some(waker)) = &entry.state {
                wakes.push(waker.clone());
            }
        }
    }

    /// Rejects the requests that have waited for the whole limit. Returns when the limit of the next request ends, if
    /// there is another request.
    fn reject_stalled(&mut self, now: Nanos, wakes: &mut WakeList) -> Option<Nanos> {
        let mut next: Option<Nanos> = None;
        for ticket in self.requests.tickets() {
            let Some(entry) = self.requests.get_mut(ticket) else { continue };
            if !entry.detection.0 {
                continue;
            }
            let ends_at = entry.arrived + LIMIT_NANOS;
            if ends_at > now {
                next = Some(next.map_or(ends_at, |next| next.min(ends_at)));
                continue;
            }
            Waker::leave(&mut self.stall, &mut entry.detection);
            let (origin, position) = (entry.origin, entry.position);
            let waiting = std::mem::replace(&mut entry.state, RequestState::Rejected(Rejection::Stalled));
            if let RequestState::Waiting(waker) = waiting {
                wakes.push(waker);
            }
            self.waiting_count -= 1;
            self.schedule.take(origin, position, &mut self.requests);
            self.schedule.reschedule(origin, now);
            if self.timekeeper == ticket {
                self.timekeeper = NONE;
            }
        }
        self.choose_timekeeper(None, wakes);
        next
    }
}
