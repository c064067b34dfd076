//! Decodes the chunked transfer coding (RFC 9112, section 7.1).

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::body::BodyEvent;
use super::buffer::ReadBuffer;
use super::fields::{self, BlockScan};
use super::limits::Http1Limits;
use super::malformed_lines::{self, LineBlock};
use crate::error::{Error, ErrorKind, Phase, Result};

/// Maximum size of a chunk that is copied to join it with other chunks. A larger chunk is returned without a copy.
const MAX_COPIED: usize = 4 * 1024;

/// Maximum size of a piece that is joined of several chunks.
const MAX_JOINED: usize = 64 * 1024;

/// Takes chunks, and the trailers after the last chunk, out of a read buffer.
#[derive(Debug)]
pub(crate) struct ChunkedDecoder {
    state: ChunkState,
    limits: Http1Limits,
    /// The number of buffered bytes that are known not to end the line before a chunk.
    scanned: usize,
    trailers: Option<HeaderMap>,
    /// Whether a malformed line of the trailers was skipped.
    pub(super) has_skipped_lines: bool,
    /// The error that was found behind a piece. It follows the piece.
    failure: Option<Error>,
}

/// What follows in the read buffer.
enum BufferedPart {
    /// This many bytes of a chunk.
    Data(usize),
    /// The end of the body.
    End,
    /// Bytes that have not arrived.
    More,
}

#[derive(Debug)]
enum ChunkState {
    /// Before the line with a chunk's size.
    Size,
    /// In a chunk. The number is how many bytes are still to come.
    Data(u64),
    /// Between a chunk's data and the line break after it.
    DataEnd,
    /// After the last chunk.
    Trailers(BlockScan),
    /// After the empty line behind the trailers.
    Done,
}

impl ChunkedDecoder {
    pub(crate) const fn new(limits: Http1Limits) -> Self {
        Self { state: ChunkState::Size, limits, scanned: 0, trailers: None, has_skipped_lines: false, failure: None }
    }

    /// Takes the trailers of a body that has ended, if it has any.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// Returns the next event that the buffered bytes contain. Small chunks that are buffered are a single piece.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer) -> Result<BodyEvent> {
        if let Some(error) = self.failure.take() {
            return Err(error);
        }
        match self.find(buffer)? {
            BufferedPart::Data(length) => {
                self.count(length);
                let first = buffer.take(length);
                Ok(BodyEvent::Data(self.join(first, buffer)))
            }
            BufferedPart::End => Ok(BodyEvent::End),
            BufferedPart::More => Ok(BodyEvent::More),
        }
    }

    /// Appends the small chunks that follow in the buffer to `first`.
    fn join(&mut self, first: Bytes, buffer: &mut ReadBuffer) -> Bytes {
        let mut joined = BytesMut::new();
        let mut length = first.len();
        while length <= MAX_COPIED || !joined.is_empty() {
            match self.find(buffer) {
                Ok(BufferedPart::Data(more)) if more <= MAX_COPIED && length + more <= MAX_JOINED => {
                    if joined.is_empty() {
                        // No more than the buffered bytes can follow.
                        joined.reserve((length + buffer.data().len()).min(MAX_JOINED));
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&buffer.data()[..more]);
                    buffer.skip(more);
                    self.count(more);
                    length += more;
                }
                // These are found again by the next call.
                Ok(_) => break,
                Err(error) => {
                    self.failure = Some(error);
                    break;
                }
            }
        }
        if joined.is_empty() { first } else { joined.freeze() }
    }

    /// Finds what follows in the buffer. Takes the lines between chunks, and the trailers.
    fn find(&mut self, buffer: &mut ReadBuffer) -> Result<BufferedPart> {
        loop {
            match &mut self.state {
                ChunkState::Size => {
                    let Some(size) = self.size(buffer)? else { return Ok(BufferedPart::More) };
                    self.state = match size {
                        0 => ChunkState::Trailers(BlockScan::default()),
                        _ => ChunkState::Data(size),
                    };
                }
                ChunkState::Data(left) => {
                    return Ok(match buffered(buffer, *left) {
                        0 => BufferedPart::More,
                        length => BufferedPart::Data(length),
                    });
                }
                ChunkState::DataEnd => match buffer.data() {
                    [b'\r', b'\n', ..] => {
                        buffer.skip(2);
                        self.state = ChunkState::Size;
                    }
                    [] | [b'\r'] => return Ok(BufferedPart::More),
                    // Skipping to the next line break would let two readers see different chunks.
                    _ => return Err(malformed("a chunk is longer than its declared size")),
                },
                ChunkState::Trailers(scan) => {
                    let Some(block) = trailer_block(scan, buffer, &self.limits)? else {
                        return Ok(BufferedPart::More);
                    };
                    self.trailers =
                        match trailers(&scan.unfolded(&block).unwrap_or_else(|| block.clone()), &self.limits) {
                            // Malformed lines are searched only after a failure, so valid trailers cost nothing.
                            Err(error) if error.kind() == ErrorKind::Protocol => {
                                let ignore = self.limits.ignore_invalid_headers;
                                let rest = malformed_lines::skip(&block, LineBlock::Trailers, ignore)?.ok_or(error)?;
                                self.has_skipped_lines = true;
                                trailers(&scan.unfolded(&rest).unwrap_or(rest), &self.limits)?
                            }
                            outcome => outcome?,
                        };
                    self.state = ChunkState::Done;
                }
                ChunkState::Done => return Ok(BufferedPart::End),
            }
        }
    }

    /// Counts `length` bytes of the present chunk as taken.
    fn count(&mut self, length: usize) {
        if let ChunkState::Data(left) = &mut self.state {
            *left = left.saturating_sub(length as u64);
            if *left == 0 {
                self.state = ChunkState::DataEnd;
            }
        }
    }

    /// Takes the line before a chunk, if the whole line is buffered. Returns the chunk's size.
    ///
    /// Only CRLF ends a line here, although a lone LF may end a line of a head. Requests are smuggled with bare line
    /// feeds in chunk extensions.
    fn size(&mut self, buffer: &mut ReadBuffer) -> Result<Option<u64>> {
        let data = buffer.data();
        let limit = self.limits.chunk_line;
        let end = data[self.scanned..].iter().position(|byte| *byte == b'\n').map(|at| self.scanned + at);
        self.scanned = if end.is_some() { 0 } else { data.len() };
        match end {
            // The limit is for the line without its line break, and `end` counts the CR.
            _ if end.unwrap_or(data.len()) > limit.saturating_add(1) => {
                let message = format!("a line of the chunked body is longer than {limit} bytes, its limit");
                Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message))
            }
            Some(end) if end > 0 && data[end - 1] == b'\r' => {
                let size = chunk_size(&data[..end - 1])?;
                buffer.skip(end + 1);
                Ok(Some(size))
            }
            Some(_) => Err(malformed("a line of the chunked body does not end in CRLF")),
            None => Ok(None),
        }
    }
}

/// Takes the lines of the trailers and the empty line after them, if all of them are buffered.
fn trailer_block(scan: &mut BlockScan, buffer: &mut ReadBuffer, limits: &Http1Limits) -> Result<Option<Bytes>> {
    let end = match buffer.data() {
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => return Err(malformed("a line of the chunked body does not end in CRLF")),
        data => scan.end(data),
    };
    // The empty line after the trailers does not count.
    if end.unwrap_or(buffer.data().len()) > limits.trailers.saturating_add(2) {
        return Err(limits.trailers_are_too_large());
    }
    let Some(end) = end else { return Ok(None) };
    let block = buffer.take(end);
    let is_bare_lf = |(at, byte): (usize, &u8)| *byte == b'\n' && (at == 0 || block[at - 1] != b'\r');
    if block.iter().enumerate().any(is_bare_lf) {
        return Err(malformed("a line of the chunked body does not end in CRLF"));
    }
    Ok(Some(block))
}

/// Parses trailers as strictly as the lines of a head. Returns `None` if there are no trailers.
fn trailers(block: &Bytes, limits: &Http1Limits) -> Result<Option<HeaderMap>> {
    let mut lines = vec![httparse::EMPTY_HEADER; fields::max_lines(block.len(), limits.headers)];
    match httparse::parse_headers(block, &mut lines) {
        Ok(httparse::Status::Complete((_, []))) => Ok(None),
        Ok(httparse::Status::Complete((_, lines))) => fields::map(block, lines, Phase::Body).map(Some),
        Ok(httparse::Status::Partial) => Err(malformed("the trailers are cut short")),
        Err(httparse::Error::TooManyHeaders) => Err(fields::too_many(limits.headers, Phase::Body)),
        Err(error) => Err(malformed("the trailers are malformed").with_source(error)),
    }
}

/// Returns how many of the next `left` bytes are buffered.
fn buffered(buffer: &ReadBuffer, left: u64) -> usize {
    buffer.data().len().min(usize::try_from(left).unwrap_or(usize::MAX))
}

/// Takes up to `left` bytes. Returns them with the number of bytes that are then left, or `None` if nothing is
/// buffered.
pub(crate) fn take_some(buffer: &mut ReadBuffer, left: u64) -> Option<(Bytes, u64)> {
    let count = buffered(buffer, left);
    (count > 0).then(|| (buffer.take(count), left - count as u64))
}

/// Parses a chunk's size: `1*HEXDIG`, then optional white space and an extension, which is ignored (RFC 9112, section
/// 7.1.1).
fn chunk_size(line: &[u8]) -> Result<u64> {
    // Counted first, because `from_str_radix` also accepts a sign.
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, rest) = line.split_at(digits);
    let extension = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    // A control character in an extension may end the line for another reader.
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if !matches!(extension, None | Some(b';')) || rest.iter().any(is_control) {
        return Err(malformed("a chunk's size is not a hexadecimal number"));
    }
    std::str::from_utf8(size)
        .ok()
        .and_then(|size| u64::from_str_radix(size, 16).ok())
        .ok_or_else(|| malformed("a chunk's size is not a hexadecimal number"))
}

/// Creates the error for a chunked body that breaks the protocol.
fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Body, message)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn only_small_chunks_are_copied() {
        let large = vec![b'x'; 0xa000];
        for (data, expected, shares_memory) in [
            ("1\r\na\r\n1\r\nb\r\n", "ab".as_bytes(), false),
            ("1\r\na\r\n0\r\n\r\n", b"a", false),
            ("1\r\na\r\na000\r\n", b"a", true),
            ("a000\r\n", &large, true),
        ] {
            let large = if data.ends_with("a000\r\n") { &large[..] } else { b"" };
            let mut buffer = ReadBuffer::with_reads(64 * 1024, 64 * 1024);
            let mut context = Context::from_waker(Waker::noop());
            let mut source = [data.as_bytes(), large, b"\r\n1\r\nb\r\n"].concat();
            source.truncate(data.len() + large.len() + 9 * usize::from(!large.is_empty()));
            assert!(buffer.poll_fill(&mut context, &mut &source[..]).is_ready());
            let memory = buffer.data().as_ptr_range();
            let event = ChunkedDecoder::new(Http1Limits::default()).next(&mut buffer).unwrap();
            let BodyEvent::Data(piece) = event else { panic!("{event:?}") };
            assert_eq!(piece, expected, "{data}");
            assert_eq!(memory.contains(&piece.as_ptr()), shares_memory, "{data}");
        }
    }

    #[test]
    fn chunk_size_is_hexadecimal_digits_only() {
        assert_eq!(chunk_size(b"0").unwrap(), 0);
        assert_eq!(chunk_size(b"fFf").unwrap(), 0xfff);
        assert_eq!(chunk_size(b"10;name=value").unwrap(), 16);
        assert_eq!(chunk_size(b"10 ;name=value").unwrap(), 16);
        assert_eq!(chunk_size(b"10 \t").unwrap(), 16);
        for bad in [
            &b""[..],
            b"+5",
            b"-1",
            b"0x10",
            b" 5",
            b"5 5",
            b"g",
            b";x",
            b"5;\0",
            b"5;\r",
            b"5\x0c;x",
            b"5_0",
            b"10000000000000000",
        ] {
            assert!(chunk_size(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
