//! Rate limits: a token bucket that computes its level from the time, so that no task has to fill it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{self, Instant};

/// A rate limit: at most `requests` requests start in each period `per`, and at most `burst` at once.
///
/// It is a token bucket. Each start takes a token, a new token arrives every `per / requests`, and at most `burst` tokens
/// are kept. A request takes its token with its slot, so following a redirect takes none. Another attempt takes a
/// token of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{Client, Rate};
///
/// // One request every 100 ms, and never two at once.
/// let rate = Rate::new(10, Duration::from_secs(1)).burst(1);
/// let client = Client::builder().rate_limit(rate).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    /// The period in nanoseconds.
    per: u64,
    pub(super) burst: u32,
}

impl Rate {
    /// Creates a limit of `requests` per `per`. After an idle period of `per`, all of them may start at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Rate;
    ///
    /// let rate = Rate::new(100, Duration::from_secs(60));
    /// assert_eq!(rate, rate.burst(100));
    /// ```
    pub const fn new(requests: u32, per: Duration) -> Self {
        Self { requests, per: runtime::nanos(per), burst: requests }
    }

    /// Sets the number of requests that may start at once after an idle period. Default: `requests`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::{Client, Rate};
    ///
    /// let per_origin = Rate::new(10, Duration::from_secs(1)).burst(2);
    /// let client = Client::builder().rate_limit_per_origin(per_origin).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub const fn burst(self, requests: u32) -> Self {
        Self { burst: requests, ..self }
    }

    /// Returns the time between two tokens.
    pub(super) fn interval(self) -> Nanos {
        // Settings are not checked in `Client::new`, so the rate may have zero requests.
        Nanos::try_from(self.per / u64::from(self.requests.max(1))).unwrap_or(Nanos::MAX)
    }

    /// Returns an error if the limit lets no request start, or limits nothing. `name` is the name of the option.
    pub(super) fn check(self, name: &str) -> Result<()> {
        let wrong = match self {
            Self { requests: 0, .. } => "with 0 requests, no request can start",
            Self { burst: 0, .. } => "with a burst of 0, no request can start",
            _ if self.interval() == 0 => "more than a request per nanosecond limits nothing",
            _ => return Ok(()),
        };
        let message = format!(
            "`{name}` is {} per {:?}, burst {}: {wrong}",
            self.requests,
            Duration::from_nanos(self.per),
            self.burst
        );
        Err(Error::request(ErrorKind::InvalidRequest, message))
    }
}

/// A time in nanoseconds since the zero of the clock, or a duration. It reaches 292 years.
// Signed, because a rank subtracts priorities from a time and may be negative.
pub(super) type Nanos = i64;

/// Converts a duration. If it is too long, the result is the maximum.
pub(super) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(runtime::nanos(duration)).unwrap_or(Nanos::MAX)
}

/// Converts a time. If it is before the zero of the clock, the result is that zero.
pub(super) fn instant(nanos: Nanos) -> Instant {
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// A token bucket. Its level is not stored but follows from the time at which the bucket is full.
#[derive(Clone, Copy, Debug)]
pub(super) struct TokenBucket {
    /// The time between two tokens.
    interval: Nanos,
    /// The time in which the bucket fills from a single token.
    depth: Nanos,
    /// When the bucket is full.
    full_at: Nanos,
}

impl TokenBucket {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = rate.interval();
        // The cast saturates. A product of integers that saturates is 87 bytes of the npm package's download.
        let depth = (interval as f64 * (f64::from(rate.burst) - 1.0)) as Nanos;
        Self { interval, depth, full_at: 0 }
    }

    /// Returns when the bucket holds a token.
    pub(super) fn free_at(&self) -> Nanos {
        self.full_at.saturating_sub(self.depth)
    }

    pub(super) fn is_full(&self, now: Nanos) -> bool {
        self.full_at <= now
    }

    /// Takes a token.
    pub(super) fn take(&mut self, now: Nanos) {
        // A full bucket does not fill further, so a token taken from it counts from now.
        self.full_at = self.full_at.max(now).saturating_add(self.interval);
    }

    /// Returns a token that was not used.
    pub(super) fn give_back(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burst_is_followed_by_a_token_per_interval() {
        let mut bucket = TokenBucket::new(Rate::new(2, Duration::from_nanos(100)).burst(3));
        let now = 1000;
        for _ in 0..3 {
            assert!(bucket.free_at() <= now);
            bucket.take(now);
        }
        assert_eq!(bucket.free_at(), 1050);
        bucket.take(1050);
        assert_eq!(bucket.free_at(), 1100);
        bucket.give_back();
        assert_eq!(bucket.free_at(), 1050);
        // However long the idle period, the bucket holds at most the burst.
        for _ in 0..3 {
            assert!(bucket.free_at() <= 9000);
            bucket.take(9000);
        }
        assert!(bucket.free_at() == 9050 && !bucket.is_full(9149) && bucket.is_full(9150));
    }
}
