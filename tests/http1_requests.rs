//! What leaves over HTTP/1.1: how a request is framed, when its body goes, what follows it, and what is never sent.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite, FutureExt, StreamExt, stream};
use waterspout::agent::Config;
use waterspout::http::header::{CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use waterspout::http::{HeaderMap, HeaderName, HeaderValue, Method};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{
    Agent, Backend, Body, BoxFuture, Bytes, Client, Connector, Error, ErrorKind, Origin, Request, Trailers, Transport,
};

const URL: &str = "http://example.com/";
const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
const GO_ON: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const UNKNOWN: &str = "HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n";
const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";

struct Wire {
    client: Client,
    connector: ScriptedConnector,
    timer: ManualTimer,
}

fn wire(scripts: impl IntoIterator<Item = Script>) -> Wire {
    configured(Config::new(), scripts)
}

fn configured(config: Config, scripts: impl IntoIterator<Item = Script>) -> Wire {
    let (connector, timer) = (ScriptedConnector::new(scripts), ManualTimer::new());
    let agent = Agent::new(connector.clone(), timer.clone()).with_config(config);
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    Wire { client, connector, timer }
}

impl Wire {
    /// What is written of a request with this body, after its head.
    fn sent(&self) -> (String, String) {
        let written = self.connector.written(0);
        let (head, body) = written.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

fn once(answer: &str) -> Script {
    Script::new().expect_head().send(answer)
}

/// A body of these pieces that counts how often it is asked for one.
fn watched(pieces: &'static [&'static str]) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let mut pieces = pieces.iter().copied();
    let counter = asked.clone();
    let body = stream::poll_fn(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(pieces.next().map(|piece| Ok::<_, Error>(Bytes::from(piece))))
    });
    (Body::stream(body), asked)
}

fn fields(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

mod asking_first {
    use super::*;

    #[test]
    fn the_body_goes_when_the_server_asks_for_it() {
        let wire =
            wire([Script::new().expect_head().pause().send(GO_ON).pause().send(HELLO).expect_head().send(HELLO)]);
        let (body, _) = watched(&["bo", "dy"]);
        let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
        assert_eq!(block_on(response.text()).unwrap(), "hello");
        let (head, body) = wire.sent();
        assert!(head.ends_with("transfer-encoding: chunked\r\nexpect: 100-continue"), "{head}");
        assert_eq!(body, "2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n");
        // Time played no part in it, and the connection is as good as new.
        assert_eq!((wire.timer.pending(), wire.connector.open()), (0, 1));
        assert!(block_on(wire.client.get(URL).send()).is_ok());
    }

    #[test]
    fn a_body_in_memory_waits_too() {
        let wire = wire([Script::new().expect_head().silence()]);
        let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
        assert!((&mut request).now_or_never().is_none());
        let (head, body) = wire.sent();
        assert!(head.ends_with("content-length: 4\r\nexpect: 100-continue"), "{head}");
        assert_eq!(body, "");
    }

    #[test]
    fn the_body_goes_after_a_second_of_silence() {
        let wire = wire([Script::new().expect_head().silence()]);
        let (body, asked) = watched(&["body"]);
        let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(Duration::from_millis(999));
        assert!((&mut request).now_or_never().is_none());
        assert_eq!((asked.load(Ordering::Relaxed), &*wire.sent().1), (0, ""));
        wire.timer.advance(Duration::from_millis(1));
        assert!((&mut request).now_or_never().is_none());
        assert_eq!(wire.sent().1, "4\r\nbody\r\n0\r\n\r\n");
    }

    #[test]
    fn a_late_continue_is_skipped() {
        let wire = wire([Script::new().expect_head().pause().send(GO_ON).send(HELLO)]);
        let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
        wire.timer.advance(Duration::from_secs(1));
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(Duration::from_secs(1));
        assert_eq!(block_on(request).unwrap().status(), 200);
        assert_eq!(wire.sent().1, "body");
    }

    #[test]
    fn a_final_response_before_100_means_that_the_body_is_never_polled() {
        let wire = wire([once(REFUSED).expect_head().send(HELLO)]);
        let (body, asked) = watched(&["body"]);
        let response = block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
        assert_eq!(response.status(), 403);
        assert_eq!((asked.load(Ordering::Relaxed), &*wire.sent().1), (0, ""));
        // The server may still wait for the body it was announced: nothing else may follow.
        assert_eq!(wire.connector.open(), 0);
    }

    #[test]
    fn a_server_that_knows_no_question_is_not_asked_again() {
        let answers = |second| [once(UNKNOWN), once(second), once(HELLO)];
        let post = |wire: &Wire, body| block_on(wire.client.post(URL).expect_continue(true).body(body).send()).unwrap();
        let known = wire(answers(HELLO));
        assert_eq!(post(&known, Body::from("body")).status(), 200);
        assert_eq!(known.sent().1, "");
        let again = known.connector.written(1);
        assert!(!again.contains("expect") && again.ends_with("content-length: 4\r\n\r\nbody"), "{again}");
        // Once is enough, and a body that cannot be had again leaves it at that.
        let stubborn = wire(answers(UNKNOWN));
        assert_eq!((post(&stubborn, Body::from("body")).status().as_u16(), stubborn.connector.connections()), (417, 2));
        let one_shot = wire(answers(HELLO));
        let (body, asked) = watched(&["body"]);
        assert_eq!((post(&one_shot, body).status().as_u16(), one_shot.connector.connections()), (417, 1));
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn an_answer_that_came_in_time_counts_even_if_the_second_is_over() {
        let wire = wire([Script::new().expect_head().pause().send(REFUSED)]);
        let (body, asked) = watched(&["body"]);
        let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
        assert!((&mut request).now_or_never().is_none());
        wire.timer.advance(Duration::from_secs(5));
        assert_eq!(request.now_or_never().unwrap().unwrap().status(), 403);
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn only_100_asks_for_the_body() {
        let wire = wire([once("HTTP/1.1 102 Processing\r\n\r\n").silence()]);
        let (body, asked) = watched(&["body"]);
        let mut request = wire.client.post(URL).expect_continue(true).body(body).send().boxed();
        assert!((&mut request).now_or_never().is_none());
        assert_eq!(asked.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_has_no_body_does_not_ask() {
        for method in [Method::GET, Method::DELETE, Method::POST] {
            let wire = wire([once(HELLO)]);
            let response = block_on(wire.client.request(method, URL).expect_continue(true).send());
            assert_eq!(response.unwrap().status(), 200);
            assert!(!wire.connector.written(0).contains("expect"), "{}", wire.connector.written(0));
        }
    }

    #[test]
    fn a_client_can_ask_by_default_and_a_request_not_to() {
        let (connector, timer) = (ScriptedConnector::new([once(HELLO), once(HELLO)]), ManualTimer::new());
        let client = Client::builder().backend(Agent::new(connector.clone(), timer)).expect_continue(true);
        let client = client.build().unwrap();
        block_on(client.post(URL).body("body").send()).unwrap();
        block_on(client.post(URL).expect_continue(false).body("body").send()).unwrap();
        assert!(connector.written(0).contains("expect: 100-continue"));
        assert!(!connector.written(1).contains("expect"));
    }

    #[test]
    fn patience_can_be_set_and_none_is_for_ever() {
        for (patience, waits) in [(5, false), (6, true), (0, true)] {
            let config = Config::new().continue_timeout(Duration::from_secs(patience));
            let wire = configured(config, [Script::new().expect_head().silence()]);
            let mut request = wire.client.post(URL).expect_continue(true).body("body").send().boxed();
            assert!((&mut request).now_or_never().is_none());
            wire.timer.advance(Duration::from_secs(5));
            assert!((&mut request).now_or_never().is_none());
            assert_eq!(wire.sent().1.is_empty(), waits, "{patience}");
        }
    }

    #[test]
    fn a_kept_connection_that_closes_while_asked_is_replaced_even_for_a_post() {
        let wire = wire([once(HELLO).expect_head(), once(HELLO)]);
        block_on(wire.client.get(URL).send()).unwrap();
        let request = wire.client.post(URL).expect_continue(true).body("body").send();
        assert_eq!(block_on(request).unwrap().status(), 200);
        assert_eq!(wire.connector.connections(), 2);
    }
}

mod framing {
    use super::*;

    fn framed(body: Body) -> (String, String) {
        let wire = wire([once(HELLO)]);
        block_on(wire.client.post(URL).body(body).send()).unwrap();
        let (head, body) = wire.sent();
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
        assert_eq!(
            framed,
            ("transfer-encoding: chunked".to_owned(), "5\r\nearly\r\n4\r\nlate\r\n0\r\n\r\n".to_owned())
        );
    }

    #[test]
    fn a_stream_that_fails_at_once_sends_nothing() {
        let wire = wire([once(HELLO)]);
        let body = stream::iter([Ok(Bytes::from("some")), Err(io::Error::other("no more"))]);
        let error = block_on(wire.client.post(URL).body(Body::stream(body)).send()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody);
        assert_eq!((wire.connector.written(0).as_str(), wire.connector.open()), ("", 0));
    }

    #[test]
    fn a_body_that_is_another_responses_fails_as_a_body() {
        let wire = wire([once("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").pause(), once(HELLO)]);
        let source = block_on(wire.client.get(URL).send()).unwrap();
        let error = block_on(wire.client.post(URL).body(source.into_body()).send()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RequestBody, "{error}");
    }

    #[test]
    fn framing_headers_of_the_caller_are_refused_by_client_and_agent_alike() {
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
            let wire = wire([once(HELLO)]);
            let request = || Request::post(URL).header(name.clone(), "100-continue").body("body").build().unwrap();
            let error = block_on(wire.client.fetch(request())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
            let agent = Agent::new(wire.connector.clone(), wire.timer.clone());
            let error = block_on(agent.fetch(request())).unwrap_err();
            assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0), "{name}");
        }
    }

    #[test]
    fn a_body_that_nothing_would_frame_is_refused() {
        for method in [Method::GET, Method::HEAD, Method::TRACE, Method::CONNECT] {
            let wire = wire([once(HELLO)]);
            let agent = Agent::new(wire.connector.clone(), wire.timer.clone());
            let request = Request::builder(method.clone(), URL).body("body").build().unwrap();
            assert_eq!(block_on(agent.fetch(request)).unwrap_err().kind(), ErrorKind::InvalidRequest, "{method}");
            assert_eq!(wire.connector.connections(), 0);
        }
    }
}

mod uploads {
    use super::*;

    #[test]
    fn an_early_answer_stops_a_body_that_never_ends() {
        let wire = wire([once(REFUSED)]);
        let endless = stream::repeat(()).map(|()| Ok::<_, Error>(Bytes::from_static(&[0; 1024])));
        let response = block_on(wire.client.post(URL).body(Body::stream(endless)).send()).unwrap();
        assert_eq!((response.status().as_u16(), wire.connector.open()), (403, 0));
        assert!(wire.connector.written(0).len() < 1_000_000);
    }

    #[test]
    fn a_body_of_nothing_but_empty_pieces_does_not_hog_the_task() {
        let wire = wire([Script::new().expect_head().pause().pause().send(REFUSED)]);
        let empty = stream::repeat(()).map(|()| Ok::<_, Error>(Bytes::new()));
        let response = block_on(wire.client.post(URL).body(Body::stream(empty)).send()).unwrap();
        assert_eq!(response.status(), 403);
    }

    /// A connection that takes the first write, breaks, and still has this to say, if anything.
    struct Broken {
        writes: usize,
        open: bool,
        answer: &'static [u8],
    }

    impl Transport for Broken {}

    impl AsyncRead for Broken {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
            let count = self.answer.len().min(buffer.len());
            let (now, later) = self.answer.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.answer = later;
            if count == 0 && self.open { Poll::Pending } else { Poll::Ready(Ok(count)) }
        }
    }

    impl AsyncWrite for Broken {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.writes += 1;
            Poll::Ready(if self.writes == 1 { Ok(bytes.len()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    struct Breaks(&'static str, Arc<AtomicUsize>);

    impl Connector for Breaks {
        fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            let transport = Broken { writes: 0, open: !self.0.is_empty(), answer: self.0.as_bytes() };
            async move { Ok(Box::new(transport) as Box<dyn Transport>) }.boxed()
        }
    }

    #[test]
    fn an_answer_is_read_although_the_connection_takes_no_more() {
        let send = |answer| {
            let agent = Agent::new(Breaks(answer, Arc::default()), ManualTimer::new());
            let client = Client::builder().backend(agent).build().unwrap();
            let body = stream::repeat(()).map(|()| Ok::<_, Error>(Bytes::from_static(&[0; 1024])));
            block_on(client.post(URL).body(Body::stream(body)).send()).map(|response| response.status().as_u16())
        };
        assert_eq!(send(REFUSED).unwrap(), 403);
        assert_eq!(send("").unwrap_err().kind(), ErrorKind::ConnectionClosed);
    }

    #[test]
    fn a_connection_that_broke_while_sending_is_not_used_again() {
        let connections = Arc::new(AtomicUsize::new(0));
        let agent = Agent::new(Breaks(REFUSED, connections.clone()), ManualTimer::new());
        let client = Client::builder().backend(agent).build().unwrap();
        for made in 1..3 {
            assert_eq!(block_on(client.get(URL).send()).unwrap().status(), 403);
            assert_eq!(connections.load(Ordering::Relaxed), made);
        }
    }
}

mod trailers {
    use super::*;

    #[test]
    fn trailers_follow_a_chunked_body() {
        let wire = wire([once(HELLO).expect_head().send(HELLO)]);
        let request = wire.client.post(URL).body("body").trailers(fields(&[("checksum", "abc"), ("x-b", "2")]));
        block_on(request.send()).unwrap();
        let (head, body) = wire.sent();
        assert!(head.ends_with("transfer-encoding: chunked") && !head.contains("content-length"), "{head}");
        assert_eq!(body, "4\r\nbody\r\n0\r\nchecksum: abc\r\nx-b: 2\r\n\r\n");
        assert_eq!(wire.connector.open(), 1);
    }

    #[test]
    fn trailers_may_be_made_while_the_body_is_read() {
        let wire = wire([once(HELLO)]);
        let cell = Trailers::new();
        let late = cell.clone();
        let body = stream::once(async { Ok::<_, Error>(Bytes::from("body")) }).chain(stream::poll_fn(move |_| {
            assert!(late.set(fields(&[("checksum", "abc")])));
            Poll::Ready(None)
        }));
        block_on(wire.client.put(URL).body(Body::stream(body)).trailers(cell).send()).unwrap();
        assert_eq!(wire.sent().1, "4\r\nbody\r\n0\r\nchecksum: abc\r\n\r\n");
    }

    #[test]
    fn trailers_that_were_never_made_are_none() {
        let wire = wire([once(HELLO)]);
        block_on(wire.client.put(URL).body("body").trailers(Trailers::new()).send()).unwrap();
        assert_eq!(wire.sent().1, "4\r\nbody\r\n0\r\n\r\n");
    }

    #[test]
    fn trailers_that_frame_route_or_authorize_are_refused() {
        for name in ["content-length", "transfer-encoding", "host", "authorization", "content-type", "trailer"] {
            let wire = wire([Script::new().expect_head().silence()]);
            let trailers = fields(&[(name, "1")]);
            let error = block_on(wire.client.put(URL).body("body").trailers(trailers).send()).unwrap_err();
            assert_eq!((error.kind(), wire.connector.open()), (ErrorKind::InvalidRequest, 0), "{name}");
            assert!(!wire.connector.written(0).contains("\r\n0\r\n"), "{name}");
        }
    }

    #[test]
    fn trailers_need_a_body_to_follow() {
        let wire = wire([once(HELLO)]);
        let error = block_on(wire.client.post(URL).trailers(fields(&[("a", "b")])).send()).unwrap_err();
        assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0));
    }

    #[test]
    fn a_declared_length_is_held_to_although_the_body_is_chunked() {
        for length in [3, 5] {
            let wire = wire([Script::new().expect_head().silence()]);
            let body = Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))])).with_length(length);
            let error = block_on(wire.client.put(URL).body(body).trailers(fields(&[("a", "b")])).send()).unwrap_err();
            assert_eq!((error.kind(), wire.connector.open()), (ErrorKind::RequestBody, 0), "{length}");
        }
    }

    #[test]
    fn trailers_go_again_with_their_body_and_not_without_it() {
        for (status, again) in [("307 Again", true), ("303 Elsewhere", false)] {
            let away = format!("HTTP/1.1 {status}\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n");
            let wire = wire([once(&away).expect_head().send(HELLO)]);
            block_on(wire.client.put(URL).body("body").trailers(fields(&[("checksum", "abc")])).send()).unwrap();
            let count = wire.connector.written(0).matches("checksum: abc\r\n\r\n").count();
            assert_eq!(count, 1 + usize::from(again), "{status}");
        }
    }

    #[test]
    fn trailers_of_a_response_are_there_once_its_body_has_been_read() {
        let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
        let wire = wire([once(answer).pause().send("0\r\nchecksum: abc\r\n\r\n")]);
        let mut response = block_on(wire.client.get(URL).send()).unwrap();
        let handle = response.trailers_handle();
        assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "hello");
        assert!(response.trailers().is_none());
        assert!(block_on(response.chunk()).unwrap().is_none());
        assert_eq!(response.trailers().unwrap()["checksum"], "abc");
        assert_eq!(block_on(response.bytes()).unwrap(), "");
        assert_eq!(handle.get().unwrap()["checksum"], "abc");
    }
}

mod what_is_never_sent {
    use super::*;

    #[test]
    fn line_breaks_and_nul_in_headers_are_refused() {
        for bad in ["a\rb", "a\nb", "a\r\nb", "a\0b", "a\r\nx: y", "a\n b"] {
            let wire = wire([once(HELLO)]);
            for request in [wire.client.get(URL).header("x-a", bad), wire.client.get(URL).header(bad, "x")] {
                let error = block_on(request.send()).unwrap_err();
                assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0), "{bad:?}");
            }
            assert!(
                HeaderValue::from_bytes(bad.as_bytes()).is_err() && HeaderName::from_bytes(bad.as_bytes()).is_err()
            );
            assert!(Method::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_and_methods_are_tokens() {
        for bad in ["a b", "a:", "", "(a)", "a\u{e9}"] {
            assert!(Method::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
            let wire = wire([once(HELLO)]);
            assert!(
                block_on(wire.client.get(URL).header(bad, "x").send()).unwrap_err().is_invalid_request(),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_target_never_breaks_the_request_line() {
        for (url, line) in [
            ("http://example.com/a\r\nb", "GET /ab HTTP/1.1"),
            ("http://example.com/a b?c d", "GET /a%20b?c%20d HTTP/1.1"),
            ("http://example.com/a\0b?c\0d", "GET /a%00b?c%00d HTTP/1.1"),
            ("http://example.com/\u{e9}?\u{e9}", "GET /%C3%A9?%C3%A9 HTTP/1.1"),
            ("http://example.com?a#b\r\nc", "GET /?a HTTP/1.1"),
            ("http://example.com/\u{85}\u{2028}", "GET /%C2%85%E2%80%A8 HTTP/1.1"),
        ] {
            let wire = wire([once(HELLO)]);
            block_on(wire.client.get(url).send()).unwrap();
            assert_eq!(wire.connector.written(0).lines().next(), Some(line), "{url:?}");
        }
        for bad in ["http://a b/", "http://a\0b/", "http://a\u{7f}b/"] {
            let wire = wire([once(HELLO)]);
            assert_eq!(block_on(wire.client.get(bad).send()).unwrap_err().kind(), ErrorKind::InvalidUrl, "{bad:?}");
        }
    }

    #[test]
    fn there_is_one_host() {
        let wire = wire([once(HELLO)]);
        let request = wire.client.get(URL).header(HOST, "a.example").header(HOST, "b.example");
        assert_eq!(block_on(request.send()).unwrap_err().kind(), ErrorKind::InvalidRequest);
        assert_eq!((wire.connector.written(0).as_str(), wire.connector.open()), ("", 0));
    }
}
