//! Parses the heads that nearly all servers send, in a single pass: complete, with CRLF after each line, and without
//! control characters. Any other head is left to `httparse`, which needs three times as many instructions.
//!
//! A head that is parsed here means the same to `httparse`. The tests of `decode` compare both.

use http::{StatusCode, Version};

use super::control_bytes;
use super::framing::{self, Fields, FramingField, FramingFields};
use super::limits::Http1Limits;
use crate::message::response::header_block::HeaderBlock;

/// Whether a byte can be in the name of a field (RFC 9110, section 5.6.2).
const IS_TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = matches!(byte as u8, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'!' | b'#' | b'$' | b'%' | b'&'
            | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        byte += 1;
    }
    table
};

/// The status line of most responses.
const USUAL_STATUS_LINE: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// A number whose eight bytes are 1.
const ONES: u64 = u64::MAX / 255;

/// A head, and where its header lines are.
pub(super) struct PlainHead {
    pub(super) status: StatusCode,
    /// The server's reason phrase, if it differs from the standard phrase of the status.
    pub(super) reason: Option<Box<str>>,
    pub(super) version: Version,
    /// What the header lines say about the message itself.
    pub(super) framing: FramingFields,
    /// The declared length, if it is valid.
    pub(super) content_length: Option<u64>,
    /// The length of the status line.
    pub(super) status_line: usize,
    /// The length of the whole head.
    pub(super) length: usize,
}

/// Parses the head at the beginning of `data`. Returns `None` if it is not complete, not of the
/// usual form, or larger than its limit.
pub(super) fn parse(data: &[u8], limits: &Http1Limits) -> Option<PlainHead> {
    let ((version, status, reason), mut rest) = match data.strip_prefix(USUAL_STATUS_LINE) {
        Some(after) => ((Version::HTTP_11, StatusCode::OK, None), after),
        None => {
            let (status_line, after) = split_line(data)?;
            (parse_status_line(status_line)?, after)
        }
    };
    let status_line = data.len() - rest.len();
    let mut fields = FramingLines::default();
    let mut lines_left = limits.headers.min(HeaderBlock::MAX_LINES);
    loop {
        if let [b'\r', b'\n', after @ ..] = rest {
            let length = data.len() - after.len();
            if length > limits.head {
                return None;
            }
            let (framing, content_length) = framing::read(&fields, version);
            return Some(PlainHead { status, reason, version, framing, content_length, status_line, length });
        }
        let (name, value) = rest.split_at_checked(token_length(rest)?)?;
        let (value, after) = split_line(value.strip_prefix(b":")?)?;
        if !(1..=HeaderBlock::MAX_NAME_LENGTH).contains(&name.len()) || !fields.add(name, value) {
            return None;
        }
        lines_left = lines_left.checked_sub(1)?;
        rest = after;
    }
}

/// Returns how many bytes at the beginning of `data` can be in a name. Returns `None` if all of them can.
fn token_length(data: &[u8]) -> Option<usize> {
    let mut rest = data;
    // Most names consist of letters and hyphens, which are recognized eight bytes at a time.
    while let Some((chunk, after)) = rest.split_first_chunk() {
        let found = flags_of_unusual(u64::from_le_bytes(*chunk));
        if found != 0 {
            rest = rest.get(found.trailing_zeros() as usize / 8..)?;
            break;
        }
        rest = after;
    }
    let at = rest.iter().position(|byte| !IS_TOKEN[usize::from(*byte)])?;
    Some(data.len() - rest.len() + at)
}

/// Returns a number in which the highest bit of a byte is set if the same byte of `bytes` is neither an ASCII letter nor
/// a hyphen.
fn flags_of_unusual(bytes: u64) -> u64 {
    // Without the highest bits, no sum below carries into the next byte.
    let low = bytes & (ONES * 0x7f);
    let lower = low | (ONES * 0x20);
    let is_from_a = lower + ONES * u64::from(0x80 - b'a');
    let is_after_z = lower + ONES * u64::from(0x7f - b'z');
    let is_no_hyphen = (low ^ (ONES * u64::from(b'-'))) + ONES * 0x7f;
    (bytes | (is_no_hyphen & !(is_from_a & !is_after_z))) & (ONES * 0x80)
}

/// Returns the first line without its line break, and what follows. Returns `None` if a control character comes before
/// the line break.
#[inline]
fn split_line(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, after) = data.split_at(control_bytes::find_below(data, b' ')?);
    Some((line, after.strip_prefix(b"\r\n")?))
}

/// Parses a status line. The reason is returned only if it differs from the standard reason.
fn parse_status_line(line: &[u8]) -> Option<(Version, StatusCode, Option<Box<str>>)> {
    let (version, rest) = match line {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'1', b' ', rest @ ..] => (Version::HTTP_11, rest),
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', b'0', b' ', rest @ ..] => (Version::HTTP_10, rest),
        _ => return None,
    };
    let (digits, reason) = rest.split_at_checked(3)?;
    let status = StatusCode::from_bytes(digits).ok()?;
    let reason = reason.strip_prefix(b" ")?;
    if reason.is_empty() || status.canonical_reason().is_some_and(|standard| standard.as_bytes() == reason) {
        return Some((version, status, None));
    }
    let reason = std::str::from_utf8(reason).ok().filter(|reason| reason.is_ascii())?;
    Some((version, status, Some(reason.into())))
}

/// The lines that say something about the message or the connection.
#[derive(Default)]
struct FramingLines<'a> {
    lines: [Option<(FramingField, &'a [u8])>; 6],
    count: usize,
    /// The fields that have a line. Each is the bit of its number.
    present: u8,
}

impl<'a> FramingLines<'a> {
    /// Adds a line, if it is such a line. Returns whether there was room.
    fn add(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        let Some(field) = FramingField::of(name) else { return true };
        let Some(line) = self.lines.get_mut(self.count) else { return false };
        *line = Some((field, value));
        self.count += 1;
        self.present |= 1 << field as u8;
        true
    }
}

impl Fields for FramingLines<'_> {
    fn values(&self, field: FramingField) -> impl Iterator<Item = &[u8]> {
        let lines = self.lines.iter().map_while(|line| *line);
        lines.filter(move |line| line.0 == field).map(|line| line.1)
    }

    fn has(&self, field: FramingField) -> bool {
        self.present & (1 << field as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    #[test]
    fn tokens_are_the_names_of_a_map() {
        for byte in 0..=255_u8 {
            assert_eq!(IS_TOKEN[usize::from(byte)], HeaderName::from_bytes(&[byte]).is_ok(), "{byte}");
        }
    }

    #[test]
    fn name_ends_at_the_first_byte_that_is_no_token() {
        for length in 0..20 {
            for byte in 0..=255_u8 {
                for fill in [b'-', b'a', b'z', b'A', b'Z', b'0', b'~'] {
                    let mut data = vec![fill; 20];
                    assert_eq!(token_length(&data), None);
                    data[length] = byte;
                    let expected = (!IS_TOKEN[usize::from(byte)]).then_some(length);
                    assert_eq!(token_length(&data), expected, "{byte} after {length} times {fill}");
                    data[length + 1..].fill(b':');
                    let end = if expected.is_some() { length } else { length + 1 };
                    let end = (end < data.len()).then_some(end);
                    assert_eq!(token_length(&data), end, "{byte} after {length} times {fill}");
                }
            }
        }
    }
}
