//! Rates: how many requests may start in a time, by a token bucket that needs no task to fill it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{self, Instant};

/// How many requests may start in a time: `requests` per `per`, and at most `burst` at once.
///
/// It is a token bucket: a start takes a token, `per / requests` brings the next, and no more than `burst` are kept. A
/// request that has its slot waits for no token again, so the hops of a redirect cost none.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{Client, Rate};
///
/// // One every 100 ms, and no two at once.
/// let rate = Rate::new(10, Duration::from_secs(1)).burst(1);
/// let client = Client::builder().rate_limit(rate).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: u32,
    /// Nanoseconds.
    per: u64,
    pub(super) burst: u32,
}

impl Rate {
    /// `requests` per `per`, all of them at once if nothing has started for so long.
    pub const fn new(requests: u32, per: Duration) -> Self {
        Self { requests, per: runtime::nanos(per), burst: requests }
    }

    /// Sets how many may start at once after a pause. Default: `requests`.
    pub const fn burst(self, requests: u32) -> Self {
        Self { burst: requests, ..self }
    }

    /// The time that brings a token, in nanoseconds.
    pub(super) fn interval(self) -> Nanos {
        Nanos::try_from(self.per / u64::from(self.requests.max(1))).unwrap_or(Nanos::MAX)
    }

    /// Refuses what lets nothing start, or does not limit; `name` is the setting's.
    pub(super) fn check(self, name: &str) -> Result<()> {
        let wrong = match self {
            Self { requests: 0, .. } => "0 requests: nothing could ever start",
            Self { burst: 0, .. } => "a burst of 0: nothing could ever start",
            _ if self.interval() == 0 => "more than a request each nanosecond: it limits nothing",
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

/// Nanoseconds since a clock's origin; 292 years of them.
pub(super) type Nanos = i64;

/// A duration in nanoseconds; the longest if it is longer.
pub(super) fn nanos(duration: Duration) -> Nanos {
    Nanos::try_from(runtime::nanos(duration)).unwrap_or(Nanos::MAX)
}

/// The point on the clock that is `nanos` after its origin.
pub(super) fn instant(nanos: Nanos) -> Instant {
    Instant::from_nanos(u64::try_from(nanos).unwrap_or(0))
}

/// A bucket of tokens, as the two points in time that say how full it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    interval: Nanos,
    /// The time that fills it from empty, but for one token.
    depth: Nanos,
    /// When it is full.
    full_at: Nanos,
}

impl Bucket {
    pub(super) fn new(rate: Rate) -> Self {
        let interval = rate.interval();
        let depth = interval.saturating_mul(i64::from(rate.burst) - 1);
        Self { interval, depth, full_at: 0 }
    }

    /// When there is a token.
    pub(super) fn free_at(&self) -> Nanos {
        self.full_at.saturating_sub(self.depth)
    }

    pub(super) fn is_full(&self, now: Nanos) -> bool {
        self.full_at <= now
    }

    pub(super) fn take(&mut self, now: Nanos) {
        self.full_at = self.full_at.max(now).saturating_add(self.interval);
    }

    /// Gives a token back that was not used.
    pub(super) fn give_back(&mut self) {
        self.full_at = self.full_at.saturating_sub(self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_each_interval() {
        let mut bucket = Bucket::new(Rate::new(2, Duration::from_nanos(100)).burst(3));
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
        // A long pause gives no more than the burst.
        for _ in 0..3 {
            assert!(bucket.free_at() <= 9000);
            bucket.take(9000);
        }
        assert!(bucket.free_at() == 9050 && !bucket.is_full(9149) && bucket.is_full(9150));
    }
}
