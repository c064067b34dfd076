//! Response heads: found without reading a byte twice, parsed by `httparse`, kept as slices of one buffer.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::buffer::ReadBuffer;
use super::fields::{self, Scan};
use super::framing::malformed;
use super::limits::Limits;
use crate::error::{Error, ErrorKind, Phase, Result};

/// What each response begins with.
const PREFIX: &[u8] = b"HTTP/1.";

/// As many header lines are parsed without asking for memory.
const FEW_HEADERS: usize = 256;

/// A response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    /// The server's own phrase, if it has one that is not the standard's.
    pub(crate) reason: Option<Box<str>>,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
}

/// Looks for heads in a read buffer that grows.
#[derive(Debug, Default)]
pub(crate) struct HeadDecoder {
    scan: Scan,
    /// Whether what may come before a head is behind us.
    begun: bool,
}

impl HeadDecoder {
    /// Takes the head out of `buffer`, if it is complete.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer, limits: &Limits) -> Result<Option<ResponseHead>> {
        self.begun = self.begun || skip_blank_line(buffer);
        if !self.begun {
            return Ok(None);
        }
        let data = buffer.data();
        let prefix = data.len().min(PREFIX.len());
        if data[..prefix] != PREFIX[..prefix] {
            return Err(malformed("the server's answer is not HTTP/1.x"));
        }
        match self.scan.end(data) {
            Some(end) if end <= limits.head => {
                let scan = std::mem::take(self).scan;
                let block = buffer.take(end);
                check_first_line(&block)?;
                parse(&scan.unfolded(block), limits).map(Some)
            }
            None if data.len() <= limits.head => Ok(None),
            _ => {
                let message = format!("the response's head is larger than {} bytes", limits.head);
                Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message))
            }
        }
    }
}

/// A line break left over from the response before is not part of this one (RFC 9112, section 2.2). Says whether
/// there is more to come before one can tell.
fn skip_blank_line(buffer: &mut ReadBuffer) -> bool {
    let blank = match buffer.data() {
        [] | [b'\r'] => return false,
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => 0,
    };
    buffer.take(blank);
    true
}

/// The first line does not go on on the next: two readers could disagree on what belongs to it (section 2.2).
fn check_first_line(block: &[u8]) -> Result<()> {
    let mut lines = block.splitn(2, |byte| *byte == b'\n');
    match lines.nth(1) {
        Some([b' ' | b'\t', ..]) => Err(malformed("white space comes before the first header")),
        _ => Ok(()),
    }
}

fn parse(block: &Bytes, limits: &Limits) -> Result<ResponseHead> {
    let most = fields::most_lines(block.len(), limits.headers);
    let mut few = [const { MaybeUninit::uninit() }; FEW_HEADERS];
    let mut many;
    let lines = match few.get_mut(..most) {
        Some(few) => few,
        None => {
            many = Box::new_uninit_slice(most);
            &mut *many
        }
    };
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, block, lines);
    match outcome {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(malformed("the response's head is cut short")),
        Err(httparse::Error::TooManyHeaders) => return Err(fields::too_many(limits.headers, Phase::Head)),
        Err(error) => return Err(malformed("the response's head is malformed").with_source(error)),
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("the status code is not a number from 100 to 999"))?;
    let reason = parsed.reason.filter(|reason| !reason.is_empty() && Some(*reason) != status.canonical_reason());
    Ok(ResponseHead {
        status,
        reason: reason.map(Into::into),
        version: if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 },
        headers: fields::map(block, parsed.headers, Phase::Head)?,
    })
}
