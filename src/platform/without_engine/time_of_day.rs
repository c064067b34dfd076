//! The time of day by the operating system.

use std::time::{Duration, SystemTime};

/// Returns the time since the beginning of 1970, by the system's clock; zero if that clock is earlier.
pub(crate) fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
