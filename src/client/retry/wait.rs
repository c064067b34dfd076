//! How long to wait: what the server asks for, else a random time that grows.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::message::response::Response;

/// From this number on, a reset is a point in time: seconds since 1970, where a delay would be of 31 years.
const EPOCH: u64 = 1_000_000_000;

/// When a quota is full again, by the names in use.
const RESETS: [HeaderName; 2] =
    [HeaderName::from_static("ratelimit-reset"), HeaderName::from_static("x-ratelimit-reset")];

/// Any time up to `base`, doubled with each attempt after the first, and up to `most`.
pub(super) fn backoff(base: Duration, most: Duration, attempt: u32, random: u64) -> Duration {
    let doubled = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    let longest = base.saturating_mul(doubled).min(most).as_nanos().min(u128::from(u64::MAX));
    // A product of two numbers of 64 bits, of which the upper half is the part of `longest`.
    let part = (longest * u128::from(random)) >> 64;
    Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
}

/// How long the server asks to wait, if it does.
pub(super) fn asked(response: &Response) -> Option<Duration> {
    let headers = response.headers();
    retry_after(headers).or_else(|| {
        let limited = response.status() == StatusCode::TOO_MANY_REQUESTS;
        RESETS.iter().filter(|_| limited).find_map(|name| reset(headers, name))
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

/// The time from the response's own date to `point`; none if that has passed.
fn from_now(headers: &HeaderMap, point: SystemTime) -> Option<Duration> {
    let now = httpdate::parse_http_date(text(headers, &DATE)?).ok()?;
    Some(point.duration_since(now).unwrap_or_default())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Digits and nothing else; more than fit are as many as there can be.
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
        asked(&response)
    }

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn the_wait_is_any_part_of_a_time_that_doubles_up_to_the_cap() {
        let (base, most) = (Duration::from_millis(100), Duration::from_secs(1));
        let longest = |attempt| backoff(base, most, attempt, u64::MAX).as_micros().div_ceil(1000);
        assert_eq!([1, 2, 3, 4, 5, 40, u32::MAX].map(longest), [100, 200, 400, 800, 1000, 1000, 1000]);
        assert_eq!(backoff(base, most, 1, u64::MAX / 2).as_micros().div_ceil(1000), 50);
        assert_eq!(backoff(base, most, 3, 0), Duration::ZERO);
        assert!(backoff(Duration::MAX, Duration::MAX, 9, u64::MAX) > Duration::from_secs(1 << 30));
    }

    #[test]
    fn the_server_says_how_long_in_seconds_or_by_its_own_clock() {
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
    fn a_quota_says_when_it_is_full_again_as_a_delay_or_a_point_in_time() {
        // The date is 784111777 seconds after 1970, before any number that is taken for a point in time.
        let date = ("date", "Sun, 09 Sep 2001 01:46:00 GMT");
        assert_eq!(answer(429, &[("ratelimit-reset", "7")]), secs(7));
        assert_eq!(answer(429, &[("x-ratelimit-reset", "1000000000"), date]), secs(40));
        assert_eq!(answer(429, &[("x-ratelimit-reset", "1000000000")]), None);
        assert_eq!(answer(429, &[("x-ratelimit-reset", "18446744073709551615"), date]), None);
        assert_eq!(answer(429, &[("retry-after", "2"), ("ratelimit-reset", "7")]), secs(2));
        // Servers send it with every answer: it says nothing about an outage.
        assert_eq!(answer(503, &[("ratelimit-reset", "7")]), None);
    }
}
