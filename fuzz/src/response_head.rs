//! The head of a response of HTTP/1.1.

use waterspout::agent::Config;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, Redirect};

use crate::choices::{Choices, single_bytes, whole};
use crate::outcome::{Outcome, client};
use crate::wire::{Answer, Wire};

/// The limit of the head in bytes, small so that inputs reach it.
const MAX_HEAD: usize = 2_000;
const MAX_HEADERS: usize = 40;

/// Reads `input` and an empty line as the head of a response without a body.
///
/// Checks that the split of the bytes changes nothing, that the limits hold, and that lenient reading reads a valid
/// head as strict reading does.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let bytes = [input, b"\r\n\r\n"].concat();
    let pieces = choices.split(&bytes);
    let [strict, lenient] = [false, true].map(|ignores_invalid| {
        let expected = head(ignores_invalid, whole(&bytes));
        assert_eq!(head(ignores_invalid, single_bytes(&bytes)), expected);
        assert_eq!(head(ignores_invalid, pieces.clone()), expected);
        expected
    });
    if strict.error.is_none() {
        assert_eq!(lenient, strict, "lenient reading changes a valid head");
    }
    for outcome in [strict, lenient] {
        let Some(head) = outcome.head else { continue };
        assert!((200..1_000).contains(&head.status.as_u16()) || head.status == 101, "{}", head.status);
        assert!(head.headers.len() <= MAX_HEADERS);
        assert!(head.headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= MAX_HEAD);
        assert!(outcome.body.is_empty(), "a response to HEAD has a body");
    }
}

fn head(ignores_invalid: bool, pieces: Vec<Vec<u8>>) -> Outcome {
    let timer = ManualTimer::new();
    let wire = Wire::new([Answer { pieces, has_pauses: true, closes: true }]);
    let config = Config::new().head_bytes(MAX_HEAD).header_count(MAX_HEADERS).ignore_invalid_headers(ignores_invalid);
    let client = client(Agent::new(wire, timer.clone()).with_config(config), timer);
    let request = client.head("http://a.test/").redirect(Redirect::Manual);
    Outcome::of(request).expect("the request waits for a closed connection")
}
