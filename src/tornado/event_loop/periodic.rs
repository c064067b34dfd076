//! Calls at regular intervals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::AbortHandle;

use crate::platform;
use crate::runtime::{Instant, Timer};

/// The shortest period.
const SHORTEST: Duration = Duration::from_millis(1);

/// A handle of calls at regular intervals: [`EventLoop::call_every`](super::EventLoop::call_every).
#[derive(Clone, Debug)]
pub struct Periodic(AbortHandle);

impl Periodic {
    pub(super) fn new(handle: AbortHandle) -> Self {
        Self(handle)
    }

    /// Ends the calls; one that is being awaited is dropped at its next wait. Stopping again does nothing.
    pub fn stop(&self) {
        self.0.abort();
    }

    /// Whether the calls were stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.is_aborted()
    }
}

/// Calls `callback` every `period`, for ever.
pub(super) async fn run<F: Future<Output = ()>>(
    timer: Arc<dyn Timer>,
    period: Duration,
    jitter: f64,
    mut callback: impl FnMut() -> F,
) {
    let mut last = timer.now();
    loop {
        last = following(last, timer.now(), varied(period.max(SHORTEST), jitter, platform::random()));
        timer.sleep_until(last).await;
        callback().await;
    }
}

/// The time after `last`: a period later, or as many periods as it takes to be in the future.
fn following(last: Instant, now: Instant, period: Duration) -> Instant {
    if last > now {
        return last + period;
    }
    let behind = now.since(last).as_nanos() % period.as_nanos().max(1);
    now + period.saturating_sub(Duration::from_nanos(u64::try_from(behind).unwrap_or(u64::MAX)))
}

/// The period, longer or shorter by up to half of `jitter`.
fn varied(period: Duration, jitter: f64, random: u64) -> Duration {
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    if jitter == 0.0 {
        return period;
    }
    let random = random as f64 / u64::MAX as f64;
    period.saturating_add(period.mul_f64(jitter / 2.0)).saturating_sub(period.mul_f64(jitter * random))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(milliseconds: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(milliseconds))
    }

    #[test]
    fn calls_that_took_too_long_are_left_out_and_the_beat_is_kept() {
        let period = Duration::from_millis(10);
        // When each call ends, and when the next is due.
        for (last, now, next) in
            [(0, 0, 10), (10, 10, 20), (10, 19, 20), (10, 20, 30), (20, 48, 50), (30, 10_005, 10_010)]
        {
            assert_eq!(following(at(last), at(now), period), at(next), "{last} {now}");
        }
        // A timer that goes off early does not call twice.
        assert_eq!(following(at(20), at(19), period), at(30));
    }

    #[test]
    fn jitter_varies_a_period_by_its_part_and_no_more() {
        let period = Duration::from_secs(10);
        for (jitter, random, expected) in [
            (0.0, 12345, 10_000),
            (f64::NAN, 12345, 10_000),
            (-3.0, 12345, 10_000),
            (0.1, 0, 10_500),
            (0.1, u64::MAX, 9_500),
            (0.1, u64::MAX / 2, 10_000),
            (7.0, 0, 15_000),
            (7.0, u64::MAX, 5_000),
        ] {
            assert_eq!(varied(period, jitter, random).as_millis(), expected, "{jitter} {random}");
        }
        assert_eq!(varied(Duration::MAX, 0.0, 0), Duration::MAX);
    }
}
