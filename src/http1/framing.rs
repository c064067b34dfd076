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

/// How the body of a response is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResponseFraming {
    pub(crate) body: Framing,
    /// Whether the server sends nothing more that belongs to this response. Without that, no request may follow.
    pub(crate) is_certain: bool,
}

/// Decides how the body of the response to a `method` request is delimited (RFC 9112, section 6.3).
pub(crate) fn of_response(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
) -> Result<ResponseFraming> {
    let declared = declared_framing(version, headers);
    // Rule 1 of the section comes first: these responses end at the empty line, and so malformed framing is no error.
    if status == StatusCode::NO_CONTENT {
        // A 204 may have neither header (RFC 9112, section 6.1; RFC 9110, section 8.6). A server that declares a body may
        // also send it, and the body would be read as the next response.
        let is_certain = matches!(declared, Ok(Framing::Length(0) | Framing::Close));
        return Ok(ResponseFraming { body: Framing::Length(0), is_certain });
    }
    if status == StatusCode::NOT_MODIFIED || method == Method::HEAD {
        // These responses may declare the body that a GET request would receive (RFC 9110, section 8.6), so that is no
        // reason to close. A server whose framing is malformed is not trusted with another request.
        return Ok(ResponseFraming { body: Framing::Length(0), is_certain: declared.is_ok() });
    }
    declared.map(|body| ResponseFraming { body, is_certain: body != Framing::Close })
}

/// Returns the framing that the headers of a response declare; without any, the body ends with the connection.
fn declared_framing(version: Version, headers: &HeaderMap) -> Result<Framing> {
    match (content_length(headers)?, is_chunked(headers, version)?) {
        (Some(_), true) => Err(malformed("the response has both Content-Length and Transfer-Encoding")),
        (None, true) => Ok(Framing::Chunked),
        (Some(length), false) => Ok(Framing::Length(length)),
        (None, false) => Ok(Framing::Close),
    }
}

/// Returns the declared length. It consists of digits only, and repeated values must be equal.
pub(crate) fn content_length(headers: &HeaderMap) -> Result<Option<u64>> {
    let mut length = None;
    let values = headers.get_all(CONTENT_LENGTH).iter();
    for item in values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')) {
        let digits = item.trim_ascii();
        let number = Some(digits)
            // `parse` alone would also accept a plus sign.
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
    // Most heads do not have the field. Walking an empty list of values costs as much as finding it.
    if !headers.contains_key(CONNECTION) {
        return version == Version::HTTP_11;
    }
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

    fn map(headers: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    fn framing(headers: &[(http::HeaderName, &'static str)]) -> Result<Framing> {
        of_response(&Method::GET, StatusCode::OK, Version::HTTP_11, &map(headers)).map(|framing| framing.body)
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

    /// The framing fields of a response, the framing, and whether the connection may be used again.
    type Case = (&'static [(http::HeaderName, &'static str)], bool);

    #[test]
    fn responses_without_a_body_end_at_the_empty_line() {
        // Valid fields describe the body that a GET request would receive. Only a 204 has no such body.
        let valid: &[Case] = &[
            (&[], true),
            (&[(CONTENT_LENGTH, "0")], true),
            (&[(CONTENT_LENGTH, "42")], false),
            (&[(TRANSFER_ENCODING, "chunked")], false),
        ];
        let malformed: &[Case] = &[
            (&[(CONTENT_LENGTH, "+2")], false),
            (&[(CONTENT_LENGTH, "")], false),
            (&[(CONTENT_LENGTH, "0, 2")], false),
            (&[(TRANSFER_ENCODING, "gzip")], false),
            (&[(TRANSFER_ENCODING, "chunked"), (TRANSFER_ENCODING, "chunked")], false),
            (&[(TRANSFER_ENCODING, "chunked"), (CONTENT_LENGTH, "0")], false),
        ];
        for (method, status) in [(Method::HEAD, 200), (Method::GET, 304), (Method::GET, 204), (Method::HEAD, 204)] {
            for (fields, kept_after_204) in valid.iter().chain(malformed) {
                let is_valid = valid.iter().any(|(valid, _)| valid == fields);
                let kept = if status == 204 { *kept_after_204 } else { is_valid };
                let status = StatusCode::from_u16(status).unwrap();
                let found = of_response(&method, status, Version::HTTP_11, &map(fields)).unwrap();
                assert_eq!(
                    found,
                    ResponseFraming { body: Framing::Length(0), is_certain: kept },
                    "{status} {fields:?}"
                );
            }
        }
    }
}
