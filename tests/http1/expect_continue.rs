//! Requests that ask with `Expect: 100-continue` before their body goes.

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

/// A body of these pieces that counts how often it is asked for one.
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
fn the_body_goes_when_the_server_asks_for_it() {
    let wire =
        scripted([Script::new().expect_head().pause().send(GO_ON).pause().send(HELLO).expect_head().send(HELLO)]);
    let (body, _) = watched(&["bo", "dy"]);
    let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    assert_eq!(block_on(response.text()).unwrap(), "hello");
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("transfer-encoding: chunked\r\nexpect: 100-continue"), "{head}");
    assert_eq!(body, "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
    // Time played no part in it, and the connection is as good as new.
    assert_eq!((wire.timer.pending(), wire.connector.open()), (0, 1));
    assert!(block_on(wire.client.get(URL).send()).is_ok());
}

#[test]
fn a_body_in_memory_waits_too() {
    let wire = scripted([Script::new().expect_head().silence()]);
    let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
    assert!((&mut request).now_or_never().is_none());
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("content-length: 4\r\nexpect: 100-continue"), "{head}");
    assert_eq!(body, "");
}

#[test]
fn the_body_goes_after_a_second_of_silence() {
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
fn a_late_continue_is_skipped() {
    let wire = scripted([Script::new().expect_head().pause().send(GO_ON).send(HELLO)]);
    let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
    wire.timer.advance(Duration::from_secs(1));
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(Duration::from_secs(1));
    assert_eq!(block_on(request).unwrap().status(), 200);
    assert_eq!(wire.sent_head_and_rest().1, "body");
}

#[test]
fn a_final_response_before_100_means_that_the_body_is_never_polled() {
    let wire = scripted([once(REFUSED).expect_head().send(HELLO)]);
    let (body, asked) = watched(&["body"]);
    let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    assert_eq!(response.status(), 403);
    assert_eq!((asked.load(Ordering::Relaxed), &*wire.sent_head_and_rest().1), (0, ""));
    // The server may still wait for the body it was announced: nothing else may follow.
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn a_server_that_knows_no_question_is_not_asked_again() {
    let answers = |second| [once(UNKNOWN), once(second), once(HELLO)];
    let post =
        |wire: &ScriptedClient, body| block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
    let known = scripted(answers(HELLO));
    assert_eq!(post(&known, Body::from("body")).status(), 200);
    assert_eq!(known.sent_head_and_rest().1, "");
    let again = known.connector.written(1);
    assert!(!again.contains("expect") && again.ends_with("content-length: 4\r\n\r\nbody"), "{again}");
    // Once is enough, and a body that cannot be had again leaves it at that.
    let stubborn = scripted(answers(UNKNOWN));
    assert_eq!((post(&stubborn, Body::from("body")).status().as_u16(), stubborn.connector.connections()), (417, 2));
    let one_shot = scripted(answers(HELLO));
    let (body, asked) = watched(&["body"]);
    assert_eq!((post(&one_shot, body).status().as_u16(), one_shot.connector.connections()), (417, 1));
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn an_answer_that_came_in_time_counts_even_if_the_second_is_over() {
    let wire = scripted([Script::new().expect_head().pause().send(REFUSED)]);
    let (body, asked) = watched(&["body"]);
    let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    wire.timer.advance(Duration::from_secs(5));
    assert_eq!(request.now_or_never().unwrap().unwrap().status(), 403);
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn only_100_asks_for_the_body() {
    let wire = scripted([once("HTTP/1.1 102 Processing\r\n\r\n").silence()]);
    let (body, asked) = watched(&["body"]);
    let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert_eq!(asked.load(Ordering::Relaxed), 0);
}

#[test]
fn who_has_no_body_does_not_ask() {
    for method in [Method::GET, Method::DELETE, Method::POST] {
        let wire = scripted([once(HELLO)]);
        let response = block_on(wire.client.request(method, URL).expect_continue(true).send());
        assert_eq!(response.unwrap().status(), 200);
        assert!(!wire.connector.written(0).contains("expect"), "{}", wire.connector.written(0));
    }
}

#[test]
fn a_client_can_ask_by_default_and_a_request_not_to() {
    let (connector, timer) = (ScriptedConnector::new([once(HELLO), once(HELLO)]), ManualTimer::new());
    let client = Client::builder().backend(Agent::new(connector.clone(), timer)).expect_continue(true);
    let client = client.build().unwrap();
    block_on(client.post(URL).body("body").send()).unwrap();
    block_on(client.post(URL).expect_continue(false).body("body").send()).unwrap();
    assert!(connector.written(0).contains("expect: 100-continue"));
    assert!(!connector.written(1).contains("expect"));
}

#[test]
fn patience_can_be_set_and_none_is_for_ever() {
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
fn a_kept_connection_that_closes_while_asked_is_replaced_even_for_a_post() {
    let wire = scripted([once(HELLO).expect_head(), once(HELLO)]);
    block_on(wire.client.get(URL).send()).unwrap();
    let request = wire.client.post(URL).expect_continue(true).body("body").send();
    assert_eq!(block_on(request).unwrap().status(), 200);
    assert_eq!(wire.connector.connections(), 2);
}
