//! The time of day, by the engine.

use std::time::Duration;

use js_sys::Date;

/// Returns the time since the beginning of 1970, by the system's clock; zero if that clock is earlier.
pub(crate) fn unix_time() -> Duration {
    Duration::try_from_secs_f64(Date::now() / 1000.0).unwrap_or_default()
}
