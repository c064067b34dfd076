//! How the body of a request is framed: by its length or in chunks.

use std::io;
use std::task::Poll;

use futures::executor::block_on;
use futures::{StreamExt, stream};
use waterspout::http::Method;
use waterspout::http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use waterspout::{Agent, Body, Bytes, Error, ErrorKind, Request};

use crate::support::client::{HELLO, URL, answers, once, scripted, send};
use crate::support::polling::yield_once;
use waterspout::{Backend, CallContext};

fn framed(body: Body) -> (String, String) {
    let wire = scripted([once(HELLO)]);
    block_on(wire.client.post(URL).body(body).send()).unwrap();
    let (head, body) = wire.sent_head_and_rest();
    (head.lines().last().unwrap().to_owned(), body)
}

fn pieces(sizes: &[usize]) -> Body {
    let pieces: Vec<_> = sizes.iter().map(|size| Ok::<_, Error>(Bytes::from(vec![b'x'; *size]))).collect();
    Body::stream(stream::iter(pieces))
}

#[test]
fn a_small_stream_that_never_waits_is_sent_with_its_length() {
    assert_eq!(framed(pieces(&[])), ("content-length: 0".to_owned(), String::new()));
    assert_eq!(framed(pieces(&[1, 0, 2])), ("content-length: 3".to_owned(), "xxx".to_owned()));
    assert_eq!(framed(pieces(&[4096])), ("content-length: 4096".to_owned(), "x".repeat(4096)));
    let cursor = Body::reader(futures::io::Cursor::new("reader"));
    assert_eq!(framed(cursor), ("content-length: 6".to_owned(), "reader".to_owned()));
}

#[test]
fn a_larger_stream_is_chunked() {
    let (framing, body) = framed(pieces(&[4096, 1]));
    assert_eq!(framing, "transfer-encoding: chunked");
    assert_eq!(body, format!("1000\r\n{}\r\n1\r\nx\r\n0\r\n\r\n", "x".repeat(4096)));
}

#[test]
fn a_stream_that_waits_is_chunked_and_loses_nothing() {
    let mut turn = 0;
    let body = stream::poll_fn(move |cx| {
        turn += 1;
        cx.waker().wake_by_ref();
        match turn {
            1 => Poll::Ready(Some(Ok::<_, Error>(Bytes::from("early")))),
            2 | 3 => Poll::Pending,
            4 => Poll::Ready(Some(Ok(Bytes::from("late")))),
            _ => Poll::Ready(None),
        }
    });
    let framed = framed(Body::stream(body));
    assert_eq!(framed, ("transfer-encoding: chunked".to_owned(), "5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n".to_owned()));
}

#[test]
fn a_stream_that_fails_at_once_sends_nothing() {
    let wire = scripted([once(HELLO)]);
    let body = stream::iter([Ok(Bytes::from("some")), Err(io::Error::other("no more"))]);
    let error = block_on(wire.client.post(URL).body(Body::stream(body)).send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody);
    assert_eq!((wire.connector.written(0).as_str(), wire.connector.open()), ("", 0));
}

#[test]
fn failing_response_body_as_request_body_is_a_request_body_error() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").pause(), once(HELLO)]);
    let source = block_on(wire.client.get(URL).send()).unwrap();
    let error = block_on(wire.client.post(URL).body(source.into_body()).send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody, "{error}");
}

#[test]
fn framing_headers_are_refused_by_client_and_agent() {
    for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
        let wire = scripted([once(HELLO)]);
        let request = || Request::post(URL).header(name.clone(), "100-continue").body("body").build().unwrap();
        let error = block_on(wire.client.fetch(request())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
        let agent = Agent::new(wire.connector.clone(), wire.timer.clone());
        let error = block_on(agent.fetch(request(), CallContext::new())).unwrap_err();
        assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0), "{name}");
    }
}

#[test]
fn agent_refuses_a_body_for_methods_that_have_none() {
    for method in [Method::HEAD, Method::TRACE, Method::CONNECT] {
        let wire = scripted([once(HELLO)]);
        let agent = Agent::new(wire.connector.clone(), wire.timer.clone());
        let request = Request::builder(method.clone(), URL).body("body").build().unwrap();
        assert_eq!(
            block_on(agent.fetch(request, CallContext::new())).unwrap_err().kind(),
            ErrorKind::InvalidRequest,
            "{method}"
        );
        assert_eq!(wire.connector.connections(), 0);
    }
}

#[test]
fn streamed_body_is_chunked_unless_its_length_is_known() {
    let pieces = || stream::iter([Ok::<_, Error>(Bytes::from("ab")), Ok(Bytes::new()), Ok(Bytes::from("cde"))]);
    let later = || stream::once(yield_once()).map(|()| Ok(Bytes::new())).chain(pieces());
    let wire = scripted([answers([HELLO, HELLO])]);
    block_on(wire.client.post(URL).body(Body::stream(later())).send()).unwrap();
    block_on(wire.client.post(URL).body(Body::stream(pieces()).with_length(5)).send()).unwrap();
    let written = wire.connector.written(0);
    assert!(written.contains("transfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\nPOST"), "{written}");
    assert!(written.ends_with("content-length: 5\r\n\r\nabcde"), "{written}");
}

#[test]
fn length_of_a_text_body_counts_utf_8_bytes() {
    for body in [Body::from("\u{e9}"), Body::from("\u{e9}".as_bytes().to_vec())] {
        let wire = scripted([answers([HELLO])]);
        send(wire.client.post(URL).header("x-a", "\u{e9}").body(body)).unwrap();
        let sent = wire.sent(0);
        assert!(sent.contains("\r\ncontent-length: 2\r\n") && sent.ends_with("\r\n\r\n\u{e9}"), "{sent}");
    }
}

#[test]
fn body_is_sent_unchanged_with_every_method_that_allows_a_body() {
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "X-CUSTOM"] {
        let wire = scripted([answers([HELLO])]);
        send(wire.client.request(method.parse().unwrap(), URL).body("a=b\r\n\0c")).unwrap();
        let sent = wire.sent(0);
        assert!(sent.starts_with(&format!("{method} / HTTP/1.1\r\n")), "{sent}");
        assert!(sent.contains("\r\ncontent-length: 7\r\n") && sent.ends_with("\r\n\r\na=b\r\n\0c"), "{sent}");
    }
}
