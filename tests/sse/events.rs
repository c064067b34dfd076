//! Events of an open stream.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use waterspout::http::{HeaderMap, HeaderValue, StatusCode};
use waterspout::sse::{ReadyState, ServerEvent};
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, Request, Response};

use crate::support::wakers::WakeCount;

use super::{Answer, End, SECOND, STREAM, Stage, URL, data, now, waits};

#[test]
fn events_come_as_they_are_sent_and_the_request_asks_for_a_stream() {
    let stage =
        Stage::new([Answer("Text/Event-Stream ; charset=utf-8", "data: a\n\nevent: e\nid: 4\ndata: b\n\n", End::Stay)]);
    let mut events = stage.events();
    assert_eq!((events.ready_state(), stage.asked().len()), (ReadyState::Connecting, 0));
    assert_eq!(data(&mut events), "a");
    assert_eq!((events.ready_state(), events.last_event_id()), (ReadyState::Open, ""));
    let event = now(&mut events).unwrap().unwrap().unwrap();
    assert_eq!(event, ServerEvent { event: "e".to_owned(), data: "b".to_owned(), id: "4".into() });
    assert_eq!(events.last_event_id(), "4");
    waits(&mut events);
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream -"]);
}

#[test]
fn silence_beyond_the_idle_limit_is_a_lost_connection() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Stay), Answer(STREAM, "data: b\n\n", End::Stay)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(20 * SECOND);
    waits(&mut events);
    assert_eq!(events.last_error().unwrap().timeout().unwrap().name(), "idle");
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "b");
}

#[test]
fn a_request_may_switch_the_idle_limit_off() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Stay)]);
    let mut events = stage.client.get(URL).idle_timeout(Duration::ZERO).events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(100_000 * SECOND);
    waits(&mut events);
    assert_eq!(events.ready_state(), ReadyState::Open);
}

#[test]
fn flood_of_comments_yields_to_other_tasks() {
    let backend = MockBackend::new(|request| {
        async move {
            let headers = [("content-type".parse().unwrap(), HeaderValue::from_static(STREAM))];
            let mut left = 100_000;
            let flood = futures::stream::repeat_with(move || {
                left -= 1;
                assert!(left > 0, "a single poll reads everything");
                Ok::<_, Error>(Bytes::from_static(b":\n\n"))
            });
            let response = Response::builder(StatusCode::OK, request.url());
            response.headers(HeaderMap::from_iter(headers)).body(Body::stream(flood))
        }
        .boxed()
    });
    let client = Client::builder().backend(backend).timer(ManualTimer::new()).build().unwrap();
    let mut events = client.events(Request::get(URL));
    let (woken, waker) = WakeCount::new();
    for turn in 1..4 {
        let polled = events.poll_next_unpin(&mut std::task::Context::from_waker(&waker));
        assert!(polled.is_pending());
        assert_eq!(woken.get(), turn, "the stream wakes its task again");
    }
}

#[test]
fn a_slot_is_held_while_connected_and_not_while_waiting() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Close), Answer(STREAM, "data: b\n\n", End::Stay)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    assert_eq!(stage.client.stats().active, 1);
    waits(&mut events);
    assert_eq!(stage.client.stats().active, 0);
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "b");
    waits(&mut events);
    assert_eq!(stage.client.stats().active, 1);
    drop(events);
    assert_eq!((stage.client.stats().active, stage.timer.pending()), (0, 0));
}

#[test]
fn dropping_the_stream_removes_its_timer() {
    let stage = Stage::new([Answer(STREAM, "", End::Close)]);
    let mut events = stage.events();
    waits(&mut events);
    assert_eq!(stage.timer.pending(), 1);
    drop(events);
    assert_eq!(stage.timer.pending(), 0);
}
