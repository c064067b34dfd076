//! Decides where a message's body ends (RFC 9112, section 6), and whether another message may follow.
//!
//! A loose reading of these rules makes request smuggling possible: two readers then disagree on where a message ends.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode, Version};

use crate::error::{Error, ErrorKind, Phase, Result};

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// After this many bytes.
    Length(u64),
    /// By a last chunk of size zero.
    Chunked,
    /// By the end of the connection; responses only.
    Close,
}

/// Decides how the body of the response to a `method` request is delimited (RFC 9112, section 6.3).
pub(crate) fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<Framing> {
    let length = content_length(headers)?;
    let chunked = is_chunked(headers, version)?;
    if chunked && length.is_some() {
        return Err(malformed("the response has both Content-Length and Transfer-Encoding"));
    }
    // A 204 may have neither header (RFC 9112, section 6.1; RFC 9110, section 8.6). A server that declares a body may
    // also send it, and the body would be read as the next response. Tornado refuses such a response too.
    if status == StatusCode::NO_CONTENT && (chunked || length.is_some_and(|length| length > 0)) {
        return Err(malformed("the response has status 204 and declares a body, but a 204 has no body"));
    }
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status) || method == Method::HEAD;
    Ok(match length {
        _ if bodiless => Framing::Length(0),
        _ if chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::Close,
    })
}

/// Returns the declared length. It consists of digits only, and repeated values must be equal.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut length = None;
    let values = headers.get_all(CONTENT_LENGTH).iter();
    for item in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let digits = item.trim_ascii();
        let number = Some(digits)
            .filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<u64>().ok())
            .ok_or_else(|| malformed("the Content-Length is not a decimal number"))?;
        if length.replace(number).is_some_and(|earlier| earlier != number) {
            return Err(malformed("the Content-Length has two different values"));
        }
    }
    Ok(length)
}

/// Returns whether the body is chunked. Any other transfer coding is refused, because it cannot be delimited.
pub(crate) fn is_chunked(headers: &HeaderMap, version: Version) -> Result<bool> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(false) };
    if values.next().is_some() || !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(malformed("the Transfer-Encoding is not `chunked`"));
    }
    // RFC 9112, section 6.1, calls the framing of such a message faulty.
    if version != Version::HTTP_11 {
        return Err(malformed("an HTTP/1.0 message has a Transfer-Encoding, which HTTP/1.0 does not define"));
    }
    Ok(true)
}

/// Returns whether the sender of a message wants to keep the connection open (RFC 9112, section 9.3).
pub(crate) fn wants_more(version: Version, headers: &HeaderMap) -> bool {
    let has = |name: &[u8]| {
        let mut options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(name))
    };
    !has(b"close") && (version == Version::HTTP_11 || has(b"keep-alive"))
}

/// Creates the error for a response whose head breaks the protocol.
pub(crate) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Head, message)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn framing(headers: &[(http::HeaderName, &'static str)]) -> Result<Framing> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        of_response(&Method::GET, StatusCode::OK, Version::HTTP_11, &map)
    }

    #[test]
    fn repeated_equal_lengths_are_accepted() {
        assert_eq!(framing(&[(CONTENT_LENGTH, "2, 2,2")]).unwrap(), Framing::Length(2));
        assert_eq!(framing(&[(CONTENT_LENGTH, "2"), (CONTENT_LENGTH, "2")]).unwrap(), Framing::Length(2));
    }

    #[test]
    fn ambiguous_framing_is_refused() {
        for bad in ["2,4", "+2", "0x2", "-1", "", "2,", "1_0", "99999999999999999999"] {
            assert!(framing(&[(CONTENT_LENGTH, bad)]).is_err(), "{bad}");
        }
        for bad in ["gzip", "gzip, chunked", "chunked, chunked", "xchunked", ""] {
            assert!(framing(&[(TRANSFER_ENCODING, bad)]).is_err(), "{bad}");
        }
        assert!(framing(&[(TRANSFER_ENCODING, "chunked"), (CONTENT_LENGTH, "2")]).is_err());
        assert!(framing(&[(TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")]).is_err());
    }

    #[test]
    fn body_without_declared_framing_ends_with_the_connection() {
        assert_eq!(framing(&[]).unwrap(), Framing::Close);
        assert_eq!(framing(&[(TRANSFER_ENCODING, "Chunked")]).unwrap(), Framing::Chunked);
    }

    #[test]
    fn some_responses_never_have_a_body() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("42"));
        let framing = |method, status: u16, headers: &HeaderMap| {
            of_response(&method, StatusCode::from_u16(status).unwrap(), Version::HTTP_11, headers)
        };
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 304)] {
            assert_eq!(framing(method, status, &headers).unwrap(), Framing::Length(0));
        }
        assert_eq!(framing(Method::GET, 204, &HeaderMap::new()).unwrap(), Framing::Length(0));
        assert!(framing(Method::GET, 204, &headers).is_err());
    }
}
