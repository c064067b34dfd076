//! Requests that send `Expect: 100-continue` and wait before they send their body.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, stream};
use waterspout::agent::Config;
use waterspout::http::Method;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Body, Bytes, Client, Error};

use crate::support::client::{HELLO, ScriptedClient, URL, once, scripted, scripted_agent};

const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";

const UNKNOWN: &str = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";

/// A body of these pieces that counts how often it is polled.
fn watched(pieces: &'static [&'static str]) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut pieces = pieces.iter().copied();
    let counter = asked.clone();
    let body = stream::poll_fn(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(pieces.next().map(|piece| Ok::<_, Error>(Bytes::from(piece))))
    });
    (Body::stream(body), asked)
}

#[test]
fn body_is_sent_after_100_continue() {
    let wire =
        scripted([Script::new().expect_head().pause().send(GO_ON).pause().send(HELLO).expect_head().send(HELLO)]);
    let (body, _) = watched(&["bo", "dy"]);
    let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    assert_eq!(block_on(response.text()).unwrap(), "hello");
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("transfer-encoding: chunked\r\nexpect: 100-continue"), "{head}");
    assert_eq!(body, "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
    // The request used no timer, and the connection can be reused.
    assert_eq!((wire.timer.pending(), wire.connector.open()), (0, 1));
    assert!(block_on(wire.client.get(URL).send()).is_ok());
}

#[test]
fn body_in_memory_waits_for_100_continue() {
    let wire = scripted([Script::new().expect_head().silence()]);
    let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
    assert!((&mut request).now_or_never().is_none());
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("content-length: 4\r\nexpect: 100-continue"), "{head}");
    assert_eq!(body, "");
}

#[test]
fn body_is_sent_after_a_second_of_silence() {
    let wire = scripted([Script::new().expect_head().silence()]);
    let (body, asked) = watched(&["body"]);
    let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(Duration::from_millis(999));
    assert!((&mut request).now_or_never().is_none());
    assert_eq!((asked.load(Ordering::Relaxed), &*wire.sent_head_and_rest().1), (0, ""));
    wire.timer.advance(Duration::from_millis(1));
    assert!((&mut request).now_or_never().is_none());
    assert_eq!(wire.sent_head_and_rest().1, "4\r\nbody\r\n0\r\n\r\n");
}

#[test]
fn late_100_continue_is_skipped() {
    let wire = scripted([Script::new().expect_head().pause().send(GO_ON).send(HELLO)]);
    let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
    wire.timer.advance(Duration::from_secs(1));
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(Duration::from_secs(1));
    assert_eq!(block_on(request).unwrap().status(), 200);
    assert_eq!(wire.sent_head_and_rest().1, "body");
}

#[test]
fn final_response_before_100_leaves_the_body_unpolled() {
    let wire = scripted([once(REFUSED).expect_head().send(HELLO)]);
    let (body, asked) = watched(&["body"]);
    let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!((asked.load(Ordering::Relaxed), &*wire.sent_head_and_rest().1), (0, ""));
    // The server may still wait for the announced body, so the connection is closed.
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn request_is_sent_again_without_expect_after_a_417() {
    let answers = |second| [once(UNKNOWN), once(second), once(HELLO)];
    let post =
        |wire: &ScriptedClient, body| block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    let known = scripted(answers(HELLO));
    assert_eq!(post(&known, Body::from("body")).status(), 200);
    assert_eq!(known.sent_head_and_rest().1, "");
    let again = known.connector.written(1);
    assert!(!again.contains("expect") && again.ends_with("content-length: 4\r\n\r\nbody"), "{again}");
    // A second 417 is returned, and a body that cannot be replayed is not sent again.
    let stubborn = scripted(answers(UNKNOWN));
    assert_eq!((post(&stubborn, Body::from("body")).status().as_u16(), stubborn.connector.connections()), (417, 2));
    let one_shot = scripted(answers(HELLO));
    let (body, asked) = watched(&["body"]);
    assert_eq!((post(&one_shot, body).status().as_u16(), one_shot.connector.connections()), (417, 1));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn response_that_arrived_in_time_wins_over_the_expired_wait() {
    let wire = scripted([Script::new().expect_head().pause().send(REFUSED)]);
    let (body, asked) = watched(&["body"]);
    let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(Duration::from_secs(5));
    assert_eq!(request.now_or_never().unwrap().unwrap().status(), 403);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn other_informational_responses_do_not_start_the_body() {
    let wire = scripted([once("HTTP/1.1 102 Processing\r\n\r\n").silence()]);
    let (body, asked) = watched(&["body"]);
    let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn request_without_a_body_sends_no_expect() {
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let wire = scripted([once(HELLO)]);
        let response = block_on(wire.client.request(method, URL).expect_continue(true).send());
        assert_eq!(response.unwrap().status(), 200);
        assert!(!wire.connector.written(0).contains("expect"), "{}", wire.connector.written(0));
    }
}

#[test]
fn request_can_switch_off_expect_continue_of_the_client() {
    let (connector, timer) = (ScriptedConnector::new([once(HELLO), once(HELLO)]), ManualTimer::new());
    let client = Client::builder().backend(Agent::new(connector.clone(), timer)).expect_continue(true);
    let client = client.build().unwrap();
    block_on(client.post(URL).body("body").send()).unwrap();
    block_on(client.post(URL).expect_continue(false).body("body").send()).unwrap();
    assert!(connector.written(0).contains("expect: 100-continue"));
    assert!(!connector.written(1).contains("expect"));
}

#[test]
fn continue_timeout_can_be_set_and_zero_waits_forever() {
    for (patience, waits) in [(5, false), (6, true), (0, true)] {
        let config = Config::new().continue_timeout(Duration::from_secs(patience));
        let wire = scripted_agent(|agent| agent.with_config(config), [Script::new().expect_head().silence()]);
        let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(Duration::from_secs(5));
        assert!((&mut request).now_or_never().is_none());
        assert_eq!(wire.sent_head_and_rest().1.is_empty(), waits, "{patience}");
    }
}

#[test]
fn post_that_waits_for_100_is_replayed_after_its_reused_connection_closes() {
    let wire = scripted([once(HELLO).expect_head(), once(HELLO)]);
    block_on(wire.client.get(URL).send()).unwrap();
    let request = wire.client.post(URL).expect_continue(true).body("body").send();
    assert_eq!(block_on(request).unwrap().status(), 200);
    assert_eq!(wire.connector.connections(), 2);
}
