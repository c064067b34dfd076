//! How many attempts beyond the first a client makes: a bucket of tokens.

use std::time::Duration;

use crate::runtime::Instant;

/// Parts of a token.
const TOKEN: u64 = 1_000_000;

/// How many attempts beyond the first a client makes in all, however many of its requests fail.
///
/// Each request puts a part of a token into a bucket, time adds some, each further attempt takes one out; when it is
/// empty, what fails is returned at once. A server that has broken down thus meets little more than the usual load,
/// where three attempts each would treble it.
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
    /// One further attempt for five requests, one each second besides, and 100 at once.
    pub const fn new() -> Self {
        Self { percent: 20, per_second: 1, capacity: 100 }
    }

    /// As many as the policies want.
    pub const fn unlimited() -> Self {
        Self { percent: 0, per_second: 0, capacity: u32::MAX }
    }

    /// Sets how many further attempts a hundred requests pay for. Default: 20.
    pub const fn percent(mut self, attempts: u32) -> Self {
        self.percent = attempts;
        self
    }

    /// Sets how many further attempts each second pays for, whether there are requests or not. Default: 1.
    pub const fn per_second(mut self, attempts: u32) -> Self {
        self.per_second = attempts;
        self
    }

    /// Sets how many further attempts can be saved up; a new client has as many. Default: 100. Zero means none ever.
    pub const fn capacity(mut self, attempts: u32) -> Self {
        self.capacity = attempts;
        self
    }
}

/// A client's bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    budget: RetryBudget,
    parts: u64,
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(budget: RetryBudget, now: Instant) -> Self {
        Self { budget, parts: u64::from(budget.capacity) * TOKEN, filled: now }
    }

    /// A request begins.
    pub(crate) fn deposit(&mut self) {
        self.add(u64::from(self.budget.percent) * (TOKEN / 100));
    }

    /// Pays for a further attempt, if there is enough.
    pub(crate) fn withdraw(&mut self, now: Instant) -> bool {
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

    fn drain(bucket: &mut Bucket, now: Instant) -> usize {
        std::iter::from_fn(|| bucket.withdraw(now).then_some(())).count()
    }

    #[test]
    fn five_requests_pay_for_one_more_attempt() {
        let mut bucket = Bucket::new(RetryBudget::new().per_second(0).capacity(10), at(0));
        assert_eq!(drain(&mut bucket, at(0)), 10);
        (0..14).for_each(|_| bucket.deposit());
        assert_eq!(drain(&mut bucket, at(99_000)), 2);
        bucket.deposit();
        assert_eq!(drain(&mut bucket, at(99_000)), 1);
    }

    #[test]
    fn time_pays_as_well_and_nothing_is_saved_beyond_the_capacity() {
        let mut bucket = Bucket::new(RetryBudget::new().per_second(2).capacity(5), at(0));
        assert_eq!(drain(&mut bucket, at(0)), 5);
        assert_eq!(drain(&mut bucket, at(499)), 0);
        assert_eq!(drain(&mut bucket, at(500)), 1);
        assert_eq!(drain(&mut bucket, at(3_600_000)), 5);
        (0..1000).for_each(|_| bucket.deposit());
        assert_eq!(drain(&mut bucket, at(3_600_000)), 5);
    }

    #[test]
    fn a_budget_may_be_none_at_all_or_without_end() {
        assert_eq!(drain(&mut Bucket::new(RetryBudget::new().capacity(0), at(0)), at(1_000_000)), 0);
        let mut endless = Bucket::new(RetryBudget::unlimited(), at(0));
        assert!((0..10_000).all(|_| endless.withdraw(at(0))));
    }
}
