//! The chunked transfer coding, beside a naive reading of RFC 9112, section 7.1.

use waterspout::Agent;
use waterspout::agent::Config;
use waterspout::testing::ManualTimer;

use crate::choices::{Choices, single_bytes, whole};
use crate::outcome::{Outcome, client};
use crate::wire::{Answer, Wire};

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// Limits that inputs reach.
const MAX_LINE: usize = 40;
const MAX_TRAILERS: usize = 200;

/// Reads `input` as a chunked body.
///
/// Checks that the split of the bytes changes nothing, and that the client accepts exactly the bodies that the naive
/// reading accepts, with the same bytes.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let expected = body(whole(input));
    assert_eq!(body(single_bytes(input)), expected);
    assert_eq!(body(choices.split(input)), expected);
    match naive(input) {
        // The trailers have rules of their own, so they may be refused.
        Some(Body { data, trailers }) if trailers.is_empty() => {
            assert_eq!((expected.error, expected.body), (None, data));
            assert_eq!(expected.trailers, None);
        }
        Some(Body { data, .. }) => assert_eq!(expected.body, data),
        None => assert!(expected.error.is_some(), "a malformed body was accepted"),
    }
}

fn body(pieces: Vec<Vec<u8>>) -> Outcome {
    let timer = ManualTimer::new();
    let pieces = [vec![HEAD.to_vec()], pieces].concat();
    let wire = Wire::new([Answer { pieces, has_pauses: true, closes: true }]);
    let config = Config::new().chunk_line_bytes(MAX_LINE).trailer_bytes(MAX_TRAILERS);
    let client = client(Agent::new(wire, timer.clone()).with_config(config), timer);
    Outcome::of(client.get("http://a.test/")).expect("the request waits for a closed connection")
}

struct Body<'a> {
    data: Vec<u8>,
    /// The lines between the last chunk and the empty line.
    trailers: &'a [u8],
}

/// Reads a body as the grammar has it. Returns `None` if the bytes do not begin with a complete body.
fn naive(mut rest: &[u8]) -> Option<Body<'_>> {
    let mut data = Vec::new();
    loop {
        let line;
        (line, rest) = split_line(rest)?;
        if line.len() > MAX_LINE {
            return None;
        }
        let size = size(line)?;
        if size == 0 {
            let end = if rest.starts_with(b"\r\n") { 0 } else { find(rest, b"\r\n\r\n")? + 2 };
            return Some(Body { data, trailers: &rest[..end] });
        }
        let size = usize::try_from(size).ok()?;
        data.extend_from_slice(rest.get(..size)?);
        rest = rest[size..].strip_prefix(b"\r\n")?;
    }
}

/// Returns the bytes before the first line break, and the bytes behind it. A lone LF ends no line.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = find(bytes, b"\r\n")?;
    let line = &bytes[..end];
    (!line.contains(&b'\n')).then_some((line, &bytes[end + 2..]))
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Returns the size of a chunk: hexadecimal digits, blanks, and an extension behind a semicolon. The extension may have
/// any byte but a control character.
fn size(line: &[u8]) -> Option<u64> {
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    let (size, extension) = text.split_once(';').unwrap_or((&text, ""));
    let size = size.trim_end_matches([' ', '\t']);
    let is_number = !size.is_empty() && size.chars().all(|digit| digit.is_ascii_hexdigit());
    let is_control = |character: char| character.is_ascii_control() && character != '\t';
    if !is_number || extension.contains(is_control) {
        return None;
    }
    u64::from_str_radix(size, 16).ok()
}
