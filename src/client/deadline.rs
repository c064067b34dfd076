//! The time limits of a request: which of them counts, since when, and which passes first.

use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::queue::Slot;
use crate::error::{Error, Phase, Timeout};
use crate::message::progress::Progress;
use crate::platform::{ClientClock, ClientSleep};
use crate::runtime::sleep::Sleep;
use crate::runtime::{Instant, Timer, nanos};

/// A timeout that is set.
#[derive(Clone, Copy)]
struct Limit {
    timeout: Timeout,
    /// In nanoseconds, never zero.
    length: u64,
}

impl Limit {
    /// Makes a limit of this length; zero means no limit.
    fn new(timeout: Timeout, length: Option<Duration>) -> Option<Self> {
        let length = length.map_or(0, nanos);
        (length > 0).then_some(Self { timeout, length })
    }

    /// Returns when the limit passes if it counts from `since`, with `more` nanoseconds on top.
    fn expiry(self, since: Instant, more: u64) -> Expiry {
        Expiry { limit: self, since, at: since.later(self.length).later(more) }
    }
}

/// A limit that counts, and when it passes.
#[derive(Clone, Copy)]
struct Expiry {
    limit: Limit,
    since: Instant,
    at: Instant,
}

/// Watches a request through its phases with a single sleep, which is set only when the request has to wait.
///
/// Progress moves a deadline and leaves the sleep as it is. The sleep ends at the old time, and is then set for the new
/// time. So a download sets the sleep once per idle limit and not once per chunk.
pub(super) struct Deadline {
    /// When the request was made.
    started: Instant,
    /// Which limit of the whole request passes first: `total`, or `request` once that limit counts.
    whole: Option<Expiry>,
    /// The limit `request`, until the request leaves the queue for the first time.
    request: Option<Limit>,
    /// The limit of the present attempt.
    attempt: Option<Limit>,
    /// When the present attempt started.
    attempt_started: Instant,
    phase: Phase,
    /// The limit of the present phase.
    limit: Option<Limit>,
    /// Since when the phase's limit counts: its start, or its last progress.
    since: Instant,
    /// What the backend adds to the phase's limit, in nanoseconds.
    allowance: u64,
    /// The attempt's [activity](Progress::activity) when its progress was last read.
    activity_seen: u64,
    /// Whether the phase was entered in the present poll, at the time `since`.
    is_new: bool,
    sleep: ClientSleep,
}

impl Deadline {
    /// Starts the limit `total`, which counts from `called_at`. The limit `request` starts when the request
    /// [leaves the queue](Self::leave_queue).
    pub(super) fn start(
        clock: &ClientClock,
        called_at: Instant,
        request: Option<Duration>,
        total: Option<Duration>,
    ) -> Self {
        Self {
            started: called_at,
            whole: Limit::new(Timeout::Total, total).map(|limit| limit.expiry(called_at, 0)),
            request: Limit::new(Timeout::Request, request),
            attempt: None,
            attempt_started: called_at,
            phase: Phase::Queue,
            limit: None,
            since: called_at,
            allowance: 0,
            activity_seen: 0,
            is_new: false,
            sleep: ClientSleep::new(clock),
        }
    }

    /// Returns the clock of the limits.
    pub(super) fn clock(&self) -> &ClientClock {
        self.sleep.clock()
    }

    /// Starts the limit of the request at its first slot. A later slot, before a retry, changes nothing.
    pub(super) fn leave_queue(&mut self, now: Instant) {
        let Some(limit) = self.request.take() else { return };
        let expiry = limit.expiry(now, 0);
        // If both pass at the same time, the error names the total limit, which is the wider.
        if self.whole.is_none_or(|total| expiry.at < total.at) {
            self.whole = Some(expiry);
        }
    }

    /// Returns when the request was made.
    pub(super) fn called_at(&self) -> Instant {
        self.started
    }

    /// Returns the time since the start.
    pub(super) fn age(&self) -> Duration {
        Duration::from_nanos(self.elapsed(self.started))
    }

    /// Starts an attempt. `limit` covers all of it up to the response's head; zero means no limit.
    pub(super) fn start_attempt(&mut self, limit: Option<Duration>, now: Instant) {
        self.attempt = Limit::new(Timeout::Attempt, limit);
        self.attempt_started = now;
        self.activity_seen = 0;
    }

    /// Enters the phase of an attempt, whose limit counts from `now`: the present time.
    pub(super) fn enter_attempt(&mut self, limit: Option<Duration>, now: Instant) {
        self.enter(Phase::Head, Timeout::Head, limit, now);
        self.is_new = true;
    }

    /// Lets the first poll of the attempt read the clock, because it may run code of the program for long.
    pub(super) fn read_clock_in_first_poll(&mut self) {
        self.is_new = false;
    }

    /// Enters a phase with a limit of its own, which counts from `since`; zero means no limit. The attempt's limit ends
    /// with the head.
    pub(super) fn enter(&mut self, phase: Phase, timeout: Timeout, limit: Option<Duration>, since: Instant) {
        self.phase = phase;
        self.limit = Limit::new(timeout, limit);
        self.since = since;
        self.is_new = false;
        self.allowance = 0;
        if phase != Phase::Head {
            self.attempt = None;
        }
    }

    /// Starts the phase's limit again, since the phase has made progress.
    pub(super) fn touch(&mut self) {
        // Without a limit the clock is not read: in a browser each look is a call into JavaScript.
        if self.limit.is_some() {
            self.since = self.clock().now();
        }
    }

    /// Waits for `delay`, before another attempt. No limit ends the wait: it is not begun if a limit would.
    pub(super) async fn sleep(&mut self, delay: Duration) {
        // For the error of a limit that passes meanwhile, because the task is polled late.
        self.phase = Phase::Queue;
        self.sleep.reset(Some(self.clock().now() + delay));
        poll_fn(|cx| self.sleep.poll(cx)).await;
    }

    /// Keeps the sleep set, and wakes no task until the next poll.
    pub(super) fn pause(&mut self) {
        self.sleep.pause();
    }

    /// Takes an attempt's progress into account.
    ///
    /// Each piece that left and each informational response starts the phase's limit again. The limit does not count
    /// while the backend connects, since connecting has a limit of its own.
    pub(super) fn follow(&mut self, progress: &Progress) {
        self.allowance = nanos(progress.allowance());
        let was_connecting = self.phase == Phase::Connect;
        self.phase = if progress.is_connecting() { Phase::Connect } else { Phase::Head };
        // The limit counts silence and not time: a slow upload is not a failure while its pieces leave. Pieces
        // that leave in the first poll of an attempt count as sent at its start, so that the clock is not read.
        let activity = progress.activity();
        let has_moved = std::mem::replace(&mut self.activity_seen, activity) != activity && !self.is_new;
        // The first look after connecting starts the limit, too.
        if was_connecting || has_moved {
            self.touch();
        }
    }

    fn elapsed(&self, start: Instant) -> u64 {
        self.clock().now().nanos_since(start)
    }

    /// Returns the time since the present attempt started.
    pub(super) fn attempt_age(&self) -> Duration {
        Duration::from_nanos(self.elapsed(self.attempt_started))
    }

    /// Returns how much time the limits of the whole request leave, if there are such limits.
    pub(super) fn left(&self) -> Option<Duration> {
        let expiry = self.whole?;
        Some(Duration::from_nanos(expiry.at.nanos_since(self.clock().now())))
    }

    /// Returns the error of the limit of the whole request, if that limit has passed. It reads the clock.
    pub(super) fn overdue(&self) -> Option<Error> {
        // Without a limit the clock is not read.
        self.whole?;
        self.overdue_at(self.clock().now())
    }

    /// Returns the error of the limit of the whole request, if that limit has passed at `now`.
    pub(super) fn overdue_at(&self, now: Instant) -> Option<Error> {
        let expiry = self.whole?;
        (now >= expiry.at).then(|| self.past(expiry.limit, expiry.since))
    }

    /// As [`poll_expired`](Self::poll_expired), for a request that holds `slot` and has given it the task's waker.
    pub(super) fn poll_expired_in(&mut self, cx: &mut Context<'_>, slot: &mut Slot) -> Poll<Error> {
        if self.sleep.may_be_covered() {
            let is_covered = !slot.has_timer()
                && match self.next() {
                    Some(expiry) => self.sleep.is_covered(expiry.at),
                    // A request without a limit is not woken for nothing. A limit may follow once it has connected.
                    None => self.phase == Phase::Connect,
                };
            if is_covered {
                self.is_new = false;
                return Poll::Pending;
            }
            slot.set_has_timer();
        }
        self.poll_expired(cx)
    }

    /// Returns `Ready` with the limit's error once a limit has passed.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let is_new = std::mem::take(&mut self.is_new);
        loop {
            let Some(expiry) = self.next() else {
                self.sleep.reset(None);
                return Poll::Pending;
            };
            // A sleep that ends sooner is kept: to wake once too early costs less than to set it for each piece.
            let kept = self.sleep.at().filter(|at| *at <= expiry.at);
            let at = kept.unwrap_or(expiry.at);
            if kept.is_none() {
                self.sleep.reset(Some(at));
            }
            ready!(if is_new && kept.is_none() { self.sleep.poll_new(cx) } else { self.sleep.poll(cx) });
            if at >= expiry.at {
                return Poll::Ready(self.past(expiry.limit, expiry.since));
            }
        }
    }

    /// Makes the error of a limit that has passed and counted from `since`.
    fn past(&self, limit: Limit, since: Instant) -> Error {
        let elapsed = Duration::from_nanos(self.elapsed(since));
        Error::timed_out(self.phase, limit.timeout, Duration::from_nanos(limit.length), elapsed)
    }

    /// Returns the limit that passes first.
    fn next(&self) -> Option<Expiry> {
        let mut first = match self.limit {
            Some(limit) if self.phase != Phase::Connect => Some(limit.expiry(self.since, self.allowance)),
            _ => None,
        };
        let attempt = self.attempt.map(|limit| limit.expiry(self.attempt_started, 0));
        // From the narrowest limit to the widest. If several pass at the same time, the error names the widest: it says
        // most about whether another attempt may help.
        for expiry in [attempt, self.whole].into_iter().flatten() {
            if first.is_none_or(|first| expiry.at <= first.at) {
                first = Some(expiry);
            }
        }
        first
    }
}
