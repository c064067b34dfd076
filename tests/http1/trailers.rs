//! Trailers of requests and responses.

use std::task::Poll;

use futures::executor::block_on;
use futures::{StreamExt, stream};
use waterspout::testing::Script;
use waterspout::{Body, Bytes, Error, ErrorKind, Trailers};

use crate::support::client::{HELLO, URL, headers, once, scripted};

#[test]
fn trailers_follow_a_chunked_body() {
    let wire = scripted([once(HELLO).expect_head().send(HELLO)]);
    let request = wire.client.post(URL).body("body").trailers(headers(&[("checksum", "abc"), ("x-b", "2")]));
    block_on(request.send()).unwrap();
    let (head, body) = wire.sent_head_and_rest();
    assert!(head.ends_with("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
    assert_eq!(body, "4\r\nbody\r\n0\r\nchecksum: abc\r\nx-b: 2\r\n\r\n");
    assert_eq!(wire.connector.open(), 1);
}

#[test]
fn trailers_may_be_set_while_the_body_is_read() {
    let wire = scripted([once(HELLO)]);
    let cell = Trailers::new();
    let late = cell.clone();
    let body = stream::once(async { Ok::<_, Error>(Bytes::from("body")) }).chain(stream::poll_fn(move |_| {
        assert!(late.set(headers(&[("checksum", "abc")])));
        Poll::Ready(None)
    }));
    block_on(wire.client.put(URL).body(Body::stream(body)).trailers(cell).send()).unwrap();
    assert_eq!(wire.sent_head_and_rest().1, "4\r\nbody\r\n0\r\nchecksum: abc\r\n\r\n");
}

#[test]
fn unset_trailers_are_omitted() {
    let wire = scripted([once(HELLO)]);
    block_on(wire.client.put(URL).body("body").trailers(Trailers::new()).send()).unwrap();
    assert_eq!(wire.sent_head_and_rest().1, "4\r\nbody\r\n0\r\n\r\n");
}

#[test]
fn trailers_that_frame_route_or_authorize_are_refused() {
    for name in ["content-length", "transfer-encoding", "host", "authorization", "content-type", "trailer"] {
        let wire = scripted([Script::new().expect_head().silence()]);
        let trailers = headers(&[(name, "1")]);
        let error = block_on(wire.client.put(URL).body("body").trailers(trailers).send()).unwrap_err();
        assert_eq!((error.kind(), wire.connector.open()), (ErrorKind::InvalidRequest, 0), "{name}");
        assert!(!wire.connector.written(0).contains("\r\n0\r\n"), "{name}");
    }
}

#[test]
fn trailers_without_a_body_are_refused() {
    let wire = scripted([once(HELLO)]);
    let error = block_on(wire.client.post(URL).trailers(headers(&[("a", "b")])).send()).unwrap_err();
    assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0));
}

#[test]
fn declared_length_is_checked_although_the_body_is_chunked() {
    for length in [3, 5] {
        let wire = scripted([Script::new().expect_head().silence()]);
        let body = Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))])).with_length(length);
        let error = block_on(wire.client.put(URL).body(body).trailers(headers(&[("a", "b")])).send()).unwrap_err();
        assert_eq!((error.kind(), wire.connector.open()), (ErrorKind::RequestBody, 0), "{length}");
    }
}

#[test]
fn trailers_are_sent_again_only_with_their_body() {
    for (status, again) in [("307 Again", true), ("303 Elsewhere", false)] {
        let away = format!("HTTP/1.1 {status}\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n");
        let wire = scripted([once(&away).expect_head().send(HELLO)]);
        block_on(wire.client.put(URL).body("body").trailers(headers(&[("checksum", "abc")])).send()).unwrap();
        let count = wire.connector.written(0).matches("checksum: abc\r\n\r\n").count();
        assert_eq!(count, 1 + usize::from(again), "{status}");
    }
}

#[test]
fn response_trailers_are_available_after_the_body() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let wire = scripted([once(answer).pause().send("0\r\nchecksum: abc\r\n\r\n")]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    let handle = response.trailers_handle();
    assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "hello");
    assert!(response.trailers().is_none());
    assert!(block_on(response.chunk()).unwrap().is_none());
    assert_eq!(response.trailers().unwrap()["checksum"], "abc");
    assert_eq!(block_on(response.bytes()).unwrap(), "");
    assert_eq!(handle.get().unwrap()["checksum"], "abc");
}
