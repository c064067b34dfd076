//! The agent over scripted connections: when they are used again, when a request is made again, when all is dropped.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Body, BoxFuture, Bytes, Client, Connector, Error, ErrorKind, Origin, Phase, Transport};

const URL: &str = "http://example.com/";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
}

/// A client whose connections follow these scripts.
fn wire(scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer) = (ScriptedConnector::new(scripts), ManualTimer::new());
    let agent = Agent::new(connector.clone(), timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    Wire { client, connector, timer }
}

impl Wire {
    fn get(&self) -> Result<String, Error> {
        block_on(async { self.client.get(URL).await?.text().await })
    }

    fn failure(&self) -> (ErrorKind, Phase) {
        let error = self.get().unwrap_err();
        (error.kind(), error.phase())
    }
}

/// A connection that answers one request by `answer`, then closes.
fn once(answer: &str) -> Script {
    Script::new().expect_head().send(answer)
}

/// A connection that answers two requests.
fn twice(first: &str, second: &str) -> Script {
    once(first).expect_head().send(second)
}

fn length(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

#[test]
fn a_connection_is_used_again() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n";
    let wire = wire([once(&length("one")).expect_head().send(chunked).expect_head().send(length("three"))]);
    assert_eq!([wire.get().unwrap(), wire.get().unwrap(), wire.get().unwrap()], ["one", "one", "three"]);
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn a_small_answer_frees_connection_and_slot_before_it_is_read() {
    let wire = wire([twice(HELLO, HELLO)]);
    let unread = block_on(wire.client.get(URL).send()).unwrap();
    assert_eq!(wire.client.stats().active, 0);
    assert_eq!(wire.get().unwrap(), "hello");
    assert_eq!(wire.connector.connections(), 1);
    assert_eq!(block_on(unread.text()).unwrap(), "hello");
}

#[test]
fn a_connection_that_did_not_end_cleanly_is_not_used_again() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let wire = wire([once(answer).expect_head().send(HELLO), once(HELLO)]);
        assert_eq!(wire.get().unwrap(), "hello", "{answer}");
        assert_eq!(wire.connector.open(), 0, "{answer}");
        assert_eq!(wire.get().unwrap(), "hello", "{answer}");
        assert_eq!(wire.connector.connections(), 2, "{answer}");
    }
}

#[test]
fn an_http_1_0_connection_is_kept_if_the_server_says_so() {
    let wire = wire([twice("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", HELLO)]);
    assert_eq!([wire.get().unwrap(), wire.get().unwrap()], ["hello", "hello"]);
    assert_eq!(wire.connector.connections(), 1);
}

#[test]
fn a_body_dropped_half_read_closes_its_connection() {
    let wire = wire([once("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").silence()]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "half");
    assert_eq!((wire.connector.open(), wire.client.stats().active), (1, 1));
    drop(response);
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}

#[test]
fn a_body_that_fails_closes_its_connection_and_frees_its_slot() {
    let wire = wire([once("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").reset()]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    assert!(block_on(response.chunk()).is_ok());
    let error = block_on(response.chunk()).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::ConnectionClosed, Phase::Body));
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}

#[test]
fn a_connection_idle_for_too_long_is_not_used_again() {
    let wire = wire([twice(HELLO, HELLO), once(HELLO)]);
    wire.get().unwrap();
    wire.timer.advance(Duration::from_secs(15));
    wire.get().unwrap();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (2, 1));
}

#[test]
fn a_connection_that_was_closed_or_spoke_while_idle_is_not_used_again() {
    for idle in [once(HELLO), once(HELLO).send("HTTP/1.1 408 Request Timeout\r\n\r\n")] {
        let wire = wire([idle, once(HELLO)]);
        assert_eq!([wire.get().unwrap(), wire.get().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 2);
    }
}

#[test]
fn a_kept_connection_that_closes_without_an_answer_is_replaced_once() {
    let stale = || once(HELLO).expect_head();
    let wire = wire([stale(), once(HELLO), Script::new().expect_head(), once(HELLO)]);
    assert_eq!([wire.get().unwrap(), wire.get().unwrap()], ["hello", "hello"]);
    assert_eq!(wire.connector.connections(), 2);
    // A new connection that does so is the server's answer.
    assert_eq!(wire.failure(), (ErrorKind::ConnectionClosed, Phase::Head));
    assert_eq!(wire.connector.connections(), 3);
}

#[test]
fn a_request_is_not_made_again_once_an_answer_has_begun() {
    let wire = wire([once(HELLO).expect_head().send("H"), once(HELLO)]);
    assert_eq!(wire.get().unwrap(), "hello");
    assert_eq!(wire.failure(), (ErrorKind::ConnectionClosed, Phase::Head));
    assert_eq!(wire.connector.connections(), 1);
}

#[test]
fn only_what_may_be_repeated_is_made_again() {
    let send = |wire: &Wire, method: &str, body: Body| {
        let method = waterspout::http::Method::from_bytes(method.as_bytes()).unwrap();
        block_on(wire.client.request(method, URL).body(body).send()).map(|response| response.status())
    };
    let stale = || wire([once(HELLO).expect_head(), once(HELLO)]);
    for (method, body, repeated) in [
        ("PUT", Body::from("body"), true),
        ("DELETE", Body::empty(), true),
        ("POST", Body::empty(), false),
        ("POST", Body::from("body"), false),
        ("PATCH", Body::from("body"), false),
        ("PUT", Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))])), false),
    ] {
        let wire = stale();
        wire.get().unwrap();
        let outcome = send(&wire, method, body);
        assert_eq!(outcome.is_ok(), repeated, "{method}: {outcome:?}");
        assert_eq!(wire.connector.connections(), 1 + usize::from(repeated), "{method}");
    }
}

#[test]
fn an_answer_before_the_end_of_the_upload_ends_the_upload() {
    let refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!";
    let wire = wire([once(refusal).expect_head().send(HELLO), once(HELLO)]);
    let endless = Body::stream(stream::pending::<Result<Bytes, Error>>());
    let response = block_on(wire.client.post(URL).body(endless).send()).unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(block_on(response.text()).unwrap(), "no!");
    // What was left unsent would be taken for the next request.
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn heads_and_bodies_may_come_byte_by_byte() {
    for answer in
        [HELLO, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nt: 1\r\n\r\n"]
    {
        let wire = wire([Script::new().expect_head().drip(answer.as_bytes()).expect_head().send(HELLO)]);
        assert_eq!([wire.get().unwrap(), wire.get().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 1);
    }
}

#[test]
fn interim_responses_are_skipped_but_not_for_ever() {
    let interim = "HTTP/1.1 102 Processing\r\n\r\n";
    let wire = wire([once(&format!("{}{HELLO}", interim.repeat(3))), once(&interim.repeat(1000))]);
    assert_eq!(wire.get().unwrap(), "hello");
    assert_eq!(wire.failure(), (ErrorKind::Protocol, Phase::Head));
}

#[test]
fn malformed_answers_fail_at_once() {
    // The server stays silent after these: whoever waits for more waits for ever.
    for answer in [
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/2 200\r\n",
        "\0\0\0",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 20x OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    ] {
        let wire = wire([once(answer).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::Protocol, Phase::Head), "{answer:?}");
        assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0), "{answer:?}");
    }
}

#[test]
fn malformed_chunks_fail_at_once() {
    for body in [
        "x\r\n",
        "+1\r\na\r\n",
        "0x1\r\na\r\n",
        "1 1\r\na\r\n",
        "\r\n",
        "1\na\r\n",
        "1\r\nab\r\n",
        "10000000000000000\r\n",
    ] {
        let wire = wire([once(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{body}")).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::Protocol, Phase::Body), "{body:?}");
        assert_eq!(wire.connector.open(), 0, "{body:?}");
    }
}

#[test]
fn whatever_the_server_sends_memory_is_bounded() {
    let endless_head = format!("HTTP/1.1 200 OK\r\nx: {}", "x".repeat(70_000));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(300));
    for answer in [endless_head, many_headers] {
        let wire = wire([once(&answer).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Head));
    }
    for chunks in [format!("1;{}", "x".repeat(5_000)), format!("0\r\n{}", "x: y\r\n".repeat(5_000))] {
        let wire = wire([once(&format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}")).silence()]);
        assert_eq!(wire.failure(), (ErrorKind::LimitExceeded, Phase::Body));
    }
}

#[test]
fn a_redirect_uses_the_connection_again_and_keeps_credentials_at_home() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
    let home = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";
    let wire = wire([twice(home, away), once(HELLO)]);
    let request =
        wire.client.get(URL).header("authorization", "Bearer secret").header("cookie", "a=b").header("x-a", "1");
    let response = block_on(request.send()).unwrap();
    assert_eq!(response.url().as_str(), "http://other.example/");
    let (home, away) = (wire.connector.written(0), wire.connector.written(1));
    assert_eq!(home.matches("authorization: Bearer secret").count(), 2);
    assert!(home.contains("GET /next HTTP/1.1\r\nhost: example.com\r\n"), "{home}");
    assert!(away.starts_with("GET / HTTP/1.1\r\nhost: other.example\r\n") && away.contains("x-a: 1"), "{away}");
    assert!(!away.contains("secret") && !away.contains("cookie"), "{away}");
}

#[test]
fn a_redirect_whose_next_hop_fails_is_an_error_about_that_hop() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
    let wire = wire([once(away), Script::refused()]);
    let error = wire.get().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    assert_eq!(error.url(), Some("http://other.example/"));
}

#[test]
fn a_one_shot_body_is_not_sent_twice() {
    let again = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";
    let wire = wire([twice(again, HELLO)]);
    let body = Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))]));
    let error = block_on(wire.client.put(URL).body(body).send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
}

/// Has its task come again once.
async fn pending_once() {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut asked, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await
}

#[test]
fn a_streamed_body_is_framed_as_its_length_allows() {
    let pieces = || stream::iter([Ok::<_, Error>(Bytes::from("ab")), Ok(Bytes::new()), Ok(Bytes::from("cde"))]);
    let later = || stream::once(pending_once()).map(|()| Ok(Bytes::new())).chain(pieces());
    let wire = wire([twice(HELLO, HELLO)]);
    block_on(wire.client.post(URL).body(Body::stream(later())).send()).unwrap();
    block_on(wire.client.post(URL).body(Body::stream(pieces()).with_length(5)).send()).unwrap();
    let written = wire.connector.written(0);
    assert!(written.contains("transfer-encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\nPOST"), "{written}");
    assert!(written.ends_with("content-length: 5\r\n\r\nabcde"), "{written}");
}

#[test]
fn the_connect_limit_covers_the_connection_and_names_itself() {
    struct Never;
    impl Connector for Never {
        fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
            futures::future::pending().boxed()
        }
    }
    let timer = ManualTimer::new();
    let agent = Agent::new(Never, timer.clone());
    let client = Client::builder().backend(agent).timer(timer.clone()).head_timeout(Duration::ZERO).build().unwrap();
    let mut request = client.get(URL).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(20));
    let error = request.now_or_never().unwrap().unwrap_err();
    assert_eq!(
        (error.kind(), error.phase(), error.limit().unwrap().name),
        (ErrorKind::Timeout, Phase::Connect, "connect")
    );
    assert!(error.is_connect() && error.is_timeout());
}
