//! A whole exchange of HTTP/1.1: any bytes, in any pieces.

use waterspout::testing::ManualTimer;
use waterspout::{Agent, Client};

use crate::choices::{Choices, single_bytes, whole};
use crate::outcome::{Outcome, client};
use crate::wire::{Answer, Wire};

/// The response to the second request.
const SENTINEL: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsentinel";

/// What the first request had as its response, and whether the second request used the same connection.
type Exchange = (Option<Outcome>, Option<bool>);

/// Sends a request whose response is `input`, then a second request.
///
/// Checks that the split of the bytes changes nothing, and that nothing hangs after the server has closed the
/// connection. No byte of the first response may get into the second.
pub fn run(input: &[u8]) {
    let mut choices = Choices::of(input);
    let method = choices.pick(&["GET", "GET", "HEAD", "POST"]);
    let answer = |pieces, has_pauses, closes| Answer { pieces, has_pauses, closes };
    // 1. The server closes the connection after the bytes.
    let (expected, _) = exchange(method, answer(whole(input), false, true));
    assert!(expected.is_some(), "the request waits for a closed connection");
    for pieces in [single_bytes(input), choices.split(input)] {
        assert_eq!(exchange(method, answer(pieces, true, true)).0, expected);
    }
    // 2. The server keeps the connection. After a pause, bytes behind the response would come too late to be seen.
    let expected = exchange(method, answer(whole(input), false, false));
    assert_eq!(exchange(method, answer(choices.split(input), false, false)), expected);
}

fn exchange(method: &str, first: Answer) -> Exchange {
    let second = Answer { pieces: whole(SENTINEL), has_pauses: false, closes: true };
    let wire = Wire::new([first, second]);
    let timer = ManualTimer::new();
    let client = client(Agent::new(wire.clone(), timer.clone()), timer);
    let Some(outcome) = Outcome::of(request(&client, method)) else { return (None, None) };
    let next = Outcome::of(client.get("http://a.test/second"));
    // The first request may have needed further connections, whose answers come from the same list.
    let received = wire.received();
    if let [first, second] = received.as_slice() {
        let next = next.expect("the second request waits");
        assert_eq!(next.body.escape_ascii().to_string(), "sentinel");
        return (Some(outcome), Some(first.connection == second.connection));
    }
    // The second request was not sent, or its server gave no answer. No leftover byte may be its response.
    if received.len() == 1 {
        assert!(next.is_none_or(|next| next.head.is_none()), "a byte of the first response is the second response");
    }
    (Some(outcome), None)
}

fn request(client: &Client, method: &str) -> waterspout::RequestBuilder<Client> {
    let request = client.request(method.parse().expect("the methods are valid"), "http://a.test/first");
    // A redirect would need another answer. A target of its own follows redirects.
    let request = request.redirect(waterspout::Redirect::Manual);
    if method == "POST" { request.body("body").expect_continue(true) } else { request }
}
