//! Malformed header lines: the error that names such a line, and the block of lines without them.
//!
//! A line is skipped only if no reader can take it, or a part of it, for the framing of the message. Otherwise two
//! readers could disagree on where the message ends (RFC 9112, section 11.1).

use bytes::{Bytes, BytesMut};
use http::HeaderName;

use super::fields::unfold;
use crate::error::{Error, ErrorKind, Phase, Result, Source};

/// Maximum bytes of a line that an error shows.
const MAX_EXCERPT: usize = 60;

/// The names of the fields that frame a message, without their hyphens.
const FRAMING: [&str; 2] = ["contentlength", "transferencoding"];

/// Parts of the names of fields whose values may be secret: `set-cookie`, `authorization`, `x-api-key` and more.
const SECRET: [&str; 10] =
    ["cookie", "auth", "token", "secret", "password", "session", "key", "credential", "signature", "nonce"];

/// The lines that may be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineBlock {
    /// A response's head. Its first line is the status line and not a header line.
    Head,
    /// The trailers of a chunked body.
    Trailers,
}

impl LineBlock {
    fn name(self) -> &'static str {
        match self {
            Self::Head => "the response's head",
            Self::Trailers => "the trailers",
        }
    }

    fn phase(self) -> Phase {
        match self {
            Self::Head => Phase::Head,
            Self::Trailers => Phase::Body,
        }
    }
}

/// Returns `block` without its malformed header lines, or `None` if it has no malformed header line. `block` is as it
/// was received: a field may continue on the next line.
///
/// # Errors
/// [`Protocol`](ErrorKind::Protocol) at the first malformed line that must not be skipped. Without `ignore`, that is
/// each malformed line.
pub(super) fn skip(block: &[u8], of: LineBlock, ignore: bool) -> Result<Option<Bytes>> {
    let mut kept = BytesMut::with_capacity(block.len());
    let mut rest = block;
    let mut number = 1;
    while !rest.is_empty() {
        let (field, after) = rest.split_at(field_length(rest));
        let is_status_line = number == 1 && of == LineBlock::Head;
        let fault = if is_status_line { None } else { fault(field) };
        match fault {
            None => kept.extend_from_slice(field),
            Some(cause) => {
                let advice = match reason_to_refuse(field) {
                    None if ignore => None,
                    None => Some("`agent::Config::ignore_invalid_headers` skips such lines".to_owned()),
                    Some(reason) => Some(format!("it cannot be skipped, because {reason}")),
                };
                if let Some(advice) = advice {
                    return Err(error(field, number, of, &advice).with_source(cause));
                }
            }
        }
        number += field.iter().filter(|byte| **byte == b'\n').count();
        rest = after;
    }
    Ok((kept.len() < block.len()).then(|| kept.freeze()))
}

/// Creates the error for the malformed line at the beginning of `rest`.
pub(super) fn error(rest: &[u8], number: usize, of: LineBlock, advice: &str) -> Error {
    let line = excerpt(&rest[..line_length(rest)]);
    let message = format!("line {number} of {} is malformed: \"{line}\" ({advice})", of.name());
    Error::new(ErrorKind::Protocol, of.phase(), message)
}

/// Returns the length of the first line of `block`, its line break included.
fn line_length(block: &[u8]) -> usize {
    block.iter().position(|byte| *byte == b'\n').map_or(block.len(), |at| at + 1)
}

/// Returns the length of the first line of `block`, together with the lines on which it continues.
fn field_length(block: &[u8]) -> usize {
    let mut length = line_length(block);
    while let Some(b' ' | b'\t') = block.get(length) {
        length += line_length(&block[length..]);
    }
    length
}

/// Returns why a field is malformed: it breaks the grammar (RFC 9112, section 5), or its name is longer than a header
/// map allows. Returns `None` for a valid field, and for the empty line at the end of a block.
fn fault(field: &[u8]) -> Option<Source> {
    let line = unfold(field);
    let mut parsed = [httparse::EMPTY_HEADER];
    match httparse::parse_headers(&line, &mut parsed) {
        Err(cause) => Some(cause.into()),
        Ok(httparse::Status::Complete(_)) => None,
        // After a valid field the parser waits for another line.
        Ok(httparse::Status::Partial) => {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            HeaderName::from_bytes(name).err().map(Into::into)
        }
    }
}

/// Returns why a malformed field must not be skipped, if another reader could see a field in it that this reader does
/// not see.
fn reason_to_refuse(field: &[u8]) -> Option<&'static str> {
    let line = field.strip_suffix(b"\n").unwrap_or(field);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Some("it begins with white space");
    }
    if line.contains(&b'\n') {
        return Some("it continues on the next line");
    }
    // Some readers take these bytes for the end of the line.
    if line.iter().any(|byte| matches!(byte, b'\0' | b'\r')) {
        return Some("it contains a NUL or a bare CR");
    }
    // In the whole line: without a valid name, readers disagree on where the name is.
    mentions(line, &FRAMING).then_some("it mentions a field that frames the message")
}

/// Returns whether `text` contains a word of `words`. Only letters and digits count, and not their case.
fn mentions(text: &[u8], words: &[&str]) -> bool {
    let letters = text.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let letters: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    words.iter().any(|word| letters.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// Returns the part of a line that an error may show: escaped, at most 60 bytes of the line, and without a secret.
fn excerpt(line: &[u8]) -> String {
    let line = line.trim_ascii_end();
    let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
    let shown = if mentions(name, &SECRET) {
        // Only the first word: where the name ends, is the question of a malformed line.
        let start = line.iter().position(|byte| is_name(*byte)).unwrap_or(0);
        let length = line[start..].iter().position(|byte| !is_name(*byte));
        &line[..length.map_or(line.len(), |length| start + length)]
    } else {
        // The values of queries, cookies and parameters follow an equals sign, and a password in a URL comes before an
        // at sign.
        let end = line.iter().position(|byte| *byte == b'=' || *byte == b'@').map_or(line.len(), |at| at + 1);
        let has_password = line[..end].ends_with(b"@");
        let colon = line[..end].iter().position(|byte| *byte == b':').filter(|_| has_password);
        &line[..colon.map_or(end, |at| at + 1)]
    };
    let shown = &shown[..shown.len().min(MAX_EXCERPT)];
    let ellipsis = if shown.len() < line.len() { "\u{2026}" } else { "" };
    format!("{}{ellipsis}", shown.escape_ascii())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_malformed_lines() {
        for field in ["a: b\r\n", "a:\n", "a: b\r\n c\r\n", "\r\n", "\n", "a: \u{e9}\r\n", "!#$%&'*+-.^_`|~:x\r\n"] {
            assert!(fault(field.as_bytes()).is_none(), "{field:?}");
        }
        let long = format!("{}: b\r\n", "a".repeat(70_000));
        for field in ["a\r\n", "a : b\r\n", ": b\r\n", " a: b\r\n", "a: \0\r\n", "a: b\rc\r\n", "\u{e9}: b\r\n", &long]
        {
            assert!(fault(field.as_bytes()).is_some(), "{field:?}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        for (line, shown) in [
            ("no colon\r\n", "no colon"),
            ("bad name: x\n", "bad name: x"),
            ("x: a\0b\u{e9}\"\r\n", "x: a\\x00b\\xc3\\xa9\\\""),
            ("Set-Cookie : sid=secret", "Set-Cookie\u{2026}"),
            ("Set-Cookie sid=secret", "Set-Cookie\u{2026}"),
            ("\x01Set-Cookie: sid=secret", "\\x01Set-Cookie\u{2026}"),
            ("Set\x01Cookie: secret", "Set\u{2026}"),
            ("Authorization Bearer secret", "Authorization\u{2026}"),
            ("WWW-Authenticate: Digest \0nonce=secret", "WWW-Authenticate\u{2026}"),
            ("X-Api-Key: \0secret", "X-Api-Key\u{2026}"),
            ("Location : /a?code=secret", "Location : /a?code=\u{2026}"),
            ("Location : http://user:secret@example.com/", "Location :\u{2026}"),
            ("a@b c", "a@\u{2026}"),
            ("cookie", "cookie"),
        ] {
            assert_eq!(excerpt(line.as_bytes()), shown, "{line:?}");
        }
        assert_eq!(excerpt("x".repeat(61).as_bytes()), format!("{}\u{2026}", "x".repeat(60)));
        assert_eq!(excerpt("\0".repeat(1000).as_bytes()).len(), 60 * 4 + "\u{2026}".len());
    }

    #[test]
    fn every_line_is_numbered_as_it_was_received() {
        let message = |block: &str, of| skip(block.as_bytes(), of, false).unwrap_err().to_string();
        let head = "HTTP/1.1 200 OK\r\na: b\r\n c\r\n\td\r\nbad\r\n\r\n";
        assert!(message(head, LineBlock::Head).contains("line 5 of the response's head is malformed: \"bad\""));
        assert!(message("a: b\r\nbad\r\n\r\n", LineBlock::Trailers).contains("line 2 of the trailers is malformed"));
    }

    #[test]
    fn only_malformed_lines_are_skipped() {
        let skipped = |block: &str| skip(block.as_bytes(), LineBlock::Head, true).unwrap();
        assert_eq!(skipped("HTTP/1.1 200 OK\r\na: b\r\n c\r\n\r\n"), None);
        let head = "bad status\r\nbad\r\na: b\r\n c\r\n<b>x</b>\n: y\r\nd: e\n\x01\r\n\r\n";
        assert_eq!(skipped(head).unwrap(), "bad status\r\na: b\r\n c\r\nd: e\n\r\n");
    }
}
