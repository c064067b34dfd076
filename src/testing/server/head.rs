//! Parses the head of a request strictly: a head that two servers could read differently is refused (RFC 9112, section
//! 11.2).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Version};

use crate::error::Phase;
use crate::http1::buffer::ReadBuffer;
use crate::http1::fields::{self, BlockScan};
use crate::http1::framing::{Framing, content_length, is_chunked};

/// The maximum size of a head in bytes.
const MAX_HEAD_SIZE: usize = 64 * 1024;

/// The maximum number of header lines.
const MAX_HEADERS: usize = 256;

/// The head of a request.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    /// Host and port, if they are not in the headers.
    pub(super) authority: Option<String>,
}

/// The status and the text of the answer to a request that no handler gets.
pub(super) struct RequestRefusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl RequestRefusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }
}

/// Searches for a head in a read buffer that grows.
#[derive(Default)]
pub(super) struct HeadReader(BlockScan);

impl HeadReader {
    /// Takes the head out of `input` if it is complete.
    pub(super) fn next(&mut self, input: &mut ReadBuffer) -> Result<Option<(Head, Framing)>, RequestRefusal> {
        // A line break after the previous request is not part of this request (RFC 9112, section 2.2).
        while input.data().starts_with(b"\r\n") {
            input.take(2);
        }
        let data = input.data();
        // A single CR may be the first half of such a line break.
        if matches!(data, [] | [b'\r']) {
            return Ok(None);
        }
        match self.0.end(data) {
            Some(end) if end <= MAX_HEAD_SIZE => parse(&input.take(end)).map(Some),
            None if data.len() <= MAX_HEAD_SIZE => Ok(None),
            _ => Err(RequestRefusal::new(431, format!("the request's head is larger than {MAX_HEAD_SIZE} bytes"))),
        }
    }
}

fn parse(block: &Bytes) -> Result<(Head, Framing), RequestRefusal> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut lines);
    match parsed.parse(block) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(RequestRefusal::malformed("the request's head is cut short")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(RequestRefusal::new(431, format!("the request has more than {MAX_HEADERS} headers")));
        }
        Err(httparse::Error::Version) => {
            return Err(RequestRefusal::new(505, "the request is not in HTTP/1.1 or HTTP/1.0"));
        }
        Err(error) => {
            return Err(RequestRefusal::malformed(format!("the request's head is malformed: {error}")));
        }
    }
    let malformed = |error: crate::Error| RequestRefusal::malformed(error.report().to_string());
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let headers = fields::map(block, parsed.headers, Phase::Head).map_err(malformed)?;
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes());
    let method = method.map_err(|_| RequestRefusal::malformed("the request's method is malformed"))?;
    check(version, &headers)?;
    let framing = match is_chunked(&headers, version).map_err(malformed)? {
        true => Framing::Chunked,
        false => Framing::Length(content_length(&headers).map_err(malformed)?.unwrap_or(0)),
    };
    let target = parsed.path.unwrap_or_default().to_owned();
    Ok((Head { method, target, version, headers, authority: None }, framing))
}

/// Refuses heads with well-formed lines that contradict each other.
fn check(version: Version, headers: &HeaderMap) -> Result<(), RequestRefusal> {
    let hosts = headers.get_all(HOST).iter().count();
    // RFC 9112, section 3.2, requires this refusal.
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Err(RequestRefusal::malformed(format!("the request has {hosts} Host headers instead of 1")));
    }
    // Two framings are how requests are smuggled (RFC 9112, section 6.1).
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        return Err(RequestRefusal::malformed("the request has both Content-Length and Transfer-Encoding"));
    }
    check_expect(headers)
}

/// Refuses an expectation that is not `100-continue` (RFC 9110, section 10.1.1).
pub(super) fn check_expect(headers: &HeaderMap) -> Result<(), RequestRefusal> {
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(RequestRefusal::new(417, "the request expects something other than 100-continue"))
        }
        _ => Ok(()),
    }
}
