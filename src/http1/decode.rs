//! Response heads: found without reading a byte twice, parsed by `plain_head` or `httparse`, kept as slices of a single
//! buffer.

use std::mem::MaybeUninit;

use bytes::{Buf, Bytes};
use http::{StatusCode, Version};
use memchr::memchr;

use super::buffer::ReadBuffer;
use super::fields::{self, BlockScan};
use super::framing::{self, FramingFields, malformed};
use super::limits::Http1Limits;
use super::malformed_lines::{self, LineBlock};
use super::plain_head::{self, PlainHead};
use crate::error::{ErrorKind, Phase, Result};
use crate::message::response::header_block::HeaderBlock;

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
    /// The header lines, from which a map is made only if the program looks at headers.
    pub(crate) headers: HeaderBlock,
    /// What the header lines say about the message itself.
    pub(crate) framing: FramingFields,
    /// Whether a malformed line was skipped, in this head or in an informational head before it.
    pub(crate) has_skipped_lines: bool,
}

/// What the bytes received so far contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadEvent {
    /// No complete head yet: receive more.
    More,
    /// The head of an informational (1xx) response. Another head follows.
    Informational,
    /// The head of a final response. This includes 101, after which no HTTP/1.1 head follows.
    Final,
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
    /// Takes the next head out of `buffer` into `head`, if it is complete.
    // The head is not returned: each function between here and the response would move it.
    pub(crate) fn next(
        &mut self,
        buffer: &mut ReadBuffer,
        limits: &Http1Limits,
        head: &mut ResponseHead,
    ) -> Result<HeadEvent> {
        // Most heads arrive whole, and without a blank line before them.
        if self.scan.is_new() {
            if let Some(plain) = plain_head::parse(buffer.data(), limits) {
                let length = plain.length;
                *head = ResponseHead::plain(plain, buffer.take(length));
                return self.event(head, length, limits);
            }
        }
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
                *head = parse_leniently(buffer.take(end), &scan, limits)?;
                self.event(head, end, limits)
            }
            None if data.len() <= limits.head => Ok(HeadEvent::More),
            _ => Err(limits.head_is_too_large()),
        }
    }

    /// Returns the event of a complete head of `length` bytes.
    fn event(&mut self, head: &mut ResponseHead, length: usize, limits: &Http1Limits) -> Result<HeadEvent> {
        self.begun = false;
        self.has_skipped_lines |= head.has_skipped_lines;
        head.has_skipped_lines = self.has_skipped_lines;
        if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Ok(HeadEvent::Final);
        }
        self.informational = self.informational.saturating_add(length);
        if self.informational > limits.informational {
            return Err(limits.informational_is_too_large());
        }
        Ok(HeadEvent::Informational)
    }
}

/// A head without headers, which the head of a response replaces.
impl Default for ResponseHead {
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            reason: None,
            version: Version::HTTP_11,
            headers: HeaderBlock::default(),
            framing: FramingFields::default(),
            has_skipped_lines: false,
        }
    }
}

/// Skips a blank line before the head: a line break that is left over from the previous response is not part of this
/// head (RFC 9112, section 2.2). Returns whether the head begins here; `false` means that more bytes are needed to
/// decide.
fn skip_blank_line(buffer: &mut ReadBuffer) -> bool {
    let blank = match buffer.data() {
        [] | [b'\r'] => return false,
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return true,
    };
    buffer.skip(blank);
    true
}

/// Returns the length of the status line. Refuses a status line that continues on the next line: two readers could
/// disagree on which line the continuation belongs to (RFC 9112, section 2.2).
fn status_line_length(block: &[u8]) -> Result<usize> {
    let length = memchr(b'\n', block).map_or(block.len(), |at| at + 1);
    match &block[length..] {
        rest @ [b' ' | b'\t', ..] => {
            Err(malformed_lines::error(rest, 2, LineBlock::Head, "white space comes before the first header"))
        }
        _ => Ok(length),
    }
}

/// Parses a head. A malformed header line is skipped if `limits` says so, and named by the error otherwise.
fn parse_leniently(block: Bytes, scan: &BlockScan, limits: &Http1Limits) -> Result<ResponseHead> {
    let status_line = status_line_length(&block)?;
    let unfolded = scan.unfolded(&block);
    match parse(unfolded.as_ref().unwrap_or(&block), limits) {
        Ok(head) => Ok(head.with_headers(unfolded.unwrap_or(block), status_line)),
        // Malformed lines are searched only after a failure, so valid heads cost nothing.
        Err(error) if error.kind() == ErrorKind::Protocol => {
            let Some(rest) = malformed_lines::skip(&block, LineBlock::Head, limits.ignore_invalid_headers)? else {
                return Err(error);
            };
            let rest = scan.unfolded(&rest).unwrap_or(rest);
            let head = parse(&rest, limits)?;
            Ok(ResponseHead { has_skipped_lines: true, ..head.with_headers(rest, status_line) })
        }
        Err(error) => Err(error),
    }
}

impl ResponseHead {
    /// Makes the head of its parts and its bytes.
    fn plain(head: PlainHead, mut block: Bytes) -> Self {
        let PlainHead { status, reason, version, framing, content_length, status_line, .. } = head;
        block.advance(status_line);
        let headers = HeaderBlock::new(block, content_length);
        Self { status, reason, version, headers, framing, has_skipped_lines: false }
    }

    /// Keeps the header lines of `block`, which begins with a status line of this length.
    fn with_headers(mut self, mut block: Bytes, status_line: usize) -> Self {
        block.advance(status_line);
        self.headers.set_lines(block);
        self
    }
}

/// Parses the lines of a head. Returns the head without its header lines.
fn parse(block: &[u8], limits: &Http1Limits) -> Result<ResponseHead> {
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
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    fields::check(parsed.headers, Phase::Head)?;
    let (framing, content_length) = framing::read(&*parsed.headers, version);
    Ok(ResponseHead {
        status,
        reason: reason.map(Into::into),
        version,
        headers: HeaderBlock::new(Bytes::new(), content_length),
        framing,
        has_skipped_lines: false,
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    /// Returns the number of headers of a head with this line, or `None` if the head is refused.
    fn headers_of(line: &[u8]) -> Option<usize> {
        let block = [b"HTTP/1.1 200 OK\r\n", line, b"\r\n\r\n"].concat();
        let head = parse_leniently(block.into(), &BlockScan::default(), &Http1Limits::default()).ok()?;
        Some(head.headers.to_map().len())
    }

    #[test]
    fn accepted_lines_are_the_lines_that_a_map_accepts() {
        // A colon ends a name, and a line break ends a line.
        for byte in (0..=255).filter(|byte| *byte != b':' && *byte != b'\n') {
            let text = [b'a', byte, b'b'];
            let is_name = HeaderName::from_bytes(&text).is_ok();
            assert_eq!(headers_of(&[&text[..], b": x"].concat()), is_name.then_some(1), "{byte} in a name");
            let is_value = HeaderValue::from_bytes(&text).is_ok();
            assert_eq!(headers_of(&[b"x: ", &text[..]].concat()), is_value.then_some(1), "{byte} in a value");
        }
    }

    #[test]
    fn name_that_no_map_can_hold_is_refused() {
        let limits = Http1Limits { head: usize::MAX, ..Http1Limits::default() };
        for (length, is_accepted) in [(65_535, true), (65_536, false)] {
            let block = format!("HTTP/1.1 200 OK\r\n{}: x\r\n\r\n", "a".repeat(length));
            let head = parse_leniently(block.into(), &BlockScan::default(), &limits);
            assert_eq!(head.is_ok_and(|head| head.headers.to_map().len() == 1), is_accepted, "{length}");
        }
    }

    /// Parses a block as the decoder does if it does not arrive whole.
    fn parse_slowly(data: &[u8], limits: &Http1Limits) -> Result<(ResponseHead, usize)> {
        let mut scan = BlockScan::default();
        let end = scan.end(data).ok_or_else(|| malformed("no end"))?;
        let block = Bytes::copy_from_slice(&data[..end]);
        Ok((parse_leniently(block, &scan, limits)?, end))
    }

    #[test]
    fn plain_heads_are_parsed_as_by_httparse() {
        let heads = [
            "HTTP/1.1 200 OK\r\nserver: a\r\ndate: Sat, 21 Nov 2026 08:00:00 GMT\r\ncontent-length: 13\r\n\r\nHello\r\n\r\n",
            "HTTP/1.0 404 Gone\r\nConnection: Keep-Alive, x\r\nKeep-Alive: timeout=5, max=7\r\nx: \r\n\r\n",
            "HTTP/1.1 101 \r\nTransfer-Encoding:chunked\r\nContent-Encoding: gzip \r\nConnection: close\r\n\r\n",
            "HTTP/1.1 999 A b\r\ncontent-length: 1\r\nContent-Length: 1,1\r\nconnection: a\r\nconnection: b\r\n\r\nx",
        ];
        let replacements = b"\r\n\t :,;\0\x7f\x80a0=";
        let limits = Http1Limits { headers: 4, ..Http1Limits::default() };
        let mut plain = 0;
        for head in heads {
            // Each byte is replaced, removed or doubled, alone and together with a byte after it.
            for first in 0..head.len() {
                for second in [0, 1, 2, 7] {
                    for with in 0..replacements.len() + 2 {
                        let mut data = head.as_bytes().to_vec();
                        for at in [first, first + second] {
                            match replacements.get(with) {
                                _ if at >= data.len() => {}
                                Some(byte) => data[at] = *byte,
                                None if with == replacements.len() => drop(data.remove(at)),
                                None => data.insert(at, data[at]),
                            }
                        }
                        let Some(found) = plain_head::parse(&data, &limits) else { continue };
                        plain += 1;
                        let (expected, length) = parse_slowly(&data, &limits).unwrap();
                        let found_length = found.length;
                        let found = ResponseHead::plain(found, Bytes::copy_from_slice(&data[..found_length]));
                        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{}", data.escape_ascii());
                        assert_eq!(found_length, length, "{}", data.escape_ascii());
                    }
                }
            }
        }
        assert!(plain > 1000, "{plain} heads were plain");
    }
}
