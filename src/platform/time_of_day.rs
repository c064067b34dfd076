//! The time of day by the operating system.

use std::time::{Duration, SystemTime};

/// The time since the beginning of 1970, as far as the system's clock is right.
pub(crate) fn unix_time() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default()
}
