//! Computes the wait before another attempt: the time the server asks for, or a random time that grows.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::message::response::Response;

/// From this number on, a reset is a point in time, in seconds since 1970; as a delay it would be 31 years.
const EPOCH: u64 = 1_000_000_000;

/// The names in use for the header that says when a quota is full again.
const RESETS: [HeaderName; 2] =
    [HeaderName::from_static("ratelimit-reset"), HeaderName::from_static("x-ratelimit-reset")];

/// Returns a random time up to `base`, which doubles with each attempt after the first, and up to `max`.
///
/// `random` is any number; the result is the same part of the maximum as `random` is of 2⁶⁴.
pub(super) fn backoff(base: Duration, max: Duration, attempt: u32, random: u64) -> Duration {
    let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = base.saturating_mul(doubled).min(max).as_nanos().min(u128::from(u64::MAX));
    // The upper half of the product of two 64-bit numbers: no division and no rounding to zero.
    let delay = (longest * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(delay).unwrap_or(u64::MAX))
}

/// Returns how long the server asks the client to wait.
pub(super) fn asked_by_server(response: &Response) -> Option<Duration> {
    let headers = response.headers();
    retry_after(headers).or_else(|| {
        // Servers send the header with every response: only with a 429 does it say when to come back.
        if response.status() != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        RESETS.iter().find_map(|name| reset(headers, name))
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, &RETRY_AFTER)?;
    match seconds(value) {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => from_now(headers, httpdate::parse_http_date(value).ok()?),
    }
}

fn reset(headers: &HeaderMap, name: &HeaderName) -> Option<Duration> {
    match seconds(text(headers, name)?)? {
        delay if delay < EPOCH => Some(Duration::from_secs(delay)),
        point => from_now(headers, SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(point))?),
    }
}

/// Returns the time from the response's own `Date` to `point`, or zero if `point` has passed.
///
/// The client's clock is monotonic and knows no dates, so the server's date is the only reference.
fn from_now(headers: &HeaderMap, point: SystemTime) -> Option<Duration> {
    let now = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    Some(point.duration_since(now).unwrap_or_default())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Parses a text of digits alone; a number that does not fit into 64 bits becomes the largest number.
fn seconds(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::message::url::Url;

    const NOW: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let mut response = Response::new(StatusCode::from_u16(status).unwrap(), Url::parse("http://a/").unwrap(), "");
        for (name, value) in headers {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        asked_by_server(&response)
    }

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn backoff_doubles_up_to_the_maximum() {
        let (base, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let longest = |attempt| backoff(base, max, attempt, u64::MAX).as_micros().div_ceil(1000);
        assert_eq!([1, 2, 3, 4, 5, 40, u32::MAX].map(longest), [100, 200, 400, 800, 1000, 1000, 1000]);
        assert_eq!(backoff(base, max, 1, u64::MAX / 2).as_micros().div_ceil(1000), 50);
        assert_eq!(backoff(base, max, 3, 0), Duration::ZERO);
        assert!(backoff(Duration::MAX, Duration::MAX, 9, u64::MAX) > Duration::from_secs(1 << 30));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(answer(503, &[("retry-after", "0")]), secs(0));
        assert_eq!(answer(503, &[("retry-after", " 120 ")]), secs(120));
        assert_eq!(answer(503, &[("retry-after", "99999999999999999999999")]), secs(u64::MAX));
        let later = ("retry-after", "Sun, 06 Nov 1994 08:50:00 GMT");
        assert_eq!(answer(503, &[later, ("date", NOW)]), secs(23));
        assert_eq!(answer(503, &[("retry-after", NOW), ("date", later.1)]), secs(0));
        assert_eq!(answer(503, &[later]), None);
        for bad in ["", "soon", "-1", "1.5", "+3", "1 2"] {
            assert_eq!(answer(503, &[("retry-after", bad), ("date", NOW)]), None, "{bad}");
        }
    }

    #[test]
    fn quota_reset_is_a_delay_or_a_point_in_time() {
        // This date is 999,999,960 seconds after 1970, 40 seconds before the smallest number that is a point in time.
        let date = ("date", "Sun, 09 Sep 2001 01:46:00 GMT");
        assert_eq!(answer(429, &[("ratelimit-reset", "7")]), secs(7));
        assert_eq!(answer(429, &[("x-ratelimit-reset", "1000000000"), date]), secs(40));
        assert_eq!(answer(429, &[("x-ratelimit-reset", "1000000000")]), None);
        assert_eq!(answer(429, &[("x-ratelimit-reset", "18446744073709551615"), date]), None);
        assert_eq!(answer(429, &[("retry-after", "2"), ("ratelimit-reset", "7")]), secs(2));
        // With a 503 the header says nothing about the outage.
        assert_eq!(answer(503, &[("ratelimit-reset", "7")]), None);
    }
}
