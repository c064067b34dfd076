//! The head of a request, read strictly: what two servers could read differently is refused (RFC 9112, section 11.2).

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Version};

use crate::error::Phase;
use crate::http1::buffer::ReadBuffer;
use crate::http1::fields::{self, BlockScan};
use crate::http1::framing::{Framing, content_length, is_chunked};

/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// The most header lines of a request.
const MOST_HEADERS: usize = 256;

/// A request's head.
pub(super) struct Head {
    pub(super) method: Method,
    pub(super) target: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) framing: Framing,
}

/// Why no handler sees a request: the status of the answer, and its text.
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
}

impl Refusal {
    fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }
}

/// Looks for a head in a read buffer that grows.
#[derive(Default)]
pub(super) struct HeadReader(BlockScan);

impl HeadReader {
    /// Takes the head out of `input`, if it is complete.
    pub(super) fn next(&mut self, input: &mut ReadBuffer) -> Result<Option<Head>, Refusal> {
        // A line break left over from the request before is not part of this one (RFC 9112, section 2.2).
        while input.data().starts_with(b"\r\n") {
            input.take(2);
        }
        let data = input.data();
        if matches!(data, [] | [b'\r']) {
            return Ok(None);
        }
        match self.0.end(data) {
            Some(end) if end <= LARGEST_HEAD => parse(&input.take(end)).map(Some),
            None if data.len() <= LARGEST_HEAD => Ok(None),
            _ => Err(Refusal::new(431, format!("the request's head is larger than {LARGEST_HEAD} bytes"))),
        }
    }
}

fn parse(block: &Bytes) -> Result<Head, Refusal> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut lines);
    match parsed.parse(block) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(Refusal::malformed("the request's head is cut short")),
        Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::new(431, format!("the request has more than {MOST_HEADERS} headers")));
        }
        Err(httparse::Error::Version) => return Err(Refusal::new(505, "the request is not in HTTP/1.1 or HTTP/1.0")),
        Err(error) => return Err(Refusal::malformed(format!("the request's head is malformed: {error}"))),
    }
    let malformed = |error: crate::Error| Refusal::malformed(error.to_string());
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let headers = fields::map(block, parsed.headers, Phase::Head).map_err(malformed)?;
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes());
    let method = method.map_err(|_| Refusal::malformed("the request's method is malformed"))?;
    check(version, &headers)?;
    let framing = match is_chunked(&headers, version).map_err(malformed)? {
        true => Framing::Chunked,
        false => Framing::Length(content_length(&headers).map_err(malformed)?.unwrap_or(0)),
    };
    Ok(Head { method, target: parsed.path.unwrap_or_default().to_owned(), version, headers, framing })
}

/// Refuses what is well-formed line by line and not as a whole.
fn check(version: Version, headers: &HeaderMap) -> Result<(), Refusal> {
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && version == Version::HTTP_11) {
        return Err(Refusal::malformed(format!("the request has {hosts} Host headers instead of one")));
    }
    if headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING) {
        return Err(Refusal::malformed("the request has both Content-Length and Transfer-Encoding"));
    }
    match headers.get(EXPECT) {
        Some(value) if !value.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Refusal::new(417, "the request expects something other than 100-continue"))
        }
        _ => Ok(()),
    }
}
