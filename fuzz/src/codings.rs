//! The content codings: arbitrary bytes as a body of gzip, deflate, brotli or zstd.

use waterspout::agent::Config;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, ErrorKind};

use crate::choices::{Choices, single_bytes, whole};
use crate::outcome::{Outcome, client};
use crate::wire::{Answer, Wire};

/// The values of `content-encoding`. The first byte of the input selects a value.
const CODINGS: [&str; 8] =
    ["gzip", "deflate", "br", "zstd", "gzip, br", "zstd, deflate", "br, br", "deflate, zstd, gzip"];

/// The limit of the expansion, and how many decoded bytes it does not count.
const MAX_EXPANSION: usize = 20;
const UNCOUNTED: usize = 1 << 20;

/// The maximum size of the decoders' windows. Larger windows cost time, and reach no other code.
const MAX_WINDOW: u64 = 1 << 20;

/// Decodes the bytes after the first byte of `input`.
///
/// Checks that the split of the bytes changes neither the decoded body nor the error, and that the expansion has its
/// limit.
pub fn run(input: &[u8]) {
    let Some((selector, encoded)) = input.split_first() else { return };
    let coding = CODINGS[usize::from(*selector) % CODINGS.len()];
    let mut choices = Choices::of(input);
    let expected = decoded(coding, whole(encoded));
    let splits = [choices.split(encoded), single_bytes(&encoded[..encoded.len().min(200)])];
    let [some, single] = splits;
    compare(&decoded(coding, some), &expected);
    if single.len() == encoded.len() {
        compare(&decoded(coding, single), &expected);
    }
    // A piece that is being decoded may exceed the limit before it is checked.
    assert!(expected.body.len() <= UNCOUNTED + MAX_EXPANSION * encoded.len() + 256 * 1024);
}

/// Compares two outcomes. Before an error, the number of decoded bytes depends on the pieces. The limit of the expansion
/// counts the encoded bytes that have arrived, so it may pass before a piece with malformed bytes.
fn compare(split: &Outcome, whole: &Outcome) {
    let is_limit = |outcome: &Outcome| outcome.error.is_some_and(|(kind, _)| kind == ErrorKind::LimitExceeded);
    assert_eq!(split.head, whole.head);
    assert_eq!(split.error.is_some(), whole.error.is_some());
    assert!(split.error == whole.error || is_limit(split), "{:?} and {:?}", split.error, whole.error);
    let common = split.body.len().min(whole.body.len());
    assert!(split.body[..common] == whole.body[..common], "the decoded bytes differ");
    assert!(split.error.is_some() || split.body.len() == whole.body.len(), "the decoded bodies have different lengths");
}

fn decoded(coding: &str, pieces: Vec<Vec<u8>>) -> Outcome {
    let timer = ManualTimer::new();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {coding}\r\n\r\n");
    let pieces = [vec![head.into_bytes()], pieces].concat();
    let wire = Wire::new([Answer { pieces, has_pauses: true, closes: true }]);
    let config = Config::new().max_expansion(MAX_EXPANSION as u32).max_window_bytes(MAX_WINDOW);
    let client = client(Agent::new(wire, timer.clone()).with_config(config), timer);
    Outcome::of(client.get("http://a.test/")).expect("the request waits for a closed connection")
}
