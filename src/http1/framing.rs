//! Decides where a message's body ends (RFC 9112, section 6), and whether another message may follow.
//!
//! A loose reading of these rules makes request smuggling possible: two readers then disagree on where a message ends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::keep_alive;
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

/// A field that says something about its message or the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingField {
    Connection,
    ContentEncoding,
    ContentLength,
    KeepAlive,
    TransferEncoding,
}

impl FramingField {
    /// Returns the name in lower case.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::ContentEncoding => "content-encoding",
            Self::ContentLength => "content-length",
            Self::KeepAlive => "keep-alive",
            Self::TransferEncoding => "transfer-encoding",
        }
    }

    /// Returns the field with this name, which is a valid name.
    pub(super) fn of(name: &[u8]) -> Option<Self> {
        // The length excludes most names at once.
        let field = match name.len() {
            10 if matches!(name.first(), Some(b'k' | b'K')) => Self::KeepAlive,
            10 => Self::Connection,
            14 => Self::ContentLength,
            16 => Self::ContentEncoding,
            17 => Self::TransferEncoding,
            _ => return None,
        };
        (lower_words(name) == lower_words(field.name().as_bytes())).then_some(field)
    }
}

/// Returns the characters of a name of 9 to 17 characters in lower case: the first eight, the ninth, and the last eight.
fn lower_words(name: &[u8]) -> Option<(u64, u8, u64)> {
    // Setting this bit changes upper case to lower case. No other character of a name becomes a letter or a hyphen.
    const LOWER: u8 = 0x20;
    const LOWER_WORD: u64 = u64::from_le_bytes([LOWER; 8]);
    let first = u64::from_le_bytes(*name.first_chunk()?) | LOWER_WORD;
    let last = u64::from_le_bytes(*name.last_chunk()?) | LOWER_WORD;
    Some((first, name.get(8)? | LOWER, last))
}

/// Header lines, in a map or as a parser found them.
pub(crate) trait Fields {
    /// Returns the values of this field, in their order.
    fn values(&self, field: FramingField) -> impl Iterator<Item = &[u8]>;

    /// Returns whether there is a line of this field.
    fn has(&self, field: FramingField) -> bool {
        self.values(field).next().is_some()
    }
}

impl Fields for HeaderMap {
    fn values(&self, field: FramingField) -> impl Iterator<Item = &[u8]> {
        self.get_all(field.name()).iter().map(HeaderValue::as_bytes)
    }
}

impl Fields for [httparse::Header<'_>] {
    fn values(&self, field: FramingField) -> impl Iterator<Item = &[u8]> {
        let is_field = move |line: &&httparse::Header<'_>| FramingField::of(line.name.as_bytes()) == Some(field);
        self.iter().filter(is_field).map(|line| line.value)
    }
}

/// What the header lines of a response say about its body and its connection.
#[derive(Debug)]
pub(crate) struct FramingFields {
    /// The framing that the lines declare.
    declared: Result<Framing>,
    /// Whether the server wants to keep the connection open.
    pub(super) wants_more: bool,
    /// How long the server lets the connection be idle; `None` if it does not say so.
    pub(super) idle_limit: Option<Duration>,
    /// Whether there is a `content-encoding`.
    pub(crate) has_coding: bool,
}

/// Reads the framing fields of a response. Returns also the declared length, if it is valid; a response without a body
/// may have it too.
#[inline]
pub(super) fn read(lines: &(impl Fields + ?Sized), version: Version) -> (FramingFields, Option<u64>) {
    let length = content_length(lines);
    let valid_length = length.as_ref().ok().copied().flatten();
    let fields = FramingFields {
        declared: length.and_then(|length| declared_framing(version, length, lines)),
        wants_more: wants_more(version, lines),
        idle_limit: if lines.has(FramingField::KeepAlive) { keep_alive::idle_limit(lines) } else { None },
        has_coding: lines.has(FramingField::ContentEncoding),
    };
    (fields, valid_length)
}

impl Default for FramingFields {
    fn default() -> Self {
        Self { declared: Ok(Framing::Close), wants_more: false, idle_limit: None, has_coding: false }
    }
}

impl FramingFields {
    /// Decides how the body of the response to a `method` request is delimited (RFC 9112, section 6.3).
    pub(super) fn of_response(&mut self, method: &Method, status: StatusCode) -> Result<ResponseFraming> {
        let declared = std::mem::replace(&mut self.declared, Ok(Framing::Close));
        // Rule 1 of the section comes first: these responses end at the empty line, and so malformed framing is no
        // error.
        if status == StatusCode::NO_CONTENT {
            // A 204 may have neither header (RFC 9112, section 6.1; RFC 9110, section 8.6). A server that declares a
            // body may also send it, and the body would be read as the next response.
            let is_certain = matches!(declared, Ok(Framing::Length(0) | Framing::Close));
            return Ok(ResponseFraming { body: Framing::Length(0), is_certain });
        }
        if status == StatusCode::NOT_MODIFIED || method == Method::HEAD {
            // These responses may declare the body that a GET request would receive (RFC 9110, section 8.6), so that is
            // no reason to close. A server whose framing is malformed is not trusted with another request.
            return Ok(ResponseFraming { body: Framing::Length(0), is_certain: declared.is_ok() });
        }
        declared.map(|body| ResponseFraming { body, is_certain: body != Framing::Close })
    }
}

/// Returns the framing that a response declares by `content-length` and its other headers; without any, the body ends with the connection.
fn declared_framing(version: Version, length: Option<u64>, headers: &(impl Fields + ?Sized)) -> Result<Framing> {
    match (length, is_chunked(headers, version)?) {
        (Some(_), true) => Err(malformed("the response has both Content-Length and Transfer-Encoding")),
        (None, true) => Ok(Framing::Chunked),
        (Some(length), false) => Ok(Framing::Length(length)),
        (None, false) => Ok(Framing::Close),
    }
}

/// Returns the declared length. It consists of digits only, and repeated values must be equal.
pub(crate) fn content_length(headers: &(impl Fields + ?Sized)) -> Result<Option<u64>> {
    let mut length = None;
    for value in headers.values(FramingField::ContentLength) {
        let number = match decimal(value.trim_ascii()) {
            Some(number) => number,
            None => length_of_list(value)?,
        };
        if length.replace(number).is_some_and(|earlier| earlier != number) {
            return Err(different_lengths());
        }
    }
    Ok(length)
}

/// Returns the number of a list whose items are equal.
fn length_of_list(list: &[u8]) -> Result<u64> {
    let mut length = None;
    for item in list.split(|byte| *byte == b',') {
        let number = decimal(item.trim_ascii()).ok_or_else(no_length)?;
        if length.replace(number).is_some_and(|earlier| earlier != number) {
            return Err(different_lengths());
        }
    }
    length.ok_or_else(no_length)
}

fn no_length() -> Error {
    malformed("the Content-Length is not a decimal number")
}

fn different_lengths() -> Error {
    malformed("the Content-Length has two different values")
}

/// Parses a number that consists of digits only. `str::parse` would also accept a plus sign.
fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Returns whether the body is chunked. Any other transfer coding is refused, because it cannot be delimited.
pub(crate) fn is_chunked(headers: &(impl Fields + ?Sized), version: Version) -> Result<bool> {
    if !headers.has(FramingField::TransferEncoding) {
        return Ok(false);
    }
    let mut values = headers.values(FramingField::TransferEncoding);
    let Some(value) = values.next() else { return Ok(false) };
    if values.next().is_some() || !value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
        return Err(malformed("the Transfer-Encoding is not `chunked`"));
    }
    // RFC 9112, section 6.1, calls the framing of such a message faulty.
    if version != Version::HTTP_11 {
        return Err(malformed("an HTTP/1.0 message has a Transfer-Encoding, which HTTP/1.0 does not define"));
    }
    Ok(true)
}

/// Returns whether the sender of a message wants to keep the connection open (RFC 9112, section 9.3).
pub(crate) fn wants_more(version: Version, headers: &(impl Fields + ?Sized)) -> bool {
    if !headers.has(FramingField::Connection) {
        return version == Version::HTTP_11;
    }
    let has = |name: &[u8]| {
        let mut options = headers.values(FramingField::Connection).flat_map(|value| value.split(|byte| *byte == b','));
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
    use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};

    use super::*;

    #[test]
    fn names_are_compared_without_case() {
        let fields = [
            FramingField::Connection,
            FramingField::ContentEncoding,
            FramingField::ContentLength,
            FramingField::KeepAlive,
            FramingField::TransferEncoding,
        ];
        for field in fields {
            let name = field.name();
            assert_eq!(FramingField::of(name.as_bytes()), Some(field));
            assert_eq!(FramingField::of(name.to_uppercase().as_bytes()), Some(field));
            for at in 0..name.len() {
                for byte in (0..=255).filter(|byte| http::HeaderName::from_bytes(&[*byte]).is_ok()) {
                    let mut other = name.as_bytes().to_vec();
                    other[at] = byte;
                    let is_same = other.eq_ignore_ascii_case(name.as_bytes());
                    assert_eq!(FramingField::of(&other) == Some(field), is_same, "{}", other.escape_ascii());
                }
            }
        }
    }

    fn map(headers: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        map
    }

    fn framing(headers: &[(http::HeaderName, &'static str)]) -> Result<Framing> {
        let (mut fields, _) = read(&map(headers), Version::HTTP_11);
        fields.of_response(&Method::GET, StatusCode::OK).map(|framing| framing.body)
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
                let found = read(&map(fields), Version::HTTP_11).0.of_response(&method, status).unwrap();
                assert_eq!(
                    found,
                    ResponseFraming { body: Framing::Length(0), is_certain: kept },
                    "{status} {fields:?}"
                );
            }
        }
    }
}
