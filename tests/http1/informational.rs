//! Informational (1xx) responses: they restart the head timeout, and their bytes are limited and not their number.

use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, stream};
use waterspout::agent::Config;
use waterspout::testing::Script;
use waterspout::{Body, Bytes, Error, ErrorKind, Phase, Response, Result};

use crate::support::client::{HELLO, ScriptedClient, URL, once, scripted, scripted_agent, seconds};
use crate::support::polling::run_until_stalled;

const PROCESSING: &str = "HTTP/1.1 102 Processing\r\n\r\n";

type Pending = BoxFuture<'static, Result<Response>>;

/// A connection that sends each of these pieces after a call of `release`, and then nothing more.
fn released<'a>(pieces: impl IntoIterator<Item = &'a str>) -> Script {
    let script = Script::new().expect_head();
    pieces.into_iter().fold(script, |script, piece| script.hold().send(piece)).silence()
}

/// Lets time pass and then lets the server send its next piece. Returns the outcome if the request has ended.
fn next(wire: &ScriptedClient, request: &mut Pending, after: u64) -> Option<Result<Response>> {
    wire.timer.advance(seconds(after));
    wire.connector.release();
    request.now_or_never()
}

fn head_timeout(outcome: Option<Result<Response>>) -> Error {
    let error = outcome.expect("the head timeout has passed").unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Head), "{error}");
    error
}

#[test]
fn each_informational_response_restarts_the_head_timeout() {
    for (status, count) in [("102 Processing", 100), ("103 Early Hints", 3), ("100 Continue", 50), ("199 X", 20)] {
        let informational = format!("HTTP/1.1 {status}\r\nx: y\r\n\r\n");
        let wire = scripted([released(std::iter::repeat_n(&*informational, count).chain([HELLO]))]);
        let mut request: Pending = wire.client.get(URL).send().boxed();
        assert!((&mut request).now_or_never().is_none());
        for _ in 0..count {
            assert!(next(&wire, &mut request, 19).is_none(), "{status}");
        }
        assert_eq!(next(&wire, &mut request, 19).unwrap().unwrap().status(), 200, "{status}");
    }
}

#[test]
fn silence_after_an_informational_response_is_limited() {
    let wire = scripted([released([PROCESSING])]);
    let mut request: Pending = wire.client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert!(next(&wire, &mut request, 19).is_none());
    assert!(next(&wire, &mut request, 19).is_none());
    let error = head_timeout(next(&wire, &mut request, 1));
    assert_eq!(error.elapsed(), Some(seconds(20)));
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}

#[test]
fn part_of_an_informational_response_is_still_silence() {
    let wire = scripted([released(["HTTP/1.1 102 Proc", "essing\r\n"])]);
    let mut request: Pending = wire.client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert!(next(&wire, &mut request, 9).is_none());
    assert!(next(&wire, &mut request, 10).is_none());
    head_timeout(next(&wire, &mut request, 1));
}

#[test]
fn informational_responses_keep_an_upload_alive_that_waits_for_its_source() {
    // The body's source is silent for minutes, and so is the connection in this direction.
    let wire = scripted([released([PROCESSING; 30].into_iter().chain([HELLO]))]);
    let body = stream::once(async { Ok::<_, Error>(Bytes::from_static(b"piece")) }).chain(stream::pending());
    let mut request: Pending = wire.client.put(URL).body(Body::stream(body)).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    for _ in 0..30 {
        assert!(next(&wire, &mut request, 15).is_none());
    }
    assert_eq!(next(&wire, &mut request, 15).unwrap().unwrap().status(), 200);
}

#[test]
fn other_limits_include_informational_responses() {
    for name in ["attempt", "request", "total"] {
        let wire = scripted([released([PROCESSING; 10])]);
        let request = wire.client.get(URL);
        let limit = seconds(60);
        let request = match name {
            "attempt" => request.attempt_timeout(limit),
            "request" => request.timeout(limit),
            _ => request.total_timeout(limit),
        };
        let mut request: Pending = request.send().boxed();
        assert!((&mut request).now_or_never().is_none());
        for _ in 0..3 {
            assert!(next(&wire, &mut request, 19).is_none(), "{name}");
        }
        let error = head_timeout(next(&wire, &mut request, 19));
        assert_eq!((error.timeout().unwrap().name(), error.limit()), (name, Some(limit)));
    }
}

#[test]
fn bytes_that_were_sent_are_counted_without_informational_responses() {
    let wire = scripted([released([PROCESSING])]);
    let mut request: Pending = wire.client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    assert!(next(&wire, &mut request, 1).is_none());
    let error = head_timeout(next(&wire, &mut request, 20));
    assert_eq!(error.transfer().bytes_sent, Some(wire.sent(0).len() as u64));
}

/// Fetches `informational` and a final response, with these bytes as the limit.
fn fetched(limit: usize, informational: &str) -> std::result::Result<String, (ErrorKind, Phase, String)> {
    let config = Config::new().informational_bytes(limit);
    let wire = scripted_agent(|agent| agent.with_config(config), [once(format!("{informational}{HELLO}"))]);
    wire.text().map_err(|error| (error.kind(), error.phase(), error.to_string()))
}

#[test]
fn informational_responses_may_be_as_large_as_their_limit() {
    let many = PROCESSING.repeat(100);
    assert_eq!(fetched(many.len(), &many).as_deref(), Ok("hello"));
    let (kind, phase, message) = fetched(many.len() - 1, &many).unwrap_err();
    assert_eq!((kind, phase), (ErrorKind::LimitExceeded, Phase::Head));
    assert!(message.contains("2699 bytes") && message.contains("`Config::informational_bytes`"), "{message}");
    // The limit covers all responses together, and not the final response.
    let large = format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "x".repeat(1000));
    assert_eq!(fetched(large.len(), &large).as_deref(), Ok("hello"));
    assert!(fetched(large.len(), &format!("{large}{PROCESSING}")).is_err());
    assert_eq!(fetched(0, "").as_deref(), Ok("hello"));
    assert!(fetched(0, PROCESSING).is_err());
}

#[test]
fn thousands_of_informational_responses_are_within_the_default_limit() {
    let wire = scripted([once(format!("{}{HELLO}", PROCESSING.repeat(9_000)))]);
    assert_eq!(wire.text().unwrap(), "hello");
    let wire = scripted([once(PROCESSING.repeat(10_000)).silence()]);
    assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Head));
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}

#[test]
fn each_exchange_has_the_whole_limit() {
    let redirect = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";
    let many = PROCESSING.repeat(100);
    let config = Config::new().informational_bytes(many.len());
    let script = Script::new().expect_head().send(format!("{many}{redirect}"));
    let script = script.expect_head().send(format!("{many}{HELLO}"));
    let wire = scripted_agent(|agent| agent.with_config(config), [script]);
    assert_eq!(wire.text().unwrap(), "hello");
}

#[test]
fn expected_continue_is_found_among_other_informational_responses() {
    let answer = format!("{PROCESSING}{PROCESSING}HTTP/1.1 100 Continue\r\n\r\n{PROCESSING}");
    let script = Script::new().expect_head().send(answer).pause().send(HELLO);
    let wire = scripted([script]);
    let request = wire.client.post(URL).expect_continue(true).body("body").send();
    assert_eq!(run_until_stalled(request).unwrap().unwrap().status(), 200);
    assert_eq!(wire.sent_head_and_rest().1, "body");
}
