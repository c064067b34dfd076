//! Response heads: found without reading a byte twice, parsed by `httparse`, kept as slices of a single buffer.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

use super::buffer::ReadBuffer;
use super::fields::{self, BlockScan};
use super::framing::malformed;
use super::limits::Http1Limits;
use super::malformed_lines::{self, LineBlock};
use crate::error::{Error, ErrorKind, Phase, Result};

/// The first bytes of each response.
const PREFIX: &[u8] = b"HTTP/1.";

/// The number of header lines that are parsed without allocating memory for them.
const HEADERS_ON_STACK: usize = 256;

/// A response's head.
#[derive(Debug)]
pub(crate) struct ResponseHead {
    pub(crate) status: StatusCode,
    /// The server's reason phrase, if it differs from the standard phrase of the status.
    pub(crate) reason: Option<Box<str>>,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    /// Whether a malformed line was skipped, in this head or in an informational head before it.
    pub(crate) has_skipped_lines: bool,
}

/// What the bytes received so far contain.
#[derive(Debug)]
pub(crate) enum HeadEvent {
    /// No complete head yet: receive more.
    More,
    /// The head of an informational (1xx) response. Another head follows.
    Informational(ResponseHead),
    /// The head of a final response. This includes 101, after which no HTTP/1.1 head follows.
    Final(ResponseHead),
}

/// Finds heads in a read buffer that grows.
#[derive(Debug, Default)]
pub(crate) struct HeadDecoder {
    scan: BlockScan,
    /// Whether a blank line before the head has been skipped.
    begun: bool,
    /// The bytes of the informational heads so far.
    informational: usize,
    /// Whether a malformed line has been skipped in a head so far.
    has_skipped_lines: bool,
}

impl HeadDecoder {
    /// Takes the next head out of `buffer`, if it is complete.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer, limits: &Http1Limits) -> Result<HeadEvent> {
        self.begun = self.begun || skip_blank_line(buffer);
        if !self.begun {
            return Ok(HeadEvent::More);
        }
        let data = buffer.data();
        // Checked before the head is complete, so that a server with another protocol fails at once.
        let prefix = data.len().min(PREFIX.len());
        if data[..prefix] != PREFIX[..prefix] {
            return Err(malformed("the server's answer is not HTTP/1.x"));
        }
        match self.scan.end(data) {
            Some(end) if end <= limits.head => {
                let scan = std::mem::take(&mut self.scan);
                self.begun = false;
                let block = buffer.take(end);
                check_first_line(&block)?;
                let mut head = parse_leniently(block, &scan, limits)?;
                self.has_skipped_lines |= head.has_skipped_lines;
                head.has_skipped_lines = self.has_skipped_lines;
                if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Ok(HeadEvent::Final(head));
                }
                self.informational = self.informational.saturating_add(end);
                if self.informational > limits.informational {
                    return Err(too_much_informational(limits.informational));
                }
                Ok(HeadEvent::Informational(head))
            }
            None if data.len() <= limits.head => Ok(HeadEvent::More),
            _ => {
                let message = format!("the response's head is larger than {} bytes, its limit", limits.head);
                Err(Error::new(ErrorKind::LimitExceeded, Phase::Head, message))
            }
        }
    }
}

/// Creates the error for informational responses that are together larger than their limit.
fn too_much_informational(limit: usize) -> Error {
    let message = format!(
        "the informational (1xx) responses before the final response are larger than {limit} bytes together, the limit \
         of `Config::informational_bytes`"
    );
    Error::new(ErrorKind::LimitExceeded, Phase::Head, message)
}

/// Skips a blank line before the head: a line break that is left over from the previous response is not part of this
/// head (RFC 9112, section 2.2). Returns whether the head begins here; `false` means that more bytes are needed to
/// decide.
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

/// Refuses a status line that continues on the next line. Two readers could disagree on which line the continuation
/// belongs to (RFC 9112, section 2.2).
fn check_first_line(block: &[u8]) -> Result<()> {
    let mut lines = block.splitn(2, |byte| *byte == b'\n');
    match lines.nth(1) {
        Some(rest @ [b' ' | b'\t', ..]) => {
            Err(malformed_lines::error(rest, 2, LineBlock::Head, "white space comes before the first header"))
        }
        _ => Ok(()),
    }
}

/// Parses a head. A malformed header line is skipped if `limits` says so, and named by the error otherwise.
fn parse_leniently(block: Bytes, scan: &BlockScan, limits: &Http1Limits) -> Result<ResponseHead> {
    match parse(&scan.unfolded(block.clone()), limits) {
        // Malformed lines are searched only after a failure, so valid heads cost nothing.
        Err(error) if error.kind() == ErrorKind::Protocol => {
            let Some(rest) = malformed_lines::skip(&block, LineBlock::Head, limits.ignore_invalid_headers)? else {
                return Err(error);
            };
            let head = parse(&scan.unfolded(rest), limits)?;
            Ok(ResponseHead { has_skipped_lines: true, ..head })
        }
        outcome => outcome,
    }
}

fn parse(block: &Bytes, limits: &Http1Limits) -> Result<ResponseHead> {
    let max_lines = fields::max_lines(block.len(), limits.headers);
    // Not initialized: a head fills only as many entries as it has lines. The default limit of 256 lines fits, so only
    // a higher limit allocates.
    let mut on_stack = [const { MaybeUninit::uninit() }; HEADERS_ON_STACK];
    let mut on_heap;
    let lines = match on_stack.get_mut(..max_lines) {
        Some(lines) => lines,
        None => {
            on_heap = Box::new_uninit_slice(max_lines);
            &mut *on_heap
        }
    };
    let mut parsed = httparse::Response::new(&mut []);
    let outcome = httparse::ParserConfig::default().parse_response_with_uninit_headers(&mut parsed, block, lines);
    match outcome {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err(malformed("the response's head is cut short")),
        Err(httparse::Error::TooManyHeaders) => return Err(fields::too_many(limits.headers, Phase::Head)),
        // A malformed header line has an error of its own, see `parse_leniently`.
        Err(error) => {
            let advice = "the status line must be a version, a status code and a reason";
            return Err(malformed_lines::error(block, 1, LineBlock::Head, advice).with_source(error));
        }
    }
    let status = parsed.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("the status code is not a number from 100 to 999"))?;
    // A standard phrase follows from the status and is not stored.
    let reason = parsed.reason.filter(|reason| !reason.is_empty() && Some(*reason) != status.canonical_reason());
    Ok(ResponseHead {
        status,
        reason: reason.map(Into::into),
        version: if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 },
        headers: fields::map(block, parsed.headers, Phase::Head)?,
        has_skipped_lines: false,
    })
}
