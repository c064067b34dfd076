//! How long requests waited for their slots: a histogram with fixed buckets.

use std::time::Duration;

use super::rate::Nanos;

/// One for those that did not wait, then powers of two from a millisecond to 17 minutes, then the rest.
const BUCKETS: usize = 23;

const MILLISECOND: u64 = 1_000_000;

/// How long the requests that got a slot had waited for it; see [`Stats::waits`](crate::Stats::waits).
///
/// It counts in fixed buckets: no wait at all, then up to 1 ms, 2 ms, 4 ms and so on to 2²⁰ ms, which is 17 minutes, then
/// the rest. A request that leaves the queue without a slot is not counted; one that comes back after a failed attempt is
/// counted again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitTimes {
    buckets: [u64; BUCKETS],
    /// Nanoseconds.
    total: u64,
    longest: u64,
}

impl WaitTimes {
    pub(super) fn record_none(&mut self) {
        if let Some(first) = self.buckets.first_mut() {
            *first += 1;
        }
    }

    pub(super) fn record(&mut self, waited: Nanos) {
        let nanos = u64::try_from(waited).unwrap_or(0);
        let bucket = match nanos.div_ceil(MILLISECOND) {
            0 => 0,
            // The exponent of the smallest power of two that is no less.
            milliseconds => 1 + (u64::BITS - (milliseconds - 1).leading_zeros()) as usize,
        };
        if let Some(count) = self.buckets.get_mut(bucket.min(BUCKETS - 1)) {
            *count += 1;
        }
        self.total = self.total.saturating_add(nanos);
        self.longest = self.longest.max(nanos);
    }

    /// How many requests got a slot so far.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// The longest wait.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// The sum of all waits.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.total)
    }

    /// How many waits are in the bucket of this number; zero beyond the last.
    pub fn bucket(&self, index: usize) -> u64 {
        self.buckets.get(index).copied().unwrap_or(0)
    }

    /// The mean of all waits; zero if there was none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.total / self.count().max(1))
    }

    /// A time that this part of all waits did not exceed: 0.5 for the median, 0.99 for all but one in a hundred.
    ///
    /// It is the upper bound of a bucket, so up to twice the true one, and never more than the longest wait. What is below 0
    /// counts as 0, what is above 1 as 1.
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = (self.count() as f64 * part.clamp(0.0, 1.0)).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bound, count) in self.buckets() {
            seen += count;
            if seen >= rank {
                return bound.min(self.longest());
            }
        }
        self.longest()
    }

    /// Each bucket's upper bound, inclusive, and how many waits are in it; the bound of the last is [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.buckets.iter().enumerate().map(|(index, count)| {
            let bound = match index {
                0 => Duration::ZERO,
                _ if index == BUCKETS - 1 => Duration::MAX,
                _ => Duration::from_millis(1 << (index - 1)),
            };
            (bound, *count)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_counted_within_its_bounds() {
        let ms = MILLISECOND as Nanos;
        for (waited, bound) in
            [(0, 0), (1, 1), (ms, 1), (ms + 1, 2), (2 * ms, 2), (3 * ms, 4), (1 << 20, 2), (900 * ms, 1024)]
        {
            let mut waits = WaitTimes::default();
            waits.record(waited);
            let found = waits.buckets().find(|(_, count)| *count > 0).unwrap().0;
            assert_eq!(found, Duration::from_millis(bound), "{waited}");
        }
        let mut waits = WaitTimes::default();
        waits.record((1 << 20) * ms);
        waits.record((1 << 20) * ms + 1);
        assert_eq!(waits.buckets().skip(21).map(|bucket| bucket.1).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn quantiles_are_upper_bounds() {
        let mut waits = WaitTimes::default();
        assert_eq!((waits.quantile(0.5), waits.mean()), (Duration::ZERO, Duration::ZERO));
        (0..50).for_each(|_| waits.record_none());
        (0..50).for_each(|_| waits.record(3 * MILLISECOND as Nanos));
        assert_eq!((waits.count(), waits.mean()), (100, Duration::from_micros(1500)));
        assert_eq!(waits.quantile(0.5), Duration::ZERO);
        // The bucket's bound would be 4 ms, but nobody waited so long.
        assert_eq!((waits.quantile(0.51), waits.quantile(2.0)), (waits.longest(), Duration::from_millis(3)));
    }
}
