//! What a client's queue is told: its limits, and what a step of priority is worth.

use std::borrow::Cow;
use std::time::Duration;

use super::rate::{Nanos, Rate, nanos};
use crate::error::{Error, ErrorKind, Result};

/// How many requests run at once, unless set otherwise: Tornado's `max_clients`.
const DEFAULT_MAX_ACTIVE: usize = 10;

/// The time that a step of priority is worth, unless set otherwise.
const DEFAULT_AGEING: Duration = Duration::from_secs(10);

/// The longest such time, 39 hours: a rank, some centuries and 32768 steps, fits into 64 bits.
const LONGEST_AGEING: Nanos = 1 << 47;

/// The settings of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) max_active: usize,
    pub(crate) max_active_per_origin: Option<usize>,
    pub(crate) max_queued: Option<usize>,
    /// What a request is told that finds so many waiting; made where numbers can be printed.
    pub(crate) full: Cow<'static, str>,
    pub(crate) ageing: Duration,
    pub(crate) rate: Option<Rate>,
    pub(crate) origin_rate: Option<Rate>,
    pub(crate) origin_stats: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_active: DEFAULT_MAX_ACTIVE,
            max_active_per_origin: None,
            max_queued: None,
            full: Cow::Borrowed("the queue is full"),
            ageing: DEFAULT_AGEING,
            rate: None,
            origin_rate: None,
            origin_stats: false,
        }
    }
}

impl Settings {
    /// Refuses settings with which nothing could ever run.
    pub(crate) fn check(&self) -> Result<()> {
        let limits = [("max_active", Some(self.max_active)), ("max_active_per_origin", self.max_active_per_origin)];
        if let Some((name, _)) = limits.iter().find(|(_, limit)| *limit == Some(0)) {
            let message = format!("`{name}` is 0: no request could ever run; the least is 1");
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        let rates = [("rate_limit", self.rate), ("rate_limit_per_origin", self.origin_rate)];
        rates.iter().try_for_each(|(name, rate)| rate.map_or(Ok(()), |rate| rate.check(name)))
    }

    /// Whether requests are told apart by origin.
    pub(super) fn by_origin(&self) -> bool {
        self.origin_stats || self.max_active_per_origin.is_some() || self.origin_rate.is_some()
    }

    /// Whether a start depends on the time.
    pub(super) fn is_timed(&self) -> bool {
        self.rate.is_some() || self.origin_rate.is_some()
    }

    /// The rank of a request that came at `arrived`: the smallest starts first.
    ///
    /// A step of priority is worth a time, as if the request had come so much earlier. All that wait grow older at the same
    /// pace, so the order between two never changes, and nobody is overtaken for ever.
    pub(super) fn rank(&self, arrived: Nanos, priority: i16) -> i64 {
        match nanos(self.ageing).min(LONGEST_AGEING) {
            0 => -i64::from(priority),
            step => arrived.saturating_sub(i64::from(priority) * step),
        }
    }
}
