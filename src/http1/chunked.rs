//! The chunked transfer coding (RFC 9112, section 7.1), received.

use super::body::BodyEvent;
use super::buffer::ReadBuffer;
use crate::error::{Error, ErrorKind, Phase, Result};

/// The longest line that announces a chunk; extensions are read over.
const LONGEST_LINE: usize = 4 * 1024;

/// The most bytes of trailers.
const MOST_TRAILERS: usize = 16 * 1024;

/// Takes chunks out of a read buffer.
#[derive(Debug)]
pub(crate) struct ChunkedDecoder(State);

#[derive(Debug)]
enum State {
    /// Before a line with a chunk's size.
    Size,
    /// In a chunk, with this many bytes to come.
    Data(u64),
    /// After a chunk's data, before its line break.
    DataEnd,
    /// After the last chunk, with this many bytes of trailers seen.
    Trailers(usize),
    Done,
}

impl ChunkedDecoder {
    pub(crate) const fn new() -> Self {
        Self(State::Size)
    }

    /// The next event that the buffered bytes give.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer) -> Result<BodyEvent> {
        loop {
            match self.0 {
                State::Size => {
                    let Some(line) = line(buffer, LONGEST_LINE)? else { return Ok(BodyEvent::More) };
                    self.0 = match chunk_size(&line)? {
                        0 => State::Trailers(0),
                        size => State::Data(size),
                    };
                }
                State::Data(left) => {
                    let Some((data, left)) = take_some(buffer, left) else { return Ok(BodyEvent::More) };
                    self.0 = if left == 0 { State::DataEnd } else { State::Data(left) };
                    return Ok(BodyEvent::Data(data));
                }
                State::DataEnd => match buffer.data() {
                    [b'\r', b'\n', ..] => {
                        buffer.take(2);
                        self.0 = State::Size;
                    }
                    [] | [b'\r'] => return Ok(BodyEvent::More),
                    _ => return Err(malformed("a chunk is longer than it says")),
                },
                State::Trailers(seen) => {
                    let Some(line) = line(buffer, MOST_TRAILERS - seen)? else { return Ok(BodyEvent::More) };
                    self.0 = if line.is_empty() { State::Done } else { State::Trailers(seen + line.len() + 2) };
                }
                State::Done => return Ok(BodyEvent::End),
            }
        }
    }
}

/// Takes up to `left` bytes and says how many are then left; `None` if nothing is buffered.
pub(crate) fn take_some(buffer: &mut ReadBuffer, left: u64) -> Option<(bytes::Bytes, u64)> {
    let count = buffer.data().len().min(usize::try_from(left).unwrap_or(usize::MAX));
    (count > 0).then(|| (buffer.take(count), left - count as u64))
}

/// Takes a line without its CRLF, if a whole one is buffered.
fn line(buffer: &mut ReadBuffer, longest: usize) -> Result<Option<bytes::Bytes>> {
    let data = buffer.data();
    match data.iter().position(|byte| *byte == b'\n') {
        Some(end) if end > longest => Err(too_long(longest)),
        Some(end) if end > 0 && data[end - 1] == b'\r' => {
            let line = buffer.take(end + 1);
            Ok(Some(line.slice(..end - 1)))
        }
        Some(_) => Err(malformed("a line of the chunked body does not end in CRLF")),
        None if data.len() > longest => Err(too_long(longest)),
        None => Ok(None),
    }
}

/// Reads `1*HEXDIG`, then nothing or an extension, which is ignored.
fn chunk_size(line: &[u8]) -> Result<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, rest) = line.split_at(digits);
    let rest = rest.trim_ascii_start();
    if !(rest.is_empty() || rest.starts_with(b";")) || rest.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
    {
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

fn too_long(longest: usize) -> Error {
    let message = format!("a line of the chunked body is longer than {longest} bytes");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
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
        for bad in [&b""[..], b"+5", b"-1", b"0x10", b" 5", b"5 5", b"g", b";x", b"5;\0", b"10000000000000000"] {
            assert!(chunk_size(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
