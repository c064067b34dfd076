//! Checks heads, trailers and lengths of responses (RFC 9113, sections 8.1 to 8.3).
//!
//! A malformed response is an error of its stream, of the kind [`Protocol`](ErrorKind::Protocol) as for HTTP/1.1. The
//! other streams of the connection go on.
//!
//! h2 0.4.20 decodes the fields, and refuses most malformed responses before they arrive here:
//!
//! | Fault | Section | Found by | Result |
//! |---|---|---|---|
//! | a connection-specific field, or `te` other than `trailers` | 8.2.2 | h2, and here | the stream is reset |
//! | `te: trailers`, which only a request may have | 8.2.2 | here | the stream is reset |
//! | white space around a value | 8.2.1 | here, unless `Config::ignore_invalid_headers` is set | the stream is reset |
//! | no `:status`, two of them, or a pseudo-field after a field | 8.3, 8.3.2 | h2 | the stream is reset |
//! | a name with upper case, or a character that no name or value may have | 8.2.1 | h2 | h2 ends the connection |
//! | an unknown pseudo-field, or a status that is no number from 100 to 999 | 8.3.2 | h2 | h2 ends the connection |
//! | a pseudo-field in trailers, or of requests in a response | 8.1, 8.3 | h2 | h2 drops the field |
//! | status 101 | 8.6 | here | the stream is reset |
//! | an informational response with END_STREAM | 8.1 | h2 | the stream is reset |
//! | trailers without END_STREAM | 8.1 | h2 | the stream is reset |
//! | `content-length` that is no number, or two different values | 8.1.1 | h2, and here | the stream is reset |
//! | empty `content-length`, which h2 reads as 0 | 8.1.1 | here | the stream is reset |
//! | DATA that is longer or shorter than `content-length` | 8.1.1 | h2, and here | the stream is reset |
//! | DATA in a response to HEAD | 8.1.1 | h2, and here | the stream is reset |
//! | DATA in a 204 or 304 | 8.1.1 | here | the stream is reset |
//! | more or larger fields than the limits | 10.5.1 | here | [`LimitExceeded`](ErrorKind::LimitExceeded) for the stream |
//! | fields beyond [`max_header_list_size`] | 10.5.1 | h2 | the stream is reset; beyond 4 times as much, h2 ends the connection |
//!
//! h2 ends the connection for faults that its HPACK decoder finds, although they are faults of a single message. A
//! head that h2 refuses before its last CONTINUATION frame ends the connection too, because h2 then takes the next
//! CONTINUATION for an unexpected frame. Nothing outside of h2 can change this.
//!
//! As for HTTP/1.1, a status from 600 to 999 is accepted. The checks of h2 are repeated here where they are cheap, so
//! that they do not depend on the version of h2.

use http::header::TE;
use http::{HeaderMap, HeaderName, Method, StatusCode};

use super::connection_fields;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::Http1Limits;
use crate::http1::fields::too_many;
use crate::http1::framing::{content_length, malformed};

/// The bytes of a line in addition to its name and value: the colon, a space and the line break.
const LINE: usize = 4;

/// The bytes that SETTINGS_MAX_HEADER_LIST_SIZE counts for each field in addition to its name and value (RFC 9113,
/// section 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// The bytes of the status line of an informational response without a reason, and of the empty line after its head.
const STATUS_LINE: usize = "HTTP/1.1 100 \r\n\r\n".len();

/// Returns the value for h2's `max_header_list_size`, which is also sent as SETTINGS_MAX_HEADER_LIST_SIZE.
///
/// It is above the limits that are checked here. So a response that is a little too large has an error that names its
/// limit; h2 only resets its stream. h2 holds no fields beyond this size, and ends the connection at 4 times this size.
pub(crate) fn max_header_list_size(limits: &Http1Limits) -> u32 {
    let fields = limits.headers.saturating_mul(FIELD_OVERHEAD);
    let size = limits.head.max(limits.trailers).saturating_mul(2).saturating_add(fields);
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// Checks the head of a final response to a `method` request. Returns what its body may be.
///
/// # Errors
/// [`Protocol`](ErrorKind::Protocol) if the head is malformed, and [`LimitExceeded`](ErrorKind::LimitExceeded) if it is
/// larger than its limit or has too many fields.
pub(crate) fn check_head(
    method: &Method,
    status: StatusCode,
    fields: &HeaderMap,
    limits: &Http1Limits,
) -> Result<BodyLength> {
    check_fields(fields, limits, Phase::Head)?;
    check_count(fields, limits, Phase::Head)?;
    if STATUS_LINE.saturating_add(size(fields)) > limits.head {
        return Err(limits.head_is_too_large());
    }
    let declared = content_length(fields)?;
    // RFC 9110, section 6.4.1. Such a response may declare the length of a body that it does not have.
    let has_body = *method != Method::HEAD && ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    Ok(match declared {
        _ if !has_body => BodyLength::Bodiless,
        Some(length) => BodyLength::Left(length),
        None => BodyLength::Undeclared,
    })
}

/// The informational responses before a final response, which have a limit together.
#[derive(Debug, Default)]
pub(crate) struct InformationalHeads {
    bytes: usize,
}

impl InformationalHeads {
    /// Checks and counts the head of an informational response.
    ///
    /// # Errors
    /// As [`check_head`], and [`LimitExceeded`](ErrorKind::LimitExceeded) if these heads are together larger than their
    /// limit.
    pub(crate) fn check(&mut self, status: StatusCode, fields: &HeaderMap, limits: &Http1Limits) -> Result<()> {
        if status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(malformed("the server switched protocols, which HTTP/2 does not have"));
        }
        check_fields(fields, limits, Phase::Head)?;
        check_count(fields, limits, Phase::Head)?;
        let size = STATUS_LINE.saturating_add(size(fields));
        if size > limits.head {
            return Err(limits.head_is_too_large());
        }
        self.bytes = self.bytes.saturating_add(size);
        if self.bytes > limits.informational {
            return Err(limits.informational_is_too_large());
        }
        Ok(())
    }
}

/// Checks trailers.
///
/// # Errors
/// As [`check_head`], with the limit of trailers.
pub(crate) fn check_trailers(fields: &HeaderMap, limits: &Http1Limits) -> Result<()> {
    check_fields(fields, limits, Phase::Body)?;
    check_count(fields, limits, Phase::Body)?;
    if size(fields) > limits.trailers {
        return Err(limits.trailers_are_too_large());
    }
    Ok(())
}

/// Refuses connection-specific fields (RFC 9113, section 8.2.2), and values with white space around them (section 8.2.1).
fn check_fields(fields: &HeaderMap, limits: &Http1Limits, phase: Phase) -> Result<()> {
    for (name, value) in fields {
        // Only a request may have `te`, which says what the client accepts.
        if connection_fields::is_forbidden(name) || *name == TE {
            return Err(refused(name, "which HTTP/2 forbids in responses", phase));
        }
        if !limits.ignore_invalid_headers && has_white_space_around(value.as_bytes()) {
            let hint = "with white space around its value, which HTTP/2 forbids; see `Config::ignore_invalid_headers`";
            return Err(refused(name, hint, phase));
        }
    }
    Ok(())
}

fn has_white_space_around(value: &[u8]) -> bool {
    let is_white_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    is_white_space(value.first()) || is_white_space(value.last())
}

fn refused(name: &HeaderName, why: &str, phase: Phase) -> Error {
    Error::new(ErrorKind::Protocol, phase, format!("the response has the field `{name}`, {why}"))
}

/// Checks the number of fields.
fn check_count(fields: &HeaderMap, limits: &Http1Limits, phase: Phase) -> Result<()> {
    if fields.len() > limits.headers { Err(too_many(limits.headers, phase)) } else { Ok(()) }
}

/// Returns how many bytes the fields would have as lines of HTTP/1.1, so that limits mean the same for both versions.
fn size(fields: &HeaderMap) -> usize {
    fields.iter().map(|(name, value)| name.as_str().len() + value.len() + LINE).sum()
}

/// How many bytes of DATA a response may have (RFC 9113, section 8.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyLength {
    /// The response has no body: a response to HEAD, a 204 or a 304.
    Bodiless,
    /// The declared length, less the pieces so far.
    Left(u64),
    /// The response declares no length, so its body ends with the stream.
    Undeclared,
}

impl BodyLength {
    /// Returns how many bytes are still to come, if the length is known.
    pub(crate) fn left(self) -> Option<u64> {
        match self {
            Self::Bodiless => Some(0),
            Self::Left(left) => Some(left),
            Self::Undeclared => None,
        }
    }

    /// Counts a piece of the body.
    ///
    /// # Errors
    /// [`Protocol`](ErrorKind::Protocol) if the body is then longer than the head declares.
    pub(crate) fn count(&mut self, piece: usize) -> Result<()> {
        match self {
            Self::Bodiless if piece > 0 => Err(malformed_body(
                "the server sent a body with a response that has none: to HEAD, or with status 204 or 304".to_owned(),
            )),
            Self::Bodiless | Self::Undeclared => Ok(()),
            Self::Left(left) => {
                let rest = left.checked_sub(piece as u64);
                *left = rest.ok_or_else(|| {
                    let excess = (piece as u64).saturating_sub(*left);
                    malformed_body(format!("the body is at least {excess} bytes longer than its Content-Length"))
                })?;
                Ok(())
            }
        }
    }

    /// Checks that the body is complete at the end of the stream.
    ///
    /// # Errors
    /// [`Protocol`](ErrorKind::Protocol) if the body is shorter than the head declares.
    pub(crate) fn end(self) -> Result<()> {
        match self {
            Self::Bodiless | Self::Undeclared | Self::Left(0) => Ok(()),
            Self::Left(left) => {
                Err(malformed_body(format!("the body is {left} bytes shorter than its Content-Length")))
            }
        }
    }
}

/// Creates the error for a body that breaks the protocol.
fn malformed_body(message: String) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Body, message)
}

#[cfg(test)]
mod tests;
