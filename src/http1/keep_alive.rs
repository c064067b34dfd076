//! The field `Keep-Alive`: how long the server keeps an idle connection open (RFC 2068, section 19.7.1.1).

use std::time::Duration;

use super::framing::{Fields, FramingField};

/// How long before the server's timeout the client stops to use an idle connection.
///
/// The server's timeout begins before its response arrives, and a request that arrives after the timeout is lost. The
/// margin covers both ways. Node's `fetch` has the same margin.
const MARGIN: Duration = Duration::from_secs(1);

/// Returns how long a connection may be idle after a response with these headers; zero if it cannot be used again.
/// Returns `None` if the server announces no limit.
///
/// The field counts without `Connection: keep-alive`, too: to heed it only closes a connection earlier.
pub(super) fn idle_limit(headers: &(impl Fields + ?Sized)) -> Option<Duration> {
    let mut limit = None;
    for (name, value) in headers.values(FramingField::KeepAlive).flat_map(items).filter_map(parameter) {
        let announced = match whole_number(value) {
            Some(seconds) if name.eq_ignore_ascii_case(b"timeout") => Duration::from_secs(seconds),
            // The number of requests that the server still accepts. Above zero the next request is accepted.
            Some(0) if name.eq_ignore_ascii_case(b"max") => Duration::ZERO,
            _ => continue,
        };
        let announced = announced.saturating_sub(MARGIN);
        // Of several limits, the shortest is safe.
        limit = Some(limit.map_or(announced, |limit: Duration| limit.min(announced)));
    }
    limit
}

/// Splits a list at its commas and semicolons, except within quoted strings.
fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    list.split(move |byte| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match byte {
            _ if was_escaped => false,
            b'\\' => {
                is_escaped = is_quoted;
                false
            }
            b'"' => {
                is_quoted = !is_quoted;
                false
            }
            // Some servers separate with semicolons.
            b',' | b';' => !is_quoted,
            _ => false,
        }
    })
}

/// Splits a parameter into its name and its value, without quotes.
fn parameter(item: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = item.iter().position(|byte| *byte == b'=')?;
    let (name, value) = item.split_at(equals);
    let value = value.strip_prefix(b"=")?.trim_ascii();
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some((name.trim_ascii(), quoted.map_or(value, <[u8]>::trim_ascii)))
}

/// Parses a decimal number. A number that is too large becomes the largest number. A fraction is cut off, because an
/// earlier end is safe.
fn whole_number(text: &[u8]) -> Option<u64> {
    let mut parts = text.splitn(2, |byte| *byte == b'.');
    let whole = parts.next().unwrap_or_default();
    let fraction = parts.next().unwrap_or(b"0");
    if [whole, fraction].iter().any(|digits| digits.is_empty() || !digits.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let digits = whole.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0u64, |number, digit| number.saturating_mul(10).saturating_add(digit)))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn limit(fields: &[&str]) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append("keep-alive", HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        idle_limit(&headers).map(|limit| limit.as_secs())
    }

    #[test]
    fn timeout_is_read_in_each_form() {
        for field in [
            "timeout=5",
            "Timeout=5",
            " TIMEOUT = 5 ",
            "timeout=\"5\"",
            "timeout=05",
            "timeout=5.9",
            "max=100, timeout=5",
            "timeout=5, max=100",
            "timeout=5;max=100",
            "timeout=5,,",
            "timeout=5, timeout=7",
            "timeout=x, timeout=5",
            "note=\"a, timeout=1\", timeout=5",
            "note=\"a\\\", timeout=1\", timeout=5",
            "a, b=c, =, timeout=5",
        ] {
            assert_eq!(limit(&[field]), Some(4), "{field}");
        }
        assert_eq!(limit(&["max=3", "timeout=9", "timeout=5"]), Some(4));
    }

    #[test]
    fn malformed_fields_announce_nothing() {
        for field in [
            "",
            "timeout",
            "timeout=",
            "timeout=\"",
            "timeout=\"\"",
            "timeout=-1",
            "timeout=+5",
            "timeout=5s",
            "timeout=5.",
            "timeout=.5",
            "timeout=0x5",
            "timeout=\"5",
            "xtimeout=5",
            "timeout 5",
            "max=7",
            "max=x",
            "\"timeout=1",
            "timeout=1=1",
            "\u{e9}",
        ] {
            assert_eq!(limit(&[field]), None, "{field}");
        }
        assert_eq!(limit(&[]), None);
    }

    #[test]
    fn limits_below_the_margin_are_zero_and_large_limits_do_not_overflow() {
        for field in ["timeout=0", "timeout=1", "timeout=1.9", "max=0", "timeout=60, max=0", "max=00"] {
            assert_eq!(limit(&[field]), Some(0), "{field}");
        }
        let digits = "9".repeat(10_000);
        assert_eq!(limit(&[&format!("timeout={digits}")]), Some(u64::MAX - 1));
        assert_eq!(limit(&[&format!("max={digits}")]), None);
        assert_eq!(limit(&["timeout=18446744073709551616"]), Some(u64::MAX - 1));
    }
}
