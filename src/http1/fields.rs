//! Header lines: where a block of lines ends, lines that continue on the next line, and the map of headers.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use memchr::memchr;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::response::header_block::HeaderBlock;

/// Searches for the end of a block of lines while its bytes arrive. Each byte is searched once, however the bytes are
/// split.
#[derive(Debug, Default)]
pub(crate) struct BlockScan {
    /// The number of bytes that are known not to contain the end of the block.
    scanned: usize,
    /// Whether a line continues on the next line.
    folded: bool,
}

impl BlockScan {
    /// Returns whether nothing has been searched yet.
    pub(super) fn is_new(&self) -> bool {
        self.scanned == 0
    }

    /// Returns where the block ends: after its first empty line. `data` is the whole block as received so far. Its
    /// first line must not be empty.
    pub(crate) fn end(&mut self, data: &[u8]) -> Option<usize> {
        while let Some(at) = memchr(b'\n', &data[self.scanned..]) {
            let after = self.scanned + at + 1;
            match &data[after..] {
                [b'\n', ..] => return Some(after + 1),
                [b'\r', b'\n', ..] => return Some(after + 2),
                // An empty line may follow that has not arrived yet, so this line break is searched again.
                [] | [b'\r'] => {
                    self.scanned = after - 1;
                    return None;
                }
                [b' ' | b'\t', ..] => self.folded = true,
                _ => {}
            }
            self.scanned = after;
        }
        self.scanned = data.len();
        None
    }

    /// Returns the block with each field on a single line. Returns `None` if the block is like that already.
    pub(super) fn unfolded(&self, block: &[u8]) -> Option<Bytes> {
        self.folded.then(|| unfold(block))
    }
}

/// Replaces each line break within a field, and the white space around it, by a single space (RFC 9112, section 5.2).
pub(super) fn unfold(block: &[u8]) -> Bytes {
    let is_blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let mut lines = BytesMut::with_capacity(block.len());
    let mut bytes = block.iter().peekable();
    while let Some(byte) = bytes.next() {
        if *byte != b'\n' || !is_blank(bytes.peek().copied()) {
            lines.extend_from_slice(&[*byte]);
            continue;
        }
        if lines.last() == Some(&b'\r') {
            lines.truncate(lines.len() - 1);
        }
        while is_blank(lines.last()) {
            lines.truncate(lines.len() - 1);
        }
        while is_blank(bytes.peek().copied()) {
            bytes.next();
        }
        lines.extend_from_slice(b" ");
    }
    lines.freeze()
}

/// Checks that a header map can hold these parsed lines: their number, and the length of each name.
pub(super) fn check(lines: &[httparse::Header<'_>], phase: Phase) -> Result<()> {
    if lines.len() > HeaderBlock::MAX_LINES {
        return Err(map_is_full(lines.len(), phase));
    }
    match lines.iter().find(|line| line.name.len() > HeaderBlock::MAX_NAME_LENGTH) {
        None => Ok(()),
        Some(line) => name(line.name, phase).map(|_| ()),
    }
}

/// Converts the name of a parsed line.
fn name(name: &str, phase: Phase) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|error| Error::new(ErrorKind::Protocol, phase, "the name of a header is malformed").with_source(error))
}

/// Makes a map of parsed lines. The values stay slices of `block`.
pub(crate) fn map(block: &Bytes, lines: &[httparse::Header<'_>], phase: Phase) -> Result<HeaderMap> {
    // `try_`, because a map panics beyond its own maximum of entries, and the limit of lines may be set higher.
    let mut headers = HeaderMap::try_with_capacity(lines.len()).map_err(|_| map_is_full(lines.len(), phase))?;
    for line in lines {
        let name = name(line.name, phase)?;
        let value = HeaderValue::from_maybe_shared(block.slice_ref(line.value)).map_err(|error| {
            Error::new(ErrorKind::Protocol, phase, "the value of a header is malformed").with_source(error)
        })?;
        headers.try_append(name, value).map_err(|_| map_is_full(lines.len(), phase))?;
    }
    Ok(headers)
}

/// Creates the error for more header lines than a header map can hold, which the configured limit allowed.
fn map_is_full(lines: usize, phase: Phase) -> Error {
    let message = format!("the response has {lines} headers, more than a header map can hold");
    Error::new(ErrorKind::LimitExceeded, phase, message)
}

/// Creates the error for a response with more headers than its limit.
pub(crate) fn too_many(limit: usize, phase: Phase) -> Error {
    Error::new(ErrorKind::LimitExceeded, phase, format!("the response has more than {limit} headers, their limit"))
}

/// Returns how many header lines can be in a block of `bytes` bytes, at most `limit`. Memory for more lines is never
/// needed.
pub(super) fn max_lines(bytes: usize, limit: usize) -> usize {
    // The shortest line has a name of a single letter and no value.
    const SHORTEST: &[u8] = b"a:\n";
    limit.min(bytes / SHORTEST.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_block_is_found_however_the_bytes_are_split() {
        for (block, end) in [("a: b\r\n\r\nrest", 8), ("a: b\n\nrest", 6), ("a: b\n\r\nrest", 7), ("a\r\n \r\n\r\n", 8)]
        {
            for step in 1..block.len() {
                let mut scan = BlockScan::default();
                let ends = (0..=block.len()).step_by(step).find_map(|upto| scan.end(&block.as_bytes()[..upto]));
                let ends = ends.or_else(|| scan.end(block.as_bytes()));
                assert_eq!(ends, Some(end), "{block:?} in steps of {step}");
            }
        }
    }

    #[test]
    fn each_byte_is_searched_once() {
        // Searching the whole block each time would take 10^11 steps.
        let block = "a: b\r\n".repeat(80_000);
        let mut scan = BlockScan::default();
        for upto in 0..block.len() {
            assert_eq!(scan.end(&block.as_bytes()[..upto]), None);
            assert!(scan.scanned + 2 >= upto);
        }
    }

    #[test]
    fn line_break_within_a_field_becomes_a_space() {
        for (folded, plain) in [
            ("a: b \t\r\n \t c\r\n\r\n", "a: b c\r\n\r\n"),
            ("a: b\n c\n\n", "a: b c\n\n"),
            ("a: b\r\n \r\n c\r\n\r\n", "a: b c\r\n\r\n"),
            ("a:\r\n b\r\nc: d\r\n\r\n", "a: b\r\nc: d\r\n\r\n"),
            ("a: b\r\n \r\n\r\n", "a: b \r\n\r\n"),
        ] {
            assert_eq!(unfold(folded.as_bytes()), plain, "{folded:?}");
        }
    }
}
