//! Parsers that the fuzz targets in `fuzz/` could otherwise not observe. Only `cargo fuzz` sets the cfg of this module.

/// Reads the date of a cookie. Returns the seconds since the beginning of 1970, 0 for an earlier date, or `None` if the
/// text is not a date.
// A jar shows only whether a date is within its limit of 400 days.
pub fn cookie_date(text: &str) -> Option<u64> {
    crate::cookies::date::parse(text)
}
