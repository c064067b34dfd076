//! The connection of a redirect carries the next request if the redirect's body is small and has arrived.

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::agent::{RedirectAction, RedirectPolicy};
use waterspout::testing::Script;

use crate::support::client::{HELLO, ScriptedClient, once, scripted, send, text};

/// The limit of a body that is read for its connection.
const LIMIT: usize = 64 * 1024;

fn head(fields: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: /next\r\n{fields}\r\n\r\n")
}

/// A client whose first connection sends `script` and then answers another request.
fn client(script: Script) -> ScriptedClient {
    scripted([script.expect_head().send(HELLO).silence(), once(HELLO)])
}

/// Follows the redirect of `script`. Returns the number of connections, and how many of them are open.
fn connections(script: Script) -> (usize, usize) {
    let wire = client(script);
    assert_eq!(text(wire.get()).unwrap(), "hello");
    (wire.connector.connections(), wire.connector.open())
}

fn pieces(pieces: &[&str]) -> Script {
    pieces.iter().fold(Script::new().expect_head(), |script, piece| script.send(*piece))
}

#[test]
fn connection_is_reused_after_a_small_body_that_has_arrived() {
    let sized = |length: usize| (head(&format!("content-length: {length}")), "x".repeat(length));
    for length in [0, 1, 5, 4_000, LIMIT - 1, LIMIT] {
        let (head, body) = sized(length);
        let script = pieces(&[&head, &body]);
        assert_eq!(connections(if length == 0 { pieces(&[&head]) } else { script }), (1, 1), "{length}");
    }
    let chunked = head("transfer-encoding: chunked");
    for body in [&["5\r\nhello\r\n0\r\n\r\n"][..], &["5\r\nhe", "llo\r\n", "0\r\n", "a: b\r\n\r\n"], &["0\r\n\r\n"]] {
        assert_eq!(connections(pieces(&[&[chunked.as_str()], body].concat())), (1, 1), "{body:?}");
    }
}

#[test]
fn every_status_of_a_redirect_keeps_its_connection() {
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\r\nlocation: /next\r\ncontent-length: 5\r\n\r\n");
        let wire = client(pieces(&[&head, "moved"]));
        assert_eq!(text(wire.client.post("http://example.com/").body("payload")).unwrap(), "hello");
        assert_eq!(wire.connector.connections(), 1, "{status}");
    }
}

#[test]
fn connection_is_closed_after_a_body_beyond_the_limit() {
    let sized = |length: usize| pieces(&[&head(&format!("content-length: {length}")), &"x".repeat(length)]);
    assert_eq!(connections(sized(LIMIT + 1)).0, 2);
    // The length of this body is not known before it ends.
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let chunked = |count: usize| {
        let head = head("transfer-encoding: chunked");
        let chunks = std::iter::repeat_n(chunk.as_str(), count);
        pieces(&[&[head.as_str()][..], &Vec::from_iter(chunks), &["0\r\n\r\n"]].concat())
    };
    assert_eq!([chunked(2), chunked(3), chunked(100)].map(|script| connections(script).0), [1, 2, 2]);
}

#[test]
fn next_request_does_not_wait_for_a_body_that_has_not_arrived() {
    for fields in ["content-length: 5", "transfer-encoding: chunked"] {
        for body in ["", "1"] {
            let script = Script::new().expect_head().send(head(fields));
            let script = if body.is_empty() { script } else { script.send(body) };
            let wire = scripted([script.silence(), once(HELLO)]);
            let response = wire.get().send().now_or_never().expect("it waits for the body").unwrap();
            assert_eq!(block_on(response.text()).unwrap(), "hello");
            assert_eq!(wire.connector.connections(), 2);
        }
    }
}

#[test]
fn connection_that_cannot_carry_another_request_is_closed() {
    for (fields, body) in [
        ("content-length: 5\r\nconnection: close", "moved"),
        // The body is malformed, or bytes follow it.
        ("transfer-encoding: chunked", "x\r\n"),
        ("content-length: 5", "movedHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"),
        ("content-encoding: gzip\r\ncontent-length: 5", "moved"),
    ] {
        let wire = client(pieces(&[&head(fields), body]));
        assert_eq!(text(wire.get()).unwrap(), "hello", "{fields}");
        assert_eq!(wire.connector.connections(), 2, "{fields}");
    }
    // The body ends with the connection.
    let wire = scripted([pieces(&[&head("x: y"), "moved"]), once(HELLO)]);
    assert_eq!((text(wire.get()).unwrap().as_str(), wire.connector.connections()), ("hello", 2));
}

#[test]
fn body_of_a_redirect_that_is_not_followed_is_the_callers() {
    let policy = RedirectPolicy::new().decide(|_| RedirectAction::Stop);
    let wire = client(pieces(&[&head("content-length: 5"), "moved"]));
    let response = send(wire.get().extension(policy)).unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(block_on(response.text()).unwrap(), "moved");
}
