//! Calls at regular intervals.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::AbortHandle;

use crate::platform;
use crate::runtime::{Instant, Timer};

/// The shortest period. A shorter period is lengthened to it.
const MIN_PERIOD: Duration = Duration::from_millis(1);

/// A handle of calls at regular intervals, returned by [`EventLoop::call_every`](super::EventLoop::call_every).
/// Dropping it does not stop the calls.
#[derive(Clone, Debug)]
pub struct Periodic(AbortHandle);

impl Periodic {
    pub(super) fn new(handle: AbortHandle) -> Self {
        Self(handle)
    }

    /// Stops the calls. The future of a call that is in progress is dropped when it next waits. Stopping again does
    /// nothing.
    pub fn stop(&self) {
        self.0.abort();
    }

    /// Returns whether the calls were stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.is_aborted()
    }
}

/// Calls `callback` every `period`, without end.
pub(super) async fn run<F: Future<Output = ()>>(
    timer: Arc<dyn Timer>,
    period: Duration,
    jitter: f64,
    mut callback: impl FnMut() -> F,
) {
    let mut due = timer.now();
    loop {
        due = next_call(due, timer.now(), with_jitter(period.max(MIN_PERIOD), jitter, platform::random()));
        timer.sleep_until(due).await;
        callback().await;
    }
}

/// Returns the time of the next call: a period after `last`, or as many periods as it takes to be later than `now`.
fn next_call(last: Instant, now: Instant, period: Duration) -> Instant {
    // A timer may fire early. The next call then keeps its distance to the planned time.
    if last > now {
        return last + period;
    }
    let behind = now.since(last).as_nanos() % period.as_nanos().max(1);
    now + period.saturating_sub(Duration::from_nanos(u64::try_from(behind).unwrap_or(u64::MAX)))
}

/// Returns the period, longer or shorter by up to half of `jitter`. `random` is spread over the whole range of `u64`.
fn with_jitter(period: Duration, jitter: f64, random: u64) -> Duration {
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
    fn missed_calls_are_left_out_and_the_beat_is_kept() {
        let period = Duration::from_millis(10);
        // When the last call was due, when it ended, and when the next call is due.
        for (last, now, next) in
            [(0, 0, 10), (10, 10, 20), (10, 19, 20), (10, 20, 30), (20, 48, 50), (30, 10_005, 10_010)]
        {
            assert_eq!(next_call(at(last), at(now), period), at(next), "{last} {now}");
        }
        // A timer that fires early does not cause a second call for the same time.
        assert_eq!(next_call(at(20), at(19), period), at(30));
    }

    #[test]
    fn jitter_varies_a_period_by_half_of_its_part_each_way() {
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
            assert_eq!(with_jitter(period, jitter, random).as_millis(), expected, "{jitter} {random}");
        }
        assert_eq!(with_jitter(Duration::MAX, 0.0, 0), Duration::MAX);
    }
}
