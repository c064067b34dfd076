//! The requests that a stream sends when it reconnects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::iter;
use waterspout::http::{HeaderValue, StatusCode};
use waterspout::sse::ReadyState;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Client, Error, ErrorKind, Response};

use super::{Answer, End, SECOND, STREAM, Stage, Status, URL, data, error, now, waits};

#[test]
fn a_stream_that_ends_is_resumed_after_the_last_event() {
    let acts = [
        Answer(STREAM, "id: 1\ndata: a\n\nid: 2\ndata: lost", End::Close),
        Answer(STREAM, "data: b\n\n", End::Close),
        Answer(STREAM, "id: 3\ndata: c\n\n", End::Stay),
    ];
    let stage = Stage::new(acts);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    assert!((events.ready_state(), events.last_error().is_none()) == (ReadyState::Connecting, true));
    // Three seconds, and at most half of that as jitter.
    stage.timer.advance(3 * SECOND - Duration::from_millis(1));
    waits(&mut events);
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream -"]);
    stage.timer.advance(2 * SECOND);
    let event = now(&mut events).unwrap().unwrap().unwrap();
    // The id is kept across connections.
    assert_eq!((&*event.data, &*event.id), ("b", "1"));
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "c");
    assert_eq!(events.last_event_id(), "3");
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream 1"; 2]);
}

#[test]
fn id_with_a_control_character_fails_the_reconnect() {
    let stage = Stage::new([Answer(STREAM, "id: a\u{1}b\ndata: a\n\n", End::Close)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    let error = error(&mut events);
    assert_eq!((error.kind(), stage.asked().len()), (ErrorKind::Protocol, 1), "{error}");
}

#[test]
fn a_body_and_headers_are_sent_again() {
    let stage = Stage::new([Answer(STREAM, "id: 1\n\n", End::Close), Answer(STREAM, "data: b\n\n", End::Stay)]);
    let request = stage.client.post(URL).header("accept", "text/event-stream, */*").body("question");
    let mut events = request.events().reconnect(true);
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "b");
    let asked = ["POST \"question\" text/event-stream, */* -", "POST \"question\" text/event-stream, */* 1"];
    assert_eq!(stage.asked(), asked);
}

#[test]
fn body_that_cannot_be_replayed_fails_the_reconnect() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Close)]);
    let body = Body::stream(iter([Ok::<_, Error>("question")]));
    let mut events = stage.client.post(URL).body(body).events().reconnect(true);
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    let error = error(&mut events);
    assert_eq!((error.kind(), error.url()), (ErrorKind::BodyNotReplayable, Some(URL)));
    assert_eq!(stage.asked(), ["POST \"question\" text/event-stream -"]);
}

#[test]
fn request_may_set_the_first_last_event_id() {
    let stage = Stage::new([
        Answer(STREAM, "data: b\n\n", End::Close),
        Answer(STREAM, "id\ndata: c\n\n", End::Close),
        Status(204),
    ]);
    let mut events = stage.client.get(URL).header("last-event-id", "41").events();
    assert_eq!(events.last_event_id(), "41");
    for text in ["b", "c"] {
        assert_eq!(data(&mut events), text);
        waits(&mut events);
        stage.timer.advance(5 * SECOND);
    }
    assert!(now(&mut events).unwrap().is_none());
    // The server reset the id, so it is not sent any more.
    let asked = stage.asked();
    assert_eq!(asked[..2], ["GET \"\" text/event-stream 41"; 2]);
    assert_eq!(asked[2], "GET \"\" text/event-stream -");
}

#[test]
fn request_may_set_a_last_event_id_that_is_not_utf_8() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    let backend = MockBackend::new(move |request| {
        log.lock().unwrap().push(request.headers().get("last-event-id").unwrap().as_bytes().to_vec());
        let text = if log.lock().unwrap().len() == 1 { "data: a\n\n" } else { "id: \u{fffd}\u{e9}\ndata: b\n\n" };
        let response = Response::builder(StatusCode::OK, request.url()).header("content-type", STREAM).body(text);
        Box::pin(async move { response })
    });
    let timer = ManualTimer::new();
    let client = Client::builder().backend(backend).timer(timer.clone()).build().unwrap();
    let own = HeaderValue::from_bytes(b"caf\xE9").unwrap();
    let mut events = client.get(URL).header("last-event-id", own).events();
    for text in ["a", "b", "b"] {
        assert_eq!(data(&mut events), text);
        waits(&mut events);
        timer.advance(5 * SECOND);
    }
    // The third request has the id of the server, in the encoding of the stream.
    assert_eq!(*asked.lock().unwrap(), [&b"caf\xE9"[..], b"caf\xE9", b"\xEF\xBF\xBD\xC3\xA9"]);
}

#[test]
fn id_that_is_a_control_character_fails_the_reconnect() {
    let stage = Stage::new([Answer(STREAM, "id: \u{1}\ndata: a\n\n", End::Close)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(error(&mut events).kind(), ErrorKind::Protocol);
}
