//! One request's time limits: which wait it is in, since when, and what happens first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::error::{Error, Phase, Timeout};
use crate::message::progress::Progress;
use crate::runtime::sleep::Sleep;
use crate::runtime::{Instant, Timer, nanos};

/// A limit that is set; nanoseconds, never zero.
#[derive(Clone, Copy)]
struct Bound {
    timeout: Timeout,
    length: u64,
}

/// A limit, and since when it counts.
type Since = (Bound, Instant);

/// A limit has passed: which one, in which phase, and after what time.
#[derive(Clone, Copy)]
pub(crate) struct Overdue {
    pub(crate) phase: Phase,
    pub(crate) timeout: Timeout,
    length: u64,
    elapsed: u64,
}

impl From<Overdue> for Error {
    fn from(overdue: Overdue) -> Self {
        let limit = Duration::from_nanos(overdue.length);
        Self::timed_out(overdue.phase, overdue.timeout, limit, Duration::from_nanos(overdue.elapsed))
    }
}

/// Watches a request through its phases with one sleep, which is set only when the request has to wait.
///
/// Progress moves a deadline and leaves the sleep as it is. The sleep ends at the old time, and is then set for the new
/// one. So a download sets the sleep once per idle limit and not once per chunk.
pub(crate) struct Deadline<S: Sleep> {
    clock: S::Clock,
    started: Instant,
    total: Option<Bound>,
    /// The limit of the present attempt, and when that began.
    attempt: Option<Bound>,
    begun: Instant,
    phase: Phase,
    /// The limit of the present phase.
    limit: Option<Bound>,
    since: Instant,
    /// What the backend asked for on top of the limit.
    allowance: u64,
    /// How many bytes had left when the attempt was looked at last.
    seen: u64,
    sleep: S,
}

/// That limit; zero is none.
fn bound(timeout: Timeout, duration: Option<Duration>) -> Option<Bound> {
    let length = duration.map_or(0, nanos);
    (length > 0).then_some(Bound { timeout, length })
}

impl<S: Sleep> Deadline<S> {
    /// Starts the total limit.
    pub(crate) fn start(clock: &S::Clock, total: Option<Duration>) -> Self {
        let now = clock.now();
        Self {
            clock: clock.clone(),
            started: now,
            total: bound(Timeout::Total, total),
            attempt: None,
            begun: now,
            phase: Phase::Queue,
            limit: None,
            since: now,
            allowance: 0,
            seen: 0,
            sleep: S::new(clock),
        }
    }

    /// The time since the start.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_nanos(self.elapsed(self.started))
    }

    /// Starts an attempt, with a limit on all of it up to the head; zero is none.
    pub(crate) fn attempt(&mut self, limit: Option<Duration>) {
        self.attempt = bound(Timeout::Attempt, limit);
        self.begun = self.clock.now();
        self.seen = 0;
    }

    /// Enters a phase; a limit of zero is none. The attempt's limit ends with the head.
    pub(crate) fn enter(&mut self, phase: Phase, timeout: Timeout, duration: Option<Duration>) {
        self.phase = phase;
        self.limit = bound(timeout, duration);
        self.allowance = 0;
        self.attempt.take_if(|_| phase != Phase::Head);
        self.touch();
    }

    /// The present phase has made progress: its limit counts from now.
    pub(crate) fn touch(&mut self) {
        if self.limit.is_some() {
            self.since = self.clock.now();
        }
    }

    /// Runs `future` within the present phase's limit and the total one; `look` is called whenever it waits.
    pub(crate) async fn bound<F: Future>(
        &mut self,
        mut look: impl FnMut(&mut Self),
        future: F,
    ) -> Result<F::Output, Overdue> {
        let mut future = pin!(future);
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            look(self);
            self.poll_expired(cx).map(Err)
        })
        .await;
        self.rest();
        outcome
    }

    /// Waits that long; no limit counts.
    pub(crate) async fn sleep(&mut self, delay: Duration) {
        self.sleep.reset(Some(self.clock.now() + delay));
        poll_fn(|cx| self.sleep.poll(cx)).await;
    }

    /// Keeps the sleep set, and wakes no task until the next poll.
    pub(crate) fn rest(&mut self) {
        self.sleep.stand_by();
    }

    /// Takes into account what the backend tells: a piece that left starts the phase's limit again, and while it
    /// connects that limit does not count.
    pub(crate) fn follow(&mut self, progress: &Progress) {
        self.allowance = nanos(progress.allowance());
        let connecting = progress.is_connecting();
        let was_connecting = self.phase == Phase::Connect;
        if connecting || was_connecting || progress.bytes() != self.seen {
            self.seen = progress.bytes();
            self.phase = if connecting { Phase::Connect } else { Phase::Head };
            self.touch();
        }
    }

    fn elapsed(&self, start: Instant) -> u64 {
        self.clock.now().nanos_since(start)
    }

    /// The time since the present attempt began.
    pub(crate) fn attempted(&self) -> Duration {
        Duration::from_nanos(self.elapsed(self.begun))
    }

    /// How much of the total limit is left, if there is one.
    pub(crate) fn left(&self) -> Option<Duration> {
        let limit = self.total?;
        Some(Duration::from_nanos(limit.length.saturating_sub(self.elapsed(self.started))))
    }

    /// What to tell if the total limit has passed; costs a look at the clock.
    pub(crate) fn overdue(&self) -> Option<Overdue> {
        let overdue = self.past((self.total?, self.started));
        (overdue.elapsed >= overdue.length).then_some(overdue)
    }

    /// Ready with what to tell once a limit has passed.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Overdue> {
        loop {
            let Some((deadline, limit)) = self.next() else {
                self.sleep.reset(None);
                return Poll::Pending;
            };
            // A sleep that ends sooner is kept: to wake once too early costs less than to set it for each piece.
            let at = match self.sleep.at() {
                Some(at) if at <= deadline => at,
                _ => {
                    self.sleep.reset(Some(deadline));
                    deadline
                }
            };
            ready!(self.sleep.poll(cx));
            if at >= deadline {
                return Poll::Ready(self.past(limit));
            }
        }
    }

    fn past(&self, (Bound { timeout, length }, since): Since) -> Overdue {
        Overdue { phase: self.phase, timeout, length, elapsed: self.elapsed(since) }
    }

    /// When which limit passes first; of several at once, the widest.
    fn next(&self) -> Option<(Instant, Since)> {
        let own = self.limit.filter(|_| self.phase != Phase::Connect);
        let mut first: Option<(Instant, Since)> = None;
        for (limit, since, more) in
            [(own, self.since, self.allowance), (self.attempt, self.begun, 0), (self.total, self.started, 0)]
        {
            let Some(limit) = limit else { continue };
            let at = since.later(limit.length).later(more);
            if first.is_none_or(|(soonest, _)| at <= soonest) {
                first = Some((at, (limit, since)));
            }
        }
        first
    }
}
