//! The chunked transfer coding (RFC 9112, section 7.1), received.

use bytes::Bytes;
use http::HeaderMap;

use super::body::BodyEvent;
use super::buffer::ReadBuffer;
use super::fields::{self, Scan};
use super::limits::Limits;
use crate::error::{Error, ErrorKind, Phase, Result};

/// Takes chunks, and the trailers after them, out of a read buffer.
#[derive(Debug)]
pub(crate) struct ChunkedDecoder {
    state: State,
    limits: Limits,
    /// How many buffered bytes are known not to end the line before a chunk.
    scanned: usize,
    trailers: Option<HeaderMap>,
}

#[derive(Debug)]
enum State {
    /// Before a line with a chunk's size.
    Size,
    /// In a chunk, with this many bytes to come.
    Data(u64),
    /// After a chunk's data, before its line break.
    DataEnd,
    /// After the last chunk.
    Trailers(Scan),
    Done,
}

impl ChunkedDecoder {
    pub(crate) const fn new(limits: Limits) -> Self {
        Self { state: State::Size, limits, scanned: 0, trailers: None }
    }

    /// The trailers, once, after the end of a body that has some.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// The next event that the buffered bytes give.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer) -> Result<BodyEvent> {
        loop {
            match &mut self.state {
                State::Size => {
                    let Some(line) = self.line(buffer)? else { return Ok(BodyEvent::More) };
                    self.state = match chunk_size(&line)? {
                        0 => State::Trailers(Scan::default()),
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    let Some((data, left)) = take_some(buffer, *left) else { return Ok(BodyEvent::More) };
                    self.state = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(BodyEvent::Data(data));
                }
                State::DataEnd => match buffer.data() {
                    [b'\r', b'\n', ..] => {
                        buffer.take(2);
                        self.state = State::Size;
                    }
                    [] | [b'\r'] => return Ok(BodyEvent::More),
                    _ => return Err(malformed("a chunk is longer than it says")),
                },
                State::Trailers(scan) => {
                    let Some(block) = trailer_block(scan, buffer, self.limits.trailers)? else {
                        return Ok(BodyEvent::More);
                    };
                    self.trailers = trailers(&block, &self.limits)?;
                    self.state = State::Done;
                }
                State::Done => return Ok(BodyEvent::End),
            }
        }
    }

    /// Takes a line without its CRLF, if a whole one is buffered.
    fn line(&mut self, buffer: &mut ReadBuffer) -> Result<Option<Bytes>> {
        let (data, longest) = (buffer.data(), self.limits.chunk_line);
        let end = data[self.scanned..].iter().position(|byte| *byte == b'\n').map(|at| self.scanned + at);
        self.scanned = if end.is_some() { 0 } else { data.len() };
        match end {
            _ if end.unwrap_or(data.len()) > longest.saturating_add(1) => {
                let message = format!("a line of the chunked body is longer than {longest} bytes");
                Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message))
            }
            Some(end) if end > 0 && data[end - 1] == b'\r' => {
                let line = buffer.take(end + 1);
                Ok(Some(line.slice(..end - 1)))
            }
            Some(_) => Err(malformed("a line of the chunked body does not end in CRLF")),
            None => Ok(None),
        }
    }
}

/// Takes the trailers' lines, if they are all here, on one line each and with the empty line after them.
fn trailer_block(scan: &mut Scan, buffer: &mut ReadBuffer, most: usize) -> Result<Option<Bytes>> {
    let end = match buffer.data() {
        [] | [b'\r'] => return Ok(None),
        [b'\r', b'\n', ..] => Some(2),
        [b'\n', ..] => return Err(malformed("a line of the chunked body does not end in CRLF")),
        data => scan.end(data),
    };
    if end.unwrap_or(buffer.data().len()) > most.saturating_add(2) {
        let message = format!("the trailers are larger than {most} bytes");
        return Err(Error::new(ErrorKind::LimitExceeded, Phase::Body, message));
    }
    let Some(end) = end else { return Ok(None) };
    let block = buffer.take(end);
    let bare = |(at, byte): (usize, &u8)| *byte == b'\n' && (at == 0 || block[at - 1] != b'\r');
    if block.iter().enumerate().any(bare) {
        return Err(malformed("a line of the chunked body does not end in CRLF"));
    }
    Ok(Some(scan.unfolded(block)))
}

/// Parses trailers as strictly as a head's lines; `None` if there are none.
fn trailers(block: &Bytes, limits: &Limits) -> Result<Option<HeaderMap>> {
    let mut lines = vec![httparse::EMPTY_HEADER; fields::most_lines(block.len(), limits.headers)];
    match httparse::parse_headers(block, &mut lines) {
        Ok(httparse::Status::Complete((_, []))) => Ok(None),
        Ok(httparse::Status::Complete((_, lines))) => fields::map(block, lines, Phase::Body).map(Some),
        Ok(httparse::Status::Partial) => Err(malformed("the trailers are cut short")),
        Err(httparse::Error::TooManyHeaders) => Err(fields::too_many(limits.headers, Phase::Body)),
        Err(error) => Err(malformed("the trailers are malformed").with_source(error)),
    }
}

/// Takes up to `left` bytes and says how many are then left; `None` if nothing is buffered.
pub(crate) fn take_some(buffer: &mut ReadBuffer, left: u64) -> Option<(Bytes, u64)> {
    let count = buffer.data().len().min(usize::try_from(left).unwrap_or(usize::MAX));
    (count > 0).then(|| (buffer.take(count), left - count as u64))
}

/// Reads `1*HEXDIG`, then nothing or an extension, which is ignored; white space may come between (section 7.1.1).
fn chunk_size(line: &[u8]) -> Result<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, rest) = line.split_at(digits);
    let extension = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t'));
    let is_control = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    if !matches!(extension, None | Some(b';')) || rest.iter().any(is_control) {
        return Err(malformed("a chunk's size is not a hexadecimal number"));
    }
    std::str::from_utf8(size)
        .ok()
        .and_then(|size| u64::from_str_radix(size, 16).ok())
        .ok_or_else(|| malformed("a chunk's size is not a hexadecimal number"))
}

fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, Phase::Body, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_hexadecimal_digits_and_nothing_else() {
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
