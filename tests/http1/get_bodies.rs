//! GET requests with a body: how it is sent, and what repeats or drops it.

use std::time::Duration;

use futures::executor::block_on;
use futures::stream;
use waterspout::http::Method;
use waterspout::testing::Script;
use waterspout::{Agent, Backend, Body, CallContext, Client, ErrorKind, Request, Retry};

use crate::support::client::{HELLO, URL, answers, once, redirect, scripted, scripted_client, send};

/// A body that can be read only once.
fn one_shot() -> Body {
    Body::stream(stream::iter([Ok::<_, std::io::Error>("query")]))
}

#[test]
fn body_of_a_get_is_sent_with_its_framing() {
    // A stream without a length that is small and never waits is sent with its length, like any other body.
    for (body, head, rest) in [
        (Body::from("query"), "\r\ncontent-length: 5", "query"),
        (Body::from(""), "\r\ncontent-length: 0", ""),
        (one_shot().with_length(5), "\r\ncontent-length: 5", "query"),
        (one_shot(), "\r\ncontent-length: 5", "query"),
        (Body::factory(one_shot), "\r\ncontent-length: 5", "query"),
    ] {
        let wire = scripted([once(HELLO)]);
        send(wire.get().body(body)).unwrap();
        let (sent_head, sent_rest) = wire.sent_head_and_rest();
        assert!(sent_head.starts_with("GET / HTTP/1.1\r\n") && sent_head.contains(head), "{sent_head}");
        assert_eq!(sent_rest, rest);
    }
}

#[test]
fn get_without_a_body_has_no_framing() {
    for body in [None, Some(Body::empty())] {
        let wire = scripted([once(HELLO)]);
        let request = wire.get();
        send(match body {
            Some(body) => request.body(body),
            None => request,
        })
        .unwrap();
        let sent = wire.sent(0);
        assert!(!sent.contains("content-length") && !sent.contains("transfer-encoding"), "{sent}");
    }
}

#[test]
fn agent_sends_the_body_of_a_get_without_a_client() {
    let wire = scripted([once(HELLO)]);
    let agent = Agent::new(wire.connector.clone(), wire.timer.clone());
    let request = Request::get(URL).body("query").build().unwrap();
    assert_eq!(block_on(agent.fetch(request, CallContext::new())).unwrap().status(), 200);
    assert!(wire.sent(0).ends_with("\r\n\r\nquery"), "{}", wire.sent(0));
}

#[test]
fn redirect_repeats_the_body_of_a_get_unless_it_is_a_303() {
    for status in [301, 302, 303, 307, 308] {
        let wire = scripted([answers([&*redirect(status, "/next"), HELLO])]);
        let request = wire.get().header("content-type", "application/json").header("accept", "text/plain");
        send(request.body("query")).unwrap();
        let sent = wire.sent(0);
        let (_, next) = sent.split_once("GET /next HTTP/1.1\r\n").unwrap();
        let repeated = status != 303;
        assert_eq!(next.ends_with("\r\n\r\nquery"), repeated, "{status}: {next}");
        assert_eq!(next.contains("content-length: 5"), repeated, "{status}: {next}");
        // The header that describes the body is dropped together with the body.
        assert_eq!(next.contains("content-type"), repeated, "{status}: {next}");
        assert!(next.contains("accept: text/plain"), "{status}: {next}");
    }
}

#[test]
fn one_shot_body_of_a_get_is_an_error_of_a_redirect_that_repeats_it() {
    for status in [301, 302, 303, 307, 308] {
        let wire = scripted([answers([&*redirect(status, "/next"), HELLO])]);
        let outcome = send(wire.get().body(one_shot()));
        if status == 303 {
            assert_eq!(outcome.unwrap().url().path(), "/next");
            assert!(wire.sent(0).ends_with("\r\n\r\n") && !wire.sent(0).ends_with("query"), "{}", wire.sent(0));
        } else {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::BodyNotReplayable, "{status}");
        }
    }
}

#[test]
fn get_without_a_body_keeps_its_headers_after_a_303() {
    let wire = scripted([answers([&*redirect(303, "/next"), HELLO])]);
    send(wire.get().header("content-type", "application/json")).unwrap();
    assert_eq!(wire.sent_headers(0, "content-type"), ["application/json", "application/json"]);
}

#[test]
fn retry_sends_the_body_of_a_get_again() {
    let busy = "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";
    let builder = Client::builder().retry(Retry::new().attempts(2).base_delay(Duration::ZERO));
    let wire = scripted_client(builder, [answers([busy, HELLO])]);
    assert_eq!(send(wire.get().body("query")).unwrap().status(), 200);
    assert_eq!(wire.sent(0).matches("\r\n\r\nquery").count(), 2, "{}", wire.sent(0));

    // A body that can be read only once is not sent again: the response of the first attempt is the response.
    let builder = Client::builder().retry(Retry::new().attempts(2).base_delay(Duration::ZERO));
    let wire = scripted_client(builder, [answers([busy, HELLO])]);
    assert_eq!(send(wire.get().body(one_shot())).unwrap().status(), 503);
}

#[test]
fn get_with_a_body_is_sent_again_when_its_idle_connection_was_closed() {
    let first = || Script::new().expect_head().send(HELLO).expect_head();
    let wire = scripted([first(), once(HELLO)]);
    send(wire.get()).unwrap();
    assert_eq!(send(wire.get().body("query")).unwrap().status(), 200);
    assert_eq!(wire.connector.connections(), 2);
    assert!(wire.sent(1).ends_with("\r\n\r\nquery"), "{}", wire.sent(1));
}

#[test]
fn body_that_fails_is_an_error_of_its_get() {
    let wire = scripted([once(HELLO)]);
    let failing = Body::stream(stream::iter([Err::<&str, _>(std::io::Error::other("disk"))]));
    assert_eq!(send(wire.get().body(failing)).unwrap_err().kind(), ErrorKind::RequestBody);
}

#[test]
fn head_with_any_body_is_refused() {
    for body in [Body::from("x"), Body::from(""), one_shot(), Body::factory(one_shot)] {
        let wire = scripted([once(HELLO)]);
        let error = send(wire.client.request(Method::HEAD, URL).body(body)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        assert!(error.to_string().contains("HEAD"), "{error}");
        assert_eq!(wire.connector.connections(), 0);
    }
}
