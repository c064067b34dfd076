//! One request's time limits: which wait it is in, since when, and what happens first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::clock::{Clock, Wait};
use crate::error::{Error, Limit, Phase, Result};
use crate::progress::Progress;
use crate::runtime::Instant;

/// A limit, and since when it counts.
type Since = (Limit, Instant);

/// Watches a request through its phases with one alarm, which is set only when a wait really waits.
///
/// Progress moves a deadline without touching the alarm: it goes off at the old time, sees that the new one is
/// later, and is set again. A download thus costs an alarm every idle limit, not one for every chunk.
pub(crate) struct Deadline<C: Clock> {
    clock: C,
    started: Instant,
    total: Option<Since>,
    /// The limit of the present attempt, and when that began.
    attempt: Option<Limit>,
    begun: Instant,
    phase: Phase,
    /// The limit of the present phase.
    limit: Option<Limit>,
    since: Instant,
    /// What the backend asked for on top of the limit.
    allowance: Duration,
    alarm: Option<C::Wait>,
}

/// A limit of that name; zero is none.
fn named(name: &'static str, duration: Option<Duration>) -> Option<Limit> {
    duration.filter(|duration| !duration.is_zero()).map(|duration| Limit { name, duration })
}

impl<C: Clock> Deadline<C> {
    /// Starts the total limit.
    pub(crate) fn start(clock: &C, total: Option<Duration>) -> Self {
        let now = clock.now();
        Self {
            clock: clock.clone(),
            started: now,
            total: named("total", total).map(|limit| (limit, now)),
            attempt: None,
            begun: now,
            phase: Phase::Queue,
            limit: None,
            since: now,
            allowance: Duration::ZERO,
            alarm: None,
        }
    }

    /// The time since the start.
    pub(crate) fn age(&self) -> Duration {
        self.elapsed(self.started)
    }

    /// Starts an attempt, with a limit on all of it up to the head; zero is none.
    pub(crate) fn attempt(&mut self, limit: Option<Duration>) {
        self.attempt = named("attempt", limit);
        self.begun = self.clock.now();
    }

    /// Enters a phase; a limit of zero is none. The attempt's limit ends with the head.
    pub(crate) fn enter(&mut self, phase: Phase, name: &'static str, duration: Option<Duration>) {
        self.phase = phase;
        self.limit = named(name, duration);
        self.allowance = Duration::ZERO;
        self.attempt.take_if(|_| phase != Phase::Head);
        self.touch();
    }

    /// The present phase has made progress: its limit counts from now.
    pub(crate) fn touch(&mut self) {
        if self.limit.is_some() {
            self.since = self.clock.now();
        }
    }

    /// Runs `future` within the present phase's limit and the total one.
    pub(crate) async fn bound<F: Future>(&mut self, progress: Option<&Progress>, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        let mut seen = 0;
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if let Some(progress) = progress {
                self.follow(progress, &mut seen);
            }
            self.poll_expired(cx).map(Err)
        })
        .await;
        self.rest();
        outcome
    }

    /// Waits that long; no limit counts.
    pub(crate) async fn sleep(&mut self, delay: Duration) {
        self.alarm = None;
        let mut alarm = self.clock.until(self.clock.now() + delay);
        poll_fn(|cx| alarm.poll(cx)).await;
    }

    /// Nobody waits at present: the alarm stays as it is.
    pub(crate) fn rest(&mut self) {
        self.alarm.iter_mut().for_each(Wait::rest);
    }

    /// Takes into account what the backend tells: a piece that left starts the phase's limit again, and while it
    /// connects that limit does not count.
    fn follow(&mut self, progress: &Progress, seen: &mut u64) {
        self.allowance = progress.allowance();
        let connecting = progress.is_connecting();
        let was_connecting = self.phase == Phase::Connect;
        if connecting || was_connecting || progress.bytes() != *seen {
            *seen = progress.bytes();
            self.phase = if connecting { Phase::Connect } else { Phase::Head };
            self.touch();
        }
    }

    fn elapsed(&self, start: Instant) -> Duration {
        self.clock.now().since(start)
    }

    /// The time since the present attempt began.
    pub(crate) fn attempted(&self) -> Duration {
        self.elapsed(self.begun)
    }

    /// How much of the total limit is left, if there is one.
    pub(crate) fn left(&self) -> Option<Duration> {
        let (limit, since) = self.total?;
        Some(limit.duration.saturating_sub(self.elapsed(since)))
    }

    /// The error, if the total limit has passed; costs a look at the clock.
    pub(crate) fn overdue(&self) -> Option<Error> {
        let (limit, since) = self.total?;
        let elapsed = self.elapsed(since);
        (elapsed >= limit.duration).then(|| Error::timeout(self.phase, limit, elapsed))
    }

    /// Ready with the error once a limit has passed.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let Some((deadline, (limit, since))) = self.next() else {
                self.alarm = None;
                return Poll::Pending;
            };
            let alarm = match self.alarm.take() {
                Some(alarm) if alarm.at() <= deadline => self.alarm.insert(alarm),
                _ => self.alarm.insert(self.clock.until(deadline)),
            };
            ready!(alarm.poll(cx));
            let went_off_for = alarm.at();
            self.alarm = None;
            if went_off_for >= deadline {
                return Poll::Ready(Error::timeout(self.phase, limit, self.elapsed(since)));
            }
        }
    }

    /// When which limit passes first; of several at once, the widest.
    fn next(&self) -> Option<(Instant, Since)> {
        let own = self.limit.filter(|_| self.phase != Phase::Connect).map(|limit| (limit, self.since));
        let attempt = self.attempt.map(|limit| (limit, self.begun));
        let mut first: Option<(Instant, Since)> = None;
        for (limit, more) in [(own, self.allowance), (attempt, Duration::ZERO), (self.total, Duration::ZERO)] {
            let Some((limit, since)) = limit else { continue };
            let at = since + limit.duration + more;
            if first.is_none_or(|(soonest, _)| at <= soonest) {
                first = Some((at, (limit, since)));
            }
        }
        first
    }
}
