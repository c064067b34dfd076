//! How long requests waited for their slots: a histogram with fixed buckets.

use std::time::Duration;

use super::rate::Nanos;

/// Number of buckets: no wait, then 21 powers of two from 1 ms to 2²⁰ ms (17 minutes), then all longer waits.
const BUCKETS: usize = 23;

const MILLISECOND: u64 = 1_000_000;

/// How long the requests that got a slot waited for it; see [`Stats::waits`](crate::Stats::waits).
///
/// It is a histogram of 23 fixed buckets: no wait at all, then up to 1 ms, 2 ms, 4 ms and so on to 2²⁰ ms, which is 17
/// minutes, then all longer waits. A request that leaves the queue without a slot is not counted. A request that waits
/// for another slot after a failed attempt is counted again.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::Client;
/// use waterspout::testing::MockBackend;
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// client.get("http://example.com/").await?;
/// let waits = client.stats().waits;
/// // The only request got its slot at once.
/// assert_eq!((waits.count(), waits.longest()), (1, Duration::ZERO));
/// assert_eq!(waits.quantile(0.99), Duration::ZERO);
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitTimes {
    buckets: [u64; BUCKETS],
    /// The sum of all waits, in nanoseconds.
    total: u64,
    /// The longest wait, in nanoseconds.
    longest: u64,
}

impl WaitTimes {
    /// Counts a request that did not wait.
    pub(super) fn record_none(&mut self) {
        if let Some(first) = self.buckets.first_mut() {
            *first += 1;
        }
    }

    /// Counts a request that waited for `waited`.
    pub(super) fn record(&mut self, waited: Nanos) {
        let nanos = u64::try_from(waited).unwrap_or(0);
        let bucket = match nanos.div_ceil(MILLISECOND) {
            0 => 0,
            // The exponent of the smallest power of two that is not below the wait.
            milliseconds => 1 + (u64::BITS - (milliseconds - 1).leading_zeros()) as usize,
        };
        if let Some(count) = self.buckets.get_mut(bucket.min(BUCKETS - 1)) {
            *count += 1;
        }
        self.total = self.total.saturating_add(nanos);
        self.longest = self.longest.max(nanos);
    }

    /// Returns the number of requests that got a slot so far.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the longest wait.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// Returns the sum of all waits.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.total)
    }

    /// Returns the number of waits in the bucket with this index, from 0; zero beyond the last bucket.
    pub fn bucket(&self, index: usize) -> u64 {
        self.buckets.get(index).copied().unwrap_or(0)
    }

    /// Returns the mean of all waits; zero if there was none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.total / self.count().max(1))
    }

    /// Returns a time that this part of all waits did not exceed: 0.5 for the median, 0.99 for 99 % of all waits.
    ///
    /// The result is the upper bound of a bucket, so it is up to twice the exact quantile, and never above the longest wait.
    /// A `part` below 0 counts as 0, and above 1 as 1.
    ///
    /// # Examples
    ///
    /// ```
    /// # let client = waterspout::Client::builder().backend(waterspout::testing::MockBackend::text("")).build()?;
    /// let waits = client.stats().waits;
    /// println!("median {:?}, 99 % below {:?}", waits.quantile(0.5), waits.quantile(0.99));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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

    /// Returns each bucket's inclusive upper bound and its number of waits. The bound of the last is [`Duration::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// # let client = waterspout::Client::builder().backend(waterspout::testing::MockBackend::text("")).build()?;
    /// for (bound, count) in client.stats().waits.buckets().filter(|(_, count)| *count > 0) {
    ///     println!("{count} requests waited up to {bound:?}");
    /// }
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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
    fn wait_is_counted_in_its_bucket() {
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
        // The bound of the bucket is 4 ms, but the longest wait is 3 ms.
        assert_eq!((waits.quantile(0.51), waits.quantile(2.0)), (waits.longest(), Duration::from_millis(3)));
    }
}
