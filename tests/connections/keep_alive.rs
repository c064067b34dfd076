//! The field `Keep-Alive` of a response: a connection is not used in the last second before the server closes it.

use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use waterspout::agent::Config;
use waterspout::testing::Script;

use crate::support::client::{
    HELLO, ScriptedClient, URL, answers, once, scripted, scripted_agent, seconds, send, text,
};

use super::pooled;
use super::waiting::{gated, is_pending, send as begin};

/// A response with the body `hello` and more header lines.
fn hello(fields: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{fields}\r\ncontent-length: 5\r\n\r\nhello")
}

/// Returns whether the second request uses the connection of the first request, `after` the first response.
fn is_reused(wire: &ScriptedClient, after: Duration) -> bool {
    wire.text().unwrap();
    wire.timer.advance(after);
    wire.text().unwrap();
    wire.connector.connections() == 1
}

fn is_reused_after(response: &str, milliseconds: u64) -> bool {
    let wire = scripted([answers([response, HELLO]).silence(), once(HELLO)]);
    is_reused(&wire, Duration::from_millis(milliseconds))
}

#[test]
fn connection_is_reused_until_a_second_before_the_servers_timeout() {
    for (field, limit) in [
        ("keep-alive: timeout=5", 4_000),
        ("connection: keep-alive\r\nkeep-alive: timeout=5", 4_000),
        ("Connection: Keep-Alive\r\nKeep-Alive: Timeout=5, Max=100", 4_000),
        ("keep-alive: max=100, timeout=5", 4_000),
        ("keep-alive: timeout=5; max=100", 4_000),
        ("keep-alive: timeout = \"5\"", 4_000),
        ("keep-alive: timeout=7, timeout=5", 4_000),
        ("keep-alive: timeout=7\r\nkeep-alive: timeout=5", 4_000),
        ("keep-alive: max=9\r\nkeep-alive: timeout=5", 4_000),
        ("keep-alive: timeout=2", 1_000),
        // The client's own limit is 15 s.
        ("keep-alive: timeout=16", 15_000),
        ("keep-alive: timeout=3600", 15_000),
        ("keep-alive: timeout=18446744073709551616", 15_000),
        ("keep-alive: timeout=99999999999999999999999999999999999999", 15_000),
        ("keep-alive: timeout=-1", 15_000),
        ("keep-alive: timeout=soon, max=1", 15_000),
        ("keep-alive: timeout", 15_000),
        ("keep-alive:", 15_000),
        ("keep-alive: x=\"timeout=2, timeout=2\"", 15_000),
        ("x-other: timeout=5", 15_000),
    ] {
        assert!(is_reused_after(&hello(field), limit - 1), "{field}");
        assert!(!is_reused_after(&hello(field), limit), "{field}");
    }
}

#[test]
fn connection_whose_limit_is_within_the_margin_is_closed_at_once() {
    for field in ["timeout=0", "timeout=1", "timeout=\"1\"", "max=0", "timeout=60, max=0"] {
        let wire = scripted([answers([hello(&format!("keep-alive: {field}"))]).silence()]);
        wire.text().unwrap();
        assert_eq!(wire.connector.open(), 0, "{field}");
    }
}

#[test]
fn limit_of_an_http_1_0_server_counts() {
    let head = "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\nkeep-alive: timeout=5\r\n";
    let answer = format!("{head}content-length: 5\r\n\r\nhello");
    assert!(is_reused_after(&answer, 3_999));
    assert!(!is_reused_after(&answer, 4_000));
}

#[test]
fn limit_counts_after_a_response_without_a_body() {
    for head in ["HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified", "HTTP/1.1 404 No\r\ncontent-length: 0"] {
        let answer = format!("{head}\r\nkeep-alive: timeout=5\r\n\r\n");
        assert!(is_reused_after(&answer, 3_999), "{head}");
        assert!(!is_reused_after(&answer, 4_000), "{head}");
    }
}

#[test]
fn longer_limit_of_the_server_is_used_up_to_the_clients_limit() {
    let config = || Config::new().idle_connection_timeout(seconds(60));
    for (after, expected) in [(28_999, true), (29_000, false)] {
        let scripts = [answers([hello("keep-alive: timeout=30").as_str(), HELLO]).silence(), once(HELLO)];
        let wire = scripted_agent(|agent| agent.with_config(config()), scripts);
        assert_eq!(is_reused(&wire, Duration::from_millis(after)), expected);
    }
}

#[test]
fn response_without_the_field_keeps_the_limit_of_the_connection() {
    for (second, limit) in [(HELLO.to_owned(), 4), (hello("keep-alive: timeout=9"), 8), (hello("keep-alive: x"), 4)] {
        for (after, reused) in [(seconds(limit) - Duration::from_millis(1), true), (seconds(limit), false)] {
            let first = hello("keep-alive: timeout=5");
            let wire = scripted([answers([&*first, &*second, HELLO]).silence(), once(HELLO)]);
            wire.text().unwrap();
            assert_eq!(is_reused(&wire, after), reused, "{second}");
        }
    }
}

/// A server that closes after its timeout loses a request that arrives then. A POST cannot be repeated.
#[test]
fn post_just_before_the_servers_timeout_uses_a_new_connection() {
    let closing = answers([hello("keep-alive: timeout=5")]).expect_head().reset();
    let wire = scripted([closing, once(HELLO)]);
    wire.text().unwrap();
    wire.timer.advance(Duration::from_millis(4_900));
    assert_eq!(text(wire.client.post(URL).body("order")).unwrap(), "hello");
    assert!(!wire.sent(0).contains("POST"));
}

#[test]
fn idle_connection_is_closed_before_the_servers_timeout_without_a_request() {
    let wire = pooled(Config::new(), [answers([hello("keep-alive: timeout=5")]).silence()]);
    wire.fetch();
    wire.pass(seconds(1));
    wire.pass(Duration::from_millis(2_900));
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_millis(200));
    assert_eq!((wire.connector.open(), wire.timer.pending()), (0, 0));
}

#[test]
fn server_counts_while_the_caller_has_not_read_the_body() {
    for (late, reused) in [(3_999, true), (4_000, false)] {
        let head = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 5\r\n\r\n";
        let script = Script::new().expect_head().send(head).send("he").send("llo");
        let wire = scripted([script.expect_head().send(HELLO).silence(), once(HELLO)]);
        let response = send(wire.get()).unwrap();
        wire.timer.advance(Duration::from_millis(late));
        assert_eq!(block_on(response.text()).unwrap(), "hello");
        wire.text().unwrap();
        assert_eq!(wire.connector.connections() == 1, reused, "{late}");
    }
}

#[test]
fn server_does_not_count_while_it_still_sends_the_body() {
    let head = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=5\r\ncontent-length: 5\r\n\r\n";
    let script = Script::new().expect_head().send(head).hold().send("he").hold().send("llo");
    let wire = scripted([script.expect_head().send(HELLO).silence()]);
    let mut body = send(wire.get()).unwrap().into_body();
    for piece in ["he", "llo"] {
        assert!(body.next().now_or_never().is_none());
        wire.timer.advance(seconds(60));
        wire.connector.release();
        assert_eq!(block_on(body.next()).unwrap().unwrap(), piece);
    }
    assert!(block_on(body.next()).is_none());
    wire.timer.advance(Duration::from_millis(3_999));
    wire.text().unwrap();
    assert_eq!(wire.connector.connections(), 1);
}

/// The connection is delivered to a waiting request that is polled only after the server's limit.
#[test]
fn delivered_connection_is_not_used_after_the_servers_limit() {
    for (late, reused) in [(3_999, true), (4_000, false)] {
        let first = answers([hello("keep-alive: timeout=5").as_str(), HELLO]).silence();
        let (wire, gate) = gated([first, answers([HELLO]).silence()]);
        let (mut one, mut two) = (begin(&wire), begin(&wire));
        assert!(is_pending(&mut one) && is_pending(&mut two));
        gate.open();
        block_on(one).unwrap();
        wire.timer.advance(Duration::from_millis(late));
        let response = (&mut two).now_or_never().unwrap_or_else(|| {
            // Without the delivered connection, the request waits for its own connect.
            gate.open();
            block_on(two)
        });
        assert_eq!(response.unwrap().connection_info().reused, reused, "{late}");
    }
}
