//! Requests that are sent again because their kept connection was closed.

use futures::executor::block_on;
use futures::stream;
use waterspout::testing::Script;
use waterspout::{Body, Bytes, Error, ErrorKind, Phase};

use crate::support::client::{HELLO, ScriptedClient, URL, once, scripted};

#[test]
fn request_on_a_closed_idle_connection_is_replayed_once() {
    let stale = || once(HELLO).expect_head();
    let wire = scripted([stale(), once(HELLO), Script::new().expect_head(), once(HELLO)]);
    assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
    assert_eq!(wire.connector.connections(), 2);
    // The same close on a new connection is an error.
    assert_eq!(wire.failure(), (ErrorKind::ConnectionClosed, Phase::Head));
    assert_eq!(wire.connector.connections(), 3);
}

#[test]
fn request_is_not_replayed_after_the_response_has_begun() {
    let wire = scripted([once(HELLO).expect_head().send("H"), once(HELLO)]);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!(wire.failure(), (ErrorKind::ConnectionClosed, Phase::Head));
    assert_eq!(wire.connector.connections(), 1);
}

#[test]
fn only_idempotent_requests_with_replayable_bodies_are_replayed() {
    let send = |wire: &ScriptedClient, method: &str, body: Body| {
        let method = waterspout::http::Method::from_bytes(method.as_bytes()).unwrap();
        block_on(wire.client.request(method, URL).body(body).send()).map(|response| response.status())
    };
    let stale = || scripted([once(HELLO).expect_head(), once(HELLO)]);
    for (method, body, repeated) in [
        ("PUT", Body::from("body"), true),
        ("DELETE", Body::empty(), true),
        ("POST", Body::empty(), false),
        ("POST", Body::from("body"), false),
        ("PATCH", Body::from("body"), false),
        ("PUT", Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))])), false),
    ] {
        let wire = stale();
        wire.text().unwrap();
        let outcome = send(&wire, method, body);
        assert_eq!(outcome.is_ok(), repeated, "{method}: {outcome:?}");
        assert_eq!(wire.connector.connections(), 1 + usize::from(repeated), "{method}");
    }
}

#[test]
fn post_without_a_body_is_not_replayed() {
    // The server receives the whole second POST, acts on it, and closes before it answers.
    let w = scripted([Script::new().expect_head().send(HELLO).expect_head(), Script::new().expect_head().send(HELLO)]);
    for _ in 0..2 {
        let _ = block_on(async { w.client.post(URL).await?.text().await });
    }
    let posts = w.connector.written(0).matches("POST").count() + w.connector.written(1).matches("POST").count();
    assert_eq!(posts, 2);
}

#[test]
fn error_of_a_request_that_cannot_be_replayed_reports_a_reused_connection() {
    let w = scripted([Script::new().expect_head().send(HELLO).expect_head()]);
    block_on(async { w.client.get(URL).await?.text().await }).unwrap();
    let body = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"once"))]));
    let error = block_on(w.client.put(URL).body(body).send()).unwrap_err();
    assert_eq!(
        (error.kind(), error.transfer().connection_reused),
        (ErrorKind::ConnectionClosed, Some(true)),
        "{error}"
    );
}
