//! Limits the retries of a client with a bucket of tokens.

use std::time::Duration;

use crate::runtime::Instant;

/// The number of parts in a token.
// A millionth, so that a token each second is a part each microsecond and time needs no fractions.
const TOKEN: u64 = 1_000_000;

/// Limits the attempts beyond the first that a client makes in all, however many of its requests fail.
///
/// Each request adds a part of a token to a bucket, and time adds tokens too. Each further attempt takes a token out.
/// When the bucket is empty, a failed attempt is returned at once. A server that has broken down thus gets little more
/// than its usual load; three attempts for each request would treble it.
///
/// # Examples
///
/// ```
/// use waterspout::{Client, Retry, RetryBudget};
///
/// let budget = RetryBudget::new().percent(10).per_second(2);
/// let client = Client::builder().retry(Retry::new()).retry_budget(budget).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a budget does nothing until it is given to a client"]
pub struct RetryBudget {
    percent: u32,
    per_second: u32,
    capacity: u32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

impl RetryBudget {
    /// Allows a further attempt for each five requests, another each second, and 100 at once.
    pub const fn new() -> Self {
        Self { percent: 20, per_second: 1, capacity: 100 }
    }

    /// Allows as many further attempts as the retry policies want.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, Retry, RetryBudget};
    ///
    /// let client = Client::builder().retry(Retry::new()).retry_budget(RetryBudget::unlimited()).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub const fn unlimited() -> Self {
        Self { percent: 0, per_second: 0, capacity: u32::MAX }
    }

    /// Sets how many further attempts a hundred requests pay for. Default: 20.
    pub const fn percent(mut self, attempts: u32) -> Self {
        self.percent = attempts;
        self
    }

    /// Sets how many further attempts each second pays for, with or without requests. Default: 1.
    pub const fn per_second(mut self, attempts: u32) -> Self {
        self.per_second = attempts;
        self
    }

    /// Sets how many further attempts can be saved up; a new client starts with this number. Default: 100. Zero means
    /// that no request is ever tried again.
    pub const fn capacity(mut self, attempts: u32) -> Self {
        self.capacity = attempts;
        self
    }
}

/// The tokens of a client.
#[derive(Debug)]
pub(crate) struct RetryBucket {
    budget: RetryBudget,
    /// The content, in parts of a token.
    parts: u64,
    /// When time last added tokens.
    filled: Instant,
}

impl RetryBucket {
    /// Makes a full bucket.
    pub(crate) fn new(budget: RetryBudget, now: Instant) -> Self {
        Self { budget, parts: u64::from(budget.capacity) * TOKEN, filled: now }
    }

    /// Adds the part of a token that a new request pays.
    pub(crate) fn deposit(&mut self) {
        self.add(u64::from(self.budget.percent) * (TOKEN / 100));
    }

    /// Takes a token for a further attempt and returns whether there was a token.
    pub(crate) fn withdraw(&mut self, now: Instant) -> bool {
        // The capacity of `RetryBudget::unlimited`: every attempt is paid for, and nothing is counted.
        if self.budget.capacity == u32::MAX {
            return true;
        }
        let micros = u64::try_from(now.since(self.filled).as_micros()).unwrap_or(u64::MAX);
        const { assert!(TOKEN == Duration::from_secs(1).as_micros() as u64, "a token a second is a part a microsecond") };
        self.filled = now;
        self.add(micros.saturating_mul(u64::from(self.budget.per_second)));
        let paid = self.parts.checked_sub(TOKEN);
        self.parts = paid.unwrap_or(self.parts);
        paid.is_some()
    }

    fn add(&mut self, parts: u64) {
        self.parts = self.parts.saturating_add(parts).min(u64::from(self.budget.capacity) * TOKEN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(milliseconds))
    }

    fn drain(bucket: &mut RetryBucket, now: Instant) -> usize {
        std::iter::from_fn(|| bucket.withdraw(now).then_some(())).count()
    }

    #[test]
    fn five_requests_pay_for_a_further_attempt() {
        let mut bucket = RetryBucket::new(RetryBudget::new().per_second(0).capacity(10), at(0));
        assert_eq!(drain(&mut bucket, at(0)), 10);
        (0..14).for_each(|_| bucket.deposit());
        assert_eq!(drain(&mut bucket, at(99_000)), 2);
        bucket.deposit();
        assert_eq!(drain(&mut bucket, at(99_000)), 1);
    }

    #[test]
    fn time_adds_tokens_up_to_the_capacity() {
        let mut bucket = RetryBucket::new(RetryBudget::new().per_second(2).capacity(5), at(0));
        assert_eq!(drain(&mut bucket, at(0)), 5);
        assert_eq!(drain(&mut bucket, at(499)), 0);
        assert_eq!(drain(&mut bucket, at(500)), 1);
        assert_eq!(drain(&mut bucket, at(3_600_000)), 5);
        (0..1000).for_each(|_| bucket.deposit());
        assert_eq!(drain(&mut bucket, at(3_600_000)), 5);
    }

    #[test]
    fn budget_may_be_zero_or_unlimited() {
        assert_eq!(drain(&mut RetryBucket::new(RetryBudget::new().capacity(0), at(0)), at(1_000_000)), 0);
        let mut unlimited = RetryBucket::new(RetryBudget::unlimited(), at(0));
        assert!((0..10_000).all(|_| unlimited.withdraw(at(0))));
    }
}
