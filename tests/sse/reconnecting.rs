//! When a stream reconnects, and after how long.

use std::time::Duration;

use waterspout::sse::{Events, ReadyState};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, ErrorKind, Phase, Request};

use super::{Answer, End, Fail, SECOND, STREAM, Silence, Stage, URL, data, error, now, waits};

#[test]
fn a_connection_that_breaks_is_replaced() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let answers = [format!("{head}14\r\nid: 1\ndata: a\n\ndat\r\n"), format!("{head}9\r\ndata: b\n\n\r\n")];
    let connector = ScriptedConnector::new(answers.map(|answer| Script::new().expect_head().send(answer)));
    let timer = ManualTimer::new();
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    let mut events = client.events(Request::get(URL));
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    assert_eq!(events.last_error().unwrap().kind(), ErrorKind::ConnectionClosed);
    assert_eq!((events.ready_state(), connector.open()), (ReadyState::Connecting, 0));
    timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "b");
    assert!(events.last_error().is_none());
    assert!(connector.written(1).contains("\r\nlast-event-id: 1\r\n"), "{}", connector.written(1));
    assert!(!connector.written(0).contains("last-event-id"));
}

#[test]
fn the_servers_retry_is_honoured_and_outlives_the_connection() {
    let acts = [
        Answer(STREAM, "retry: 60000\n\n", End::Close),
        Answer(STREAM, "data: a\n\n", End::Close),
        Answer(STREAM, "data: b\n\n", End::Stay),
    ];
    let stage = Stage::new(acts);
    let mut events = stage.events();
    waits(&mut events);
    for text in ["a", "b"] {
        stage.timer.advance(59 * SECOND);
        waits(&mut events);
        stage.timer.advance(32 * SECOND);
        assert_eq!(data(&mut events), text);
        let _ = now(&mut events);
    }
}

#[test]
fn a_huge_retry_waits_no_longer_than_the_longest_delay() {
    let acts =
        [Answer(STREAM, "retry: 99999999999999999999\n\n", End::Close), Answer(STREAM, "data: a\n\n", End::Stay)];
    let stage = Stage::new(acts);
    let mut events = stage.events().max_delay(10 * SECOND);
    waits(&mut events);
    stage.timer.advance(15 * SECOND);
    assert_eq!(data(&mut events), "a");
}

#[test]
fn a_stream_of_retry_zero_does_not_spin() {
    let acts = [Answer(STREAM, "retry: 0\n\n", End::Close), Answer(STREAM, "data: a\n\n", End::Stay)];
    let stage = Stage::new(acts);
    let mut events = stage.events();
    waits(&mut events);
    stage.timer.advance(Duration::from_millis(99));
    waits(&mut events);
    stage.timer.advance(Duration::from_millis(51));
    assert_eq!(data(&mut events), "a");
}

#[test]
fn failed_attempts_wait_longer_each_time_and_a_stream_starts_the_count_again() {
    let refused = || Fail(ErrorKind::Connect, Phase::Connect);
    let open = |text| Answer(STREAM, text, End::Close);
    let stage = Stage::new([refused(), refused(), refused(), open("data: a\n\n"), refused(), open("data: b\n\n")]);
    let mut events = stage.events().retry_delay(SECOND);
    let mut attempts = 0;
    for least in [1, 2, 4] {
        waits(&mut events);
        attempts += 1;
        assert_eq!(events.last_error().unwrap().kind(), ErrorKind::Connect);
        stage.timer.advance(least * SECOND - Duration::from_millis(1));
        waits(&mut events);
        assert_eq!(stage.asked.lock().unwrap().len(), attempts);
        stage.timer.advance(least * SECOND);
    }
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(2 * SECOND);
    waits(&mut events);
    stage.timer.advance(2 * SECOND);
    assert_eq!(data(&mut events), "b");
}

#[test]
fn consecutive_attempts_are_limited_and_the_last_error_is_returned() {
    let stage = Stage::new((0..3).map(|_| Fail(ErrorKind::Dns, Phase::Connect)));
    let mut events = stage.events().max_attempts(3);
    for _ in 0..2 {
        waits(&mut events);
        stage.timer.advance(100 * SECOND);
    }
    assert_eq!(error(&mut events).kind(), ErrorKind::Dns);
    assert_eq!(stage.asked().len(), 3);
}

#[test]
fn max_attempts_is_five_by_default_and_zero_is_unlimited() {
    let stage = Stage::new((0..100).map(|_| Fail(ErrorKind::Connect, Phase::Connect)));
    let attempts = |mut events: Events| {
        for attempt in 1..=50 {
            if now(&mut events).is_some() {
                return attempt;
            }
            stage.timer.advance(1000 * SECOND);
        }
        50
    };
    assert_eq!(attempts(stage.events()), 5);
    assert_eq!(attempts(stage.events().max_attempts(0)), 50);
}

#[test]
fn an_attempt_that_hangs_ends_at_the_head_limit() {
    let stage = Stage::new([Silence, Answer(STREAM, "data: a\n\n", End::Stay)]);
    let mut events = stage.events();
    waits(&mut events);
    stage.timer.advance(20 * SECOND);
    waits(&mut events);
    assert!(events.last_error().unwrap().is_timeout());
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "a");
}
