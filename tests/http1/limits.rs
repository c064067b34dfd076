//! The limits of an agent: a response at a limit is accepted, a response beyond it is refused.

use futures::executor::block_on;
use waterspout::agent::Config;
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, ErrorKind, Phase};

use crate::support::client::{URL, once, scripted, send};

/// Reads the body of this response under a `stream_limit`. Returns the number of bytes read, the error, and the number
/// of open connections.
fn streamed(limit: u64, answer: &str) -> (usize, Option<ErrorKind>, usize) {
    let connector = ScriptedConnector::new([Script::new().expect_head().send(answer).pause().send("more").silence()]);
    let timer = ManualTimer::new();
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = Client::builder().backend(agent).timer(timer).stream_limit(limit).build().unwrap();
    let mut response = block_on(client.get("http://example.com/").send()).unwrap();
    let mut read = 0;
    loop {
        match block_on(response.chunk()) {
            Ok(Some(chunk)) => read += chunk.len(),
            Ok(None) => return (read, None, connector.open()),
            Err(error) => {
                assert_eq!((error.phase(), client.stats().active), (Phase::Body, 0));
                return (read, Some(error.kind()), connector.open());
            }
        }
    }
}

#[test]
fn a_streamed_body_may_be_as_long_as_its_limit() {
    let beyond = Some(ErrorKind::LimitExceeded);
    let declared = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody";
    assert_eq!(streamed(4, declared), (4, None, 1));
    assert_eq!(streamed(3, declared), (0, beyond, 1));
    // The limit is checked against the declared length before the rest of the body arrives.
    let later = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nbody";
    assert_eq!(streamed(8, later), (8, None, 1));
    assert_eq!(streamed(7, later), (0, beyond, 0));
    let close_delimited = "HTTP/1.1 200 OK\r\n\r\nbody";
    assert_eq!(streamed(7, close_delimited), (4, beyond, 0));
    let endless = chunked("4\r\nbody\r\n4\r\n");
    assert_eq!(streamed(7, &endless), (4, beyond, 0));
}

/// Fetches this response with an agent of this configuration.
fn fetched(config: Config, answer: &str) -> std::result::Result<String, (ErrorKind, Phase)> {
    let connector = ScriptedConnector::new([Script::new().expect_head().send(answer).silence()]);
    let timer = ManualTimer::new();
    let agent = Agent::new(connector, timer.clone()).with_config(config);
    let client = Client::builder().backend(agent).timer(timer).build().unwrap();
    let text = block_on(async { client.get("http://example.com/").await?.text().await });
    text.map_err(|error| (error.kind(), error.phase()))
}

fn chunked(rest: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{rest}")
}

const TOO_LARGE_A_HEAD: std::result::Result<String, (ErrorKind, Phase)> = Err((ErrorKind::LimitExceeded, Phase::Head));

const TOO_LARGE_A_BODY: std::result::Result<String, (ErrorKind, Phase)> = Err((ErrorKind::LimitExceeded, Phase::Body));

#[test]
fn a_head_may_be_as_large_as_its_limit() {
    let head = |filler: usize| format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: {}\r\n\r\n", "x".repeat(filler));
    let config = || Config::new().head_bytes(1024);
    assert_eq!(fetched(config(), &format!("{}ok", head(100))).unwrap(), "ok");
    assert_eq!(fetched(config(), &format!("{}ok", head(1000))), TOO_LARGE_A_HEAD);
    let exact = 1024 - head(0).len();
    assert_eq!(fetched(config(), &format!("{}ok", head(exact))).unwrap(), "ok");
    assert_eq!(fetched(config(), &format!("{}ok", head(exact + 1))), TOO_LARGE_A_HEAD);
    // Bytes of the body that arrive with the head do not count for the head.
    let body = format!("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{}", "x".repeat(5000));
    assert_eq!(fetched(config(), &body).unwrap().len(), 5000);
}

#[test]
fn there_may_be_as_many_headers_as_their_limit() {
    let head = |count| format!("HTTP/1.1 200 OK\r\n{}content-length: 2\r\n\r\nok", "x: y\r\n".repeat(count));
    for limit in [1, 2, 255, 256, 257, 5000] {
        let config = || Config::new().header_count(limit);
        assert_eq!(fetched(config(), &head(limit - 1)).unwrap(), "ok", "{limit}");
        assert_eq!(fetched(config(), &head(limit)), TOO_LARGE_A_HEAD, "{limit}");
    }
    // More distinct names than a `HeaderMap` can hold are an error and not a panic.
    let names: String = (0..40_000).map(|number| format!("x{number}:\r\n")).collect();
    let head = format!("HTTP/1.1 200 OK\r\n{names}content-length: 2\r\n\r\nok");
    let unlimited = Config::new().head_bytes(usize::MAX).header_count(usize::MAX);
    assert_eq!(fetched(unlimited, &head), TOO_LARGE_A_HEAD);
}

#[test]
fn a_chunk_line_may_be_as_long_as_its_limit() {
    let body = |filler: usize| chunked(&format!("2;{}\r\nok\r\n0\r\n\r\n", "x".repeat(filler)));
    let config = || Config::new().chunk_line_bytes(64);
    assert_eq!(fetched(config(), &body(62)).unwrap(), "ok");
    assert_eq!(fetched(config(), &body(63)), TOO_LARGE_A_BODY);
    assert_eq!(fetched(config(), &chunked(&format!("2;{}", "x".repeat(64)))), TOO_LARGE_A_BODY);
    assert_eq!(fetched(Config::new().chunk_line_bytes(usize::MAX), &body(10_000)).unwrap(), "ok");
}

#[test]
fn trailers_may_be_as_large_as_their_limit() {
    let body = |filler: usize| chunked(&format!("2\r\nok\r\n0\r\na: {}\r\n\r\n", "x".repeat(filler)));
    let config = || Config::new().trailer_bytes(64);
    assert_eq!(fetched(config(), &body(59)).unwrap(), "ok");
    assert_eq!(fetched(config(), &body(60)), TOO_LARGE_A_BODY);
    // The limit covers all trailers together, however many there are.
    let many = chunked(&format!("2\r\nok\r\n0\r\n{}\r\n", "a: b\r\n".repeat(11)));
    assert_eq!(fetched(config(), &many), TOO_LARGE_A_BODY);
    assert_eq!(fetched(Config::new().trailer_bytes(0), &chunked("2\r\nok\r\n0\r\n\r\n")).unwrap(), "ok");
    assert_eq!(fetched(Config::new().trailer_bytes(usize::MAX), &body(100_000)).unwrap(), "ok");
}

#[test]
fn endless_heads_and_chunk_lines_and_trailers_are_refused() {
    let endless_head = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(70_000));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(300));
    for answer in [endless_head, many_headers] {
        let wire = scripted([once(&answer).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Head));
    }
    for chunks in [format!("1;{}", "x".repeat(5_000)), format!("0\r\n{}", "x: y\r\n".repeat(5_000))] {
        let wire = scripted([once(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Body));
    }
}

#[test]
fn trailers_of_exactly_the_limit_leave_no_room_for_more() {
    let trailer = format!("x: {}\r\n", "a".repeat(16 * 1024 - 1 - 3));
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{trailer}y: b\r\n\r\n");
    let w = scripted([Script::new().expect_head().send(answer).silence()]);
    let outcome = block_on(async { w.client.get(URL).await?.text().await });
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::LimitExceeded, Phase::Body), "{error}");
}

#[test]
fn trailers_without_end_are_bounded() {
    // Needs a build without overflow checks to fail: a counter that wraps around disables the limit on trailers.
    let first = format!("x: {}\r\n", "a".repeat(16 * 1024 - 1 - 3));
    let more = "y: ".to_owned() + &"b".repeat(30_000_000) + "\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{first}{more}\r\n");
    let w = scripted([Script::new().expect_head().send(answer).silence()]);
    let outcome = block_on(async { w.client.get(URL).await?.text().await });
    assert!(outcome.is_err(), "30 MB of trailers accepted: {outcome:?}");
}

#[test]
fn a_body_that_ends_with_the_connection_is_streamed_and_limited() {
    let script = || Script::new().expect_head().send("HTTP/1.1 200 OK\r\n\r\nhel").pause().send("lo");
    let wire = scripted([script(), script(), script()]);
    let mut response = send(wire.client.get(URL)).unwrap();
    assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "hel");
    let limited = |bytes| block_on(async { wire.client.get(URL).body_limit(bytes).await?.text().await });
    assert_eq!(limited(5).unwrap(), "hello");
    assert_eq!(limited(4).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn large_chunk_is_delivered_in_pieces() {
    let size = 8 << 20;
    let head = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size:x}\r\n");
    let body = [head.as_bytes(), &vec![b'x'; size], b"\r\n0\r\n\r\n"].concat();
    let mut response = send(scripted([Script::new().expect_head().send(body)]).client.get(URL)).unwrap();
    let (mut read, mut largest) = (0, 0);
    while let Some(piece) = block_on(response.chunk()).unwrap() {
        (read, largest) = (read + piece.len(), largest.max(piece.len()));
    }
    assert_eq!(read, size);
    assert!(largest <= 512 * 1024, "{largest}");
}
