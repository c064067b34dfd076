//! Header lines: where a block of them ends, lines that go on on the next, and the map they make.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::error::{Error, ErrorKind, Phase, Result};

/// Looks for the end of a block of lines in bytes that keep coming; no byte is looked at twice, however they come.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// How many bytes are known not to end the block.
    scanned: usize,
    /// Whether a line goes on on the next one.
    folded: bool,
}

impl Scan {
    /// Where the block ends: after its first empty line. `data` is all of it so far, and its first line is not empty.
    pub(crate) fn end(&mut self, data: &[u8]) -> Option<usize> {
        while let Some(at) = data[self.scanned..].iter().position(|byte| *byte == b'\n') {
            let after = self.scanned + at + 1;
            match &data[after..] {
                [b'\n', ..] => return Some(after + 1),
                [b'\r', b'\n', ..] => return Some(after + 2),
                // The line break may be the start of an empty line that is not here yet.
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

    /// The whole block, with each of its fields on one line.
    pub(super) fn unfolded(&self, block: Bytes) -> Bytes {
        if self.folded { unfold(&block) } else { block }
    }
}

/// Puts a space in place of each line break within a field and of the white space around it (RFC 9112, section 5.2).
fn unfold(block: &[u8]) -> Bytes {
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

/// Makes a map of parsed lines, whose values stay slices of `block`.
pub(crate) fn map(block: &Bytes, lines: &[httparse::Header<'_>], phase: Phase) -> Result<HeaderMap> {
    let mut headers = HeaderMap::try_with_capacity(lines.len()).map_err(|_| too_many(lines.len(), phase))?;
    for line in lines {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(|error| {
            Error::new(ErrorKind::Protocol, phase, "a header's name is malformed").with_source(error)
        })?;
        let value = HeaderValue::from_maybe_shared(block.slice_ref(line.value)).map_err(|error| {
            Error::new(ErrorKind::Protocol, phase, "a header's value is malformed").with_source(error)
        })?;
        headers.try_append(name, value).map_err(|_| too_many(lines.len(), phase))?;
    }
    Ok(headers)
}

pub(super) fn too_many(most: usize, phase: Phase) -> Error {
    Error::new(ErrorKind::LimitExceeded, phase, format!("the response has more than {most} headers"))
}

/// The most header lines there can be in so many bytes, and that may be: memory for no more is needed.
pub(super) fn most_lines(bytes: usize, limit: usize) -> usize {
    const SHORTEST: &[u8] = b"a:\n";
    limit.min(bytes / SHORTEST.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_however_the_bytes_come() {
        for (block, end) in [("a: b\r\n\r\nrest", 8), ("a: b\n\nrest", 6), ("a: b\n\r\nrest", 7), ("a\r\n \r\n\r\n", 8)]
        {
            for step in 1..block.len() {
                let mut scan = Scan::default();
                let ends = (0..=block.len()).step_by(step).find_map(|upto| scan.end(&block.as_bytes()[..upto]));
                let ends = ends.or_else(|| scan.end(block.as_bytes()));
                assert_eq!(ends, Some(end), "{block:?} in steps of {step}");
            }
        }
    }

    #[test]
    fn no_byte_is_looked_at_twice() {
        // Looking at all of it each time would be 10^11 steps.
        let block = "a: b\r\n".repeat(80_000);
        let mut scan = Scan::default();
        for upto in 0..block.len() {
            assert_eq!(scan.end(&block.as_bytes()[..upto]), None);
            assert!(scan.scanned + 2 >= upto);
        }
    }

    #[test]
    fn a_line_break_within_a_field_is_one_space() {
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
