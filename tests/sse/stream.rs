//! The stream that reconnects.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::stream::{BoxStream, iter, pending};
use futures::{FutureExt, StreamExt};
use waterspout::http::{HeaderMap, HeaderValue, StatusCode};
use waterspout::sse::{Event, Events, State};
use waterspout::testing::{ManualTimer, MockBackend, Script, ScriptedConnector};
use waterspout::{Agent, Body, Bytes, Client, Error, ErrorKind, Phase, Request, Response, Result};

const URL: &str = "http://a.example/events";
const SECOND: Duration = Duration::from_secs(1);

/// What the server does next.
enum Act {
    /// Status 200, the content type, these bytes, and how it goes on.
    Answer(&'static str, &'static str, End),
    Status(u16),
    Fail(ErrorKind, Phase),
    Silence,
}

enum End {
    Close,
    Stay,
}

use Act::{Answer, Fail, Silence, Status};

const STREAM: &str = "text/event-stream";

/// A server that plays acts, the clock, and what was asked: `METHOD body accept last-event-id`.
struct Stage {
    client: Client,
    timer: ManualTimer,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    fn new(acts: impl IntoIterator<Item = Act>) -> Self {
        let (timer, asked) = (ManualTimer::new(), Arc::new(Mutex::new(Vec::new())));
        let acts = Mutex::new(acts.into_iter().collect::<VecDeque<_>>());
        let log = asked.clone();
        let backend = MockBackend::new(move |mut request| {
            let act = acts.lock().unwrap().pop_front().expect("nobody asks after the last act");
            let log = log.clone();
            Box::pin(async move {
                let body = std::mem::take(request.body_mut()).collect(1000).await?;
                let header = |name| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned();
                let body = String::from_utf8_lossy(&body);
                let line = format!("{} {body:?} {} {}", request.method(), header("accept"), header("last-event-id"));
                log.lock().unwrap().push(line);
                let url = request.url().clone();
                match act {
                    Answer(kind, text, end) => {
                        let first = iter([Ok::<_, Error>(Bytes::from_static(text.as_bytes()))]);
                        let rest: BoxStream<'static, Result<Bytes>> = match end {
                            End::Close => iter([]).boxed(),
                            End::Stay => pending().boxed(),
                        };
                        let headers = [("content-type".parse().unwrap(), HeaderValue::from_static(kind))];
                        let body = Body::stream(first.chain(rest));
                        Ok(Response::new(StatusCode::OK, url, body).with_headers(HeaderMap::from_iter(headers)))
                    }
                    Status(code) => Ok(Response::new(StatusCode::from_u16(code).unwrap(), url, "")),
                    Fail(kind, phase) => Err(Error::new(kind, phase, "it failed")),
                    Silence => std::future::pending().await,
                }
            })
        });
        let client = Client::builder().backend(backend).timer(timer.clone()).build().unwrap();
        Self { client, timer, asked }
    }

    fn events(&self) -> Events {
        self.client.events(Request::get(URL))
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

/// What the stream has to give now: nothing yet, its end, or an item.
fn now(events: &mut Events) -> Option<Option<Result<Event>>> {
    events.next().now_or_never()
}

fn data(events: &mut Events) -> String {
    now(events).expect("an event is there").expect("the stream has not ended").unwrap().data
}

fn error(events: &mut Events) -> Error {
    let error = now(events).expect("it is over").expect("the stream ends in an error").unwrap_err();
    assert_eq!(events.state(), State::Closed);
    assert!(now(events).expect("an error is the last").is_none());
    error
}

fn waits(events: &mut Events) {
    assert!(now(events).is_none(), "nothing is to be had now");
}

#[test]
fn events_come_as_they_are_sent_and_the_request_asks_for_a_stream() {
    let stage =
        Stage::new([Answer("Text/Event-Stream ; charset=utf-8", "data: a\n\nevent: e\nid: 4\ndata: b\n\n", End::Stay)]);
    let mut events = stage.events();
    assert_eq!((events.state(), stage.asked().len()), (State::Connecting, 0));
    assert_eq!(data(&mut events), "a");
    assert_eq!((events.state(), events.last_event_id()), (State::Open, ""));
    let event = now(&mut events).unwrap().unwrap().unwrap();
    assert_eq!(event, Event { event: "e".to_owned(), data: "b".to_owned(), id: "4".into() });
    assert_eq!(events.last_event_id(), "4");
    waits(&mut events);
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream -"]);
}

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
    assert!((events.state(), events.last_error().is_none()) == (State::Connecting, true));
    // Three seconds, and not more than half of that for chance.
    stage.timer.advance(3 * SECOND - Duration::from_millis(1));
    waits(&mut events);
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream -"]);
    stage.timer.advance(2 * SECOND);
    let event = now(&mut events).unwrap().unwrap().unwrap();
    // The id outlives the connection.
    assert_eq!((&*event.data, &*event.id), ("b", "1"));
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "c");
    assert_eq!(events.last_event_id(), "3");
    assert_eq!(stage.asked(), ["GET \"\" text/event-stream 1"; 2]);
}

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
    assert_eq!((events.state(), connector.open()), (State::Connecting, 0));
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
fn attempts_in_a_row_are_limited_and_the_last_error_is_told() {
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
fn five_attempts_are_the_default_and_zero_means_any_number() {
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
fn a_204_ends_the_stream() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Close), Status(204)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert!(now(&mut events).expect("it has ended").is_none());
    assert_eq!((events.state(), stage.client.stats().active), (State::Closed, 0));
    assert!(now(&mut events).expect("it stays so").is_none());
}

#[test]
fn a_status_other_than_200_is_a_final_error() {
    for code in [201, 206, 301, 404, 500, 503] {
        let stage = Stage::new([Status(code)]);
        let error = error(&mut stage.events());
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Status, code));
        assert_eq!(error.url(), Some(URL));
    }
}

#[test]
fn another_content_type_is_a_final_error_that_names_it() {
    for kind in ["text/html", "", "text/event-streams", "application/json; a=text/event-stream"] {
        let stage = Stage::new([Answer(kind, "data: a\n\n", End::Stay)]);
        let error = error(&mut stage.events());
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Decode, Phase::Head));
        assert!(error.to_string().contains(&format!("{kind:?}")), "{error}");
        assert_eq!(stage.client.stats().active, 0);
    }
}

#[test]
fn errors_that_do_not_pass_are_final() {
    for kind in [ErrorKind::Tls, ErrorKind::Redirect, ErrorKind::Unsupported, ErrorKind::LimitExceeded] {
        let stage = Stage::new([Fail(kind, Phase::Connect)]);
        assert_eq!(error(&mut stage.events()).kind(), kind);
    }
}

#[test]
fn silence_beyond_the_idle_limit_is_a_lost_connection() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Stay), Answer(STREAM, "data: b\n\n", End::Stay)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(20 * SECOND);
    waits(&mut events);
    assert_eq!(events.last_error().unwrap().limit().unwrap().name, "idle");
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
    assert_eq!(events.state(), State::Open);
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

#[test]
fn an_event_beyond_the_limit_is_a_final_error() {
    let stage = Stage::new([Answer(STREAM, "data: 0123456789\n\n", End::Stay)]);
    let mut events = stage.events().max_event_size(15);
    assert_eq!(error(&mut events).kind(), ErrorKind::LimitExceeded);
    assert_eq!(stage.client.stats().active, 0);
}

#[test]
fn a_server_that_floods_with_comments_leaves_others_their_turn() {
    let backend = MockBackend::new(|request| {
        async move {
            let headers = [("content-type".parse().unwrap(), HeaderValue::from_static(STREAM))];
            let mut left = 100_000;
            let flood = futures::stream::repeat_with(move || {
                left -= 1;
                assert!(left > 0, "one poll takes it all");
                Ok::<_, Error>(Bytes::from_static(b":\n\n"))
            });
            let response = Response::new(StatusCode::OK, request.url().clone(), Body::stream(flood));
            Ok(response.with_headers(HeaderMap::from_iter(headers)))
        }
        .boxed()
    });
    let client = Client::builder().backend(backend).timer(ManualTimer::new()).build().unwrap();
    let mut events = client.events(Request::get(URL));
    let (waker, woken) = counting_waker();
    for turn in 1..4 {
        let polled = events.poll_next_unpin(&mut std::task::Context::from_waker(&waker));
        assert!(polled.is_pending());
        assert_eq!(woken.0.load(std::sync::atomic::Ordering::Relaxed), turn, "it goes on by itself");
    }
}

/// A waker that counts.
#[derive(Default)]
struct Woken(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

fn counting_waker() -> (std::task::Waker, Arc<Woken>) {
    let woken = Arc::new(Woken::default());
    (woken.clone().into(), woken)
}

#[test]
fn an_id_that_no_header_can_have_is_an_error_on_reconnecting() {
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
    let mut events = request.events();
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(data(&mut events), "b");
    let asked = ["POST \"question\" text/event-stream, */* -", "POST \"question\" text/event-stream, */* 1"];
    assert_eq!(stage.asked(), asked);
}

#[test]
fn a_one_shot_body_is_sent_once_and_missed_on_reconnecting() {
    let stage = Stage::new([Answer(STREAM, "data: a\n\n", End::Close)]);
    let body = Body::stream(iter([Ok::<_, Error>("question")]));
    let mut events = stage.client.post(URL).body(body).events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    let error = error(&mut events);
    assert_eq!((error.kind(), error.url()), (ErrorKind::BodyNotReplayable, Some(URL)));
    assert_eq!(stage.asked(), ["POST \"question\" text/event-stream -"]);
}

#[test]
fn a_request_may_say_where_to_begin() {
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
    // Taken back by the server, it is not sent any more.
    let asked = stage.asked();
    assert_eq!(asked[..2], ["GET \"\" text/event-stream 41"; 2]);
    assert_eq!(asked[2], "GET \"\" text/event-stream -");
}

#[test]
fn an_id_that_no_header_can_carry_is_an_error_not_a_repetition() {
    let stage = Stage::new([Answer(STREAM, "id: \u{1}\ndata: a\n\n", End::Close)]);
    let mut events = stage.events();
    assert_eq!(data(&mut events), "a");
    waits(&mut events);
    stage.timer.advance(5 * SECOND);
    assert_eq!(error(&mut events).kind(), ErrorKind::Protocol);
}

#[test]
fn a_bad_request_is_the_first_item() {
    assert_eq!(error(&mut Client::new().events(Request::get("nonsense"))).kind(), ErrorKind::InvalidUrl);
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
fn dropping_ends_the_wait() {
    let stage = Stage::new([Answer(STREAM, "", End::Close)]);
    let mut events = stage.events();
    waits(&mut events);
    assert_eq!(stage.timer.pending(), 1);
    drop(events);
    assert_eq!(stage.timer.pending(), 0);
}
