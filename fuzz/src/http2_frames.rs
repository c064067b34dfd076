//! Frames of HTTP/2: arbitrary frames, frames with valid heads, and arbitrary bytes between them.
//!
//! The input is a list of steps. A step has four bytes before its payload: what it sends, the flags, the stream, and
//! the length of the payload.

use futures::future::join;
use waterspout::Agent;
use waterspout::http::Version;
use waterspout::testing::{Http2Frame, ManualTimer, Script, ScriptedConnector};

use crate::outcome::{Outcome, client};
use crate::polling::run_until_stalled;

/// The number of frame types that RFC 9113 defines. A step below it sends a frame of this type.
const FRAME_TYPES: u8 = 10;

/// Other steps: a head or trailers with valid encoding, long data, and bytes without a frame around them. A step beyond
/// them is a pause.
const FIELDS: u8 = 10;
const LONG_DATA: u8 = 11;
const BYTES: u8 = 12;
const STEPS: u8 = 14;

/// The number of bytes that a byte of the payload of `LONG_DATA` stands for.
const REPEATED: usize = 100;

/// The size of the small pieces. It divides neither the header of a frame nor most payloads, so pieces end anywhere.
const PIECE: usize = 7;

/// Sends two requests at once over HTTP/2 by prior knowledge. `input` says what the server sends.
///
/// Checks that no request hangs once the connection is closed, that no body is longer than the data that was sent, and that
/// the same bytes in small pieces answer the same requests with the same responses.
pub fn run(input: &[u8]) {
    let steps = steps(input);
    let sent: usize = steps.iter().flatten().map(Vec::len).sum();
    let whole = outcomes(&steps, usize::MAX);
    let split = outcomes(&steps, PIECE);
    for (whole, split) in whole.iter().zip(&split) {
        assert!(whole.body.len() <= sent && split.body.len() <= sent);
        assert_eq!(whole.error.is_some(), split.error.is_some(), "{whole:?} {split:?}");
        if whole.error.is_none() {
            assert_eq!((&whole.head, &whole.body), (&split.head, &split.body));
        }
    }
}

/// Returns the outcomes of both requests. The server sends the bytes in pieces of this size at most.
fn outcomes(steps: &[Option<Vec<u8>>], piece: usize) -> [Outcome; 2] {
    // Both requests use the first connection. They may move to further connections, each after the other.
    let scripts = [2, 1, 1, 1].map(|requests| script(steps, requests, piece));
    let connector = ScriptedConnector::new(scripts).version(Version::HTTP_2);
    let timer = ManualTimer::new();
    let client = client(Agent::new(connector.clone(), timer.clone()), timer);
    let fetch = |path| Outcome::read(client.get(path));
    let both = join(fetch("http://a.test/1"), fetch("http://a.test/2"));
    let (first, second) = run_until_stalled(both).expect("a request waits for a closed connection");
    for outcome in [&first, &second] {
        assert!(outcome.head.is_some() || outcome.error.is_some());
    }
    [first, second]
}

/// Makes a server that waits for some requests, and then sends the bytes of each step, in pieces of this size at most, and
/// closes the connection.
fn script(steps: &[Option<Vec<u8>>], requests: usize, piece: usize) -> Script {
    let start = Script::new().send(Http2Frame::settings(&[]));
    let start = (0..requests).fold(start, |script, _| script.expect_frame(Http2Frame::HEADERS));
    steps.iter().fold(start, |script, step| match step {
        Some(bytes) => bytes.chunks(piece).fold(script, Script::send),
        None => script.pause(),
    })
}

/// Returns the bytes that each step sends, and `None` for a pause.
fn steps(input: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut steps = Vec::new();
    let mut rest = input;
    while let [step, flags, stream, length, after @ ..] = rest {
        let (payload, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        let stream = u32::from(*stream);
        let bytes = match step % STEPS {
            kind @ 0..FRAME_TYPES => Http2Frame::new(kind, *flags, stream, payload.to_vec()).to_bytes(),
            FIELDS => fields(*flags, stream, payload),
            LONG_DATA => {
                let data: Vec<u8> = payload.iter().flat_map(|byte| [*byte; REPEATED]).collect();
                Http2Frame::new(Http2Frame::DATA, *flags, stream, data).to_bytes()
            }
            BYTES => payload.to_vec(),
            _ => {
                steps.push(None);
                continue;
            }
        };
        // An empty piece would end the connection.
        if !bytes.is_empty() {
            steps.push(Some(bytes));
        }
    }
    steps
}

/// Encodes the lines of `payload` as fields, such as `:status:200`. A head without a status gets the status 200.
fn fields(flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(payload);
    let lines = text.lines().filter_map(|line| {
        let at = line.char_indices().skip(1).find(|(_, character)| *character == ':')?.0;
        Some((&line[..at], &line[at + 1..]))
    });
    let mut fields: Vec<(&str, &str)> = lines.collect();
    // The padding and the priority would have to stand before the fields.
    let flags = flags & (Http2Frame::END_STREAM | Http2Frame::END_HEADERS) | Http2Frame::END_HEADERS;
    if !text.starts_with(':') && flags & Http2Frame::END_STREAM == 0 {
        fields.insert(0, (":status", "200"));
    }
    Http2Frame::new(Http2Frame::HEADERS, flags, stream, Http2Frame::header_block(&fields)).to_bytes()
}
