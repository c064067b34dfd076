//! Parses the heads that nearly all servers send, in a single pass: complete, with CRLF after each line, and without
//! control characters. Any other head is left to `httparse`, which needs three times as many instructions.
//!
//! A head that is parsed here means the same to `httparse`. The tests of `decode` compare both.

use http::{StatusCode, Version};

use super::control_bytes;
use super::decode::ResponseHead;
use super::framing::{Fields, FramingField, FramingFields};
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

/// A head, and where its parts are.
pub(super) struct PlainHead {
    /// The head without its header lines.
    pub(super) head: ResponseHead,
    /// The length of the status line.
    pub(super) status_line: usize,
    /// The length of the whole head.
    pub(super) length: usize,
}

/// Parses the head at the beginning of `data`. Returns `None` if it is not complete or not of the usual form.
pub(super) fn parse(data: &[u8], limits: &Http1Limits) -> Option<PlainHead> {
    let (status_line, after) = split_line(data)?;
    let (version, status, reason) = parse_status_line(status_line)?;
    let status_line = data.len() - after.len();
    let mut rest = after;
    let mut fields = FramingLines::default();
    for _ in 0..=limits.headers.min(HeaderBlock::MAX_LINES) {
        if let [b'\r', b'\n', after @ ..] = rest {
            let length = data.len() - after.len();
            let framing = FramingFields::of(&fields, version);
            let headers = HeaderBlock::default();
            let head = ResponseHead { status, reason, version, headers, framing, has_skipped_lines: false };
            return Some(PlainHead { head, status_line, length });
        }
        let colon = rest.iter().position(|byte| !IS_TOKEN[usize::from(*byte)])?;
        let (name, value) = rest.split_at(colon);
        let (value, after) = split_line(value.strip_prefix(b":")?)?;
        if !(1..=HeaderBlock::MAX_NAME_LENGTH).contains(&name.len()) || !fields.add(name, value) {
            return None;
        }
        rest = after;
    }
    None
}

/// Returns the first line without its line break, and what follows. Returns `None` if a control character comes before
/// the line break.
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
}

impl<'a> FramingLines<'a> {
    /// Adds a line, if it is such a line. Returns whether there was room.
    fn add(&mut self, name: &[u8], value: &'a [u8]) -> bool {
        let Some(field) = FramingField::of(name) else { return true };
        let Some(line) = self.lines.get_mut(self.count) else { return false };
        *line = Some((field, value.trim_ascii()));
        self.count += 1;
        true
    }
}

impl Fields for FramingLines<'_> {
    fn values(&self, field: FramingField) -> impl Iterator<Item = &[u8]> {
        let lines = self.lines.iter().map_while(|line| *line);
        lines.filter(move |line| line.0 == field).map(|line| line.1)
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
}
