//! One request's time limits: which wait it is in, since when, and what happens first.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::error::{Error, Limit, Phase, Result};
use crate::future::BoxFuture;
use crate::progress::Progress;
use crate::runtime::{Instant, Timer};

/// Watches a request through its phases with one timer, which is set only when a wait really waits.
///
/// Progress moves a deadline without touching the timer: it goes off at the old time, sees that the new one is
/// later, and is set again. A download thus costs a timer every idle limit, not one for every chunk.
pub(crate) struct Deadline {
    timer: Arc<dyn Timer>,
    started: Instant,
    total: Option<Duration>,
    phase: Phase,
    /// The limit of the present phase, and since when it counts.
    limit: Option<Limit>,
    since: Instant,
    /// What the backend asked for on top of the limit.
    allowance: Duration,
    alarm: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Deadline {
    /// Starts the total limit.
    pub(crate) fn start(timer: &Arc<dyn Timer>, total: Option<Duration>) -> Self {
        let now = timer.now();
        Self {
            timer: timer.clone(),
            started: now,
            total: total.filter(|total| !total.is_zero()),
            phase: Phase::Queue,
            limit: None,
            since: now,
            allowance: Duration::ZERO,
            alarm: None,
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.timer.now().since(self.started)
    }

    /// Enters a phase; a limit of zero is none.
    pub(crate) fn enter(&mut self, phase: Phase, name: &'static str, duration: Option<Duration>) {
        self.phase = phase;
        self.limit = duration.filter(|duration| !duration.is_zero()).map(|duration| Limit { name, duration });
        self.allowance = Duration::ZERO;
        self.touch();
    }

    /// The present phase has made progress: its limit counts from now.
    pub(crate) fn touch(&mut self) {
        if self.limit.is_some() {
            self.since = self.timer.now();
        }
    }

    /// Runs `future` within the present phase's limit and the total one.
    pub(crate) async fn bound<F: Future>(&mut self, progress: Option<&Progress>, future: F) -> Result<F::Output> {
        let mut future = pin!(future);
        let mut seen = 0;
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            if let Some(progress) = progress {
                self.follow(progress, &mut seen);
            }
            self.poll_expired(cx).map(Err)
        })
        .await
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

    /// The error, if the total limit has passed; costs a look at the clock.
    pub(crate) fn overdue(&self) -> Option<Error> {
        let duration = self.total?;
        let elapsed = self.timer.now().since(self.started);
        let limit = Limit { name: "total", duration };
        (elapsed >= duration).then(|| Error::timeout(self.phase, limit, elapsed))
    }

    /// Ready with the error once a limit has passed.
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            let Some((deadline, limit, since)) = self.next() else { return Poll::Pending };
            let (at, alarm) = match self.alarm.take() {
                Some((at, alarm)) if at <= deadline => self.alarm.insert((at, alarm)),
                _ => self.alarm.insert((deadline, self.timer.sleep_until(deadline))),
            };
            ready!(alarm.as_mut().poll(cx));
            let went_off_for = *at;
            self.alarm = None;
            if went_off_for >= deadline {
                return Poll::Ready(Error::timeout(self.phase, limit, self.timer.now().since(since)));
            }
        }
    }

    /// The limit that passes first, when it does, and since when it counts.
    fn next(&self) -> Option<(Instant, Limit, Instant)> {
        let own = self.limit.filter(|_| self.phase != Phase::Connect);
        let own = own.map(|limit| (self.since + limit.duration + self.allowance, limit, self.since));
        let total = self.total.map(|total| {
            let limit = Limit { name: "total", duration: total };
            (self.started + total, limit, self.started)
        });
        match (own, total) {
            (Some(own), Some(total)) => Some(if own.0 < total.0 { own } else { total }),
            (own, total) => own.or(total),
        }
    }
}
