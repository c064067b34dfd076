//! The settings of a queue: its limits, and how priority and waiting time are weighed.

use std::time::Duration;

use super::rate::{Nanos, Rate, nanos};
use crate::error::{Error, ErrorKind, Result};

/// Default number of requests that run at once. Tornado's `max_clients` has the same default.
const DEFAULT_MAX_ACTIVE: usize = 10;

/// Default waiting time that is worth a step of priority.
const DEFAULT_AGEING: Duration = Duration::from_secs(10);

/// Maximum waiting time that is worth a step of priority, in nanoseconds: 39 hours.
// A rank is a time of some centuries and 32768 such steps; with this maximum it fits into 64 bits.
const MAX_AGEING: Nanos = 1 << 47;

/// The settings of a queue.
#[derive(Clone, Debug)]
pub(crate) struct QueueSettings {
    pub(crate) max_active: usize,
    pub(crate) max_active_per_origin: Option<usize>,
    pub(crate) max_queued: Option<usize>,
    /// The message of the error for a request that finds the queue full.
    // The setter of `max_queued` writes it: a program that does not call the setter does not link the code that prints
    // numbers.
    pub(crate) full_message: Option<String>,
    /// The waiting time that is worth a step of priority.
    pub(crate) ageing: Duration,
    pub(crate) rate: Option<Rate>,
    pub(crate) origin_rate: Option<Rate>,
    /// Whether requests are counted by origin even if origins have no limits.
    pub(crate) origin_stats: bool,
}

impl Default for QueueSettings {
    fn default() -> Self {
        Self {
            max_active: DEFAULT_MAX_ACTIVE,
            max_active_per_origin: None,
            max_queued: None,
            full_message: None,
            ageing: DEFAULT_AGEING,
            rate: None,
            origin_rate: None,
            origin_stats: false,
        }
    }
}

impl QueueSettings {
    /// Returns an error if no request could run with these settings.
    pub(crate) fn check(&self) -> Result<()> {
        let limits = [("max_active", Some(self.max_active)), ("max_active_per_origin", self.max_active_per_origin)];
        if let Some((name, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
            let message = format!("`{name}` is 0, so no request could run; the minimum is 1");
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        let rates = [("rate_limit", self.rate), ("rate_limit_per_origin", self.origin_rate)];
        rates.iter().try_for_each(|(name, rate)| rate.map_or(Ok(()), |rate| rate.check(name)))
    }

    /// Returns whether each origin has a queue of its own.
    pub(super) fn by_origin(&self) -> bool {
        self.origin_stats || self.max_active_per_origin.is_some() || self.origin_rate.is_some()
    }

    /// Returns whether the time decides if a request may start.
    pub(super) fn has_rate(&self) -> bool {
        self.rate.is_some() || self.origin_rate.is_some()
    }

    /// Returns the rank of a request that arrived at `arrived`: the request with the smallest rank starts first.
    pub(super) fn rank(&self, arrived: Nanos, priority: i16) -> i64 {
        // A step of priority counts as if the request had arrived earlier by a fixed time. All waiting requests age at the
        // same pace, so the order of two never changes: ageing is a fixed key in a heap and needs no clock. And no request
        // waits for ever, because later requests have ever larger ranks.
        match nanos(self.ageing).min(MAX_AGEING) {
            0 => -i64::from(priority),
            step => arrived.saturating_sub(i64::from(priority) * step),
        }
    }
}
