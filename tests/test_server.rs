//! The server for tests: its answers to valid and malformed requests, over sockets and in memory.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures::executor::block_on;
use futures::{FutureExt, StreamExt, stream};
use waterspout::testing::{
    Fault, Handler, Incoming, ManualTimer, MemoryConnector, Recorder, Reply, Resource, Server, handler,
};
use waterspout::{Agent, Body, Bytes, Client, ErrorKind};

const URL: &str = "http://example.com/";

fn memory(connector: &MemoryConnector) -> (Client, ManualTimer) {
    let timer = ManualTimer::new();
    let agent = Agent::new(connector.clone(), timer.clone());
    (Client::builder().backend(agent).timer(timer.clone()).build().unwrap(), timer)
}

fn client_of(handler: impl Handler) -> Client {
    memory(&MemoryConnector::new(handler)).0
}

/// Answers with the method, the target and the body of the request.
fn echo() -> impl Handler {
    handler(|request| {
        async move {
            let head = format!("{} {} ", request.method(), request.target());
            match request.body().await {
                Ok(body) => Reply::text(head + &String::from_utf8_lossy(&body)),
                Err(_) => Reply::text("a handler's own words"),
            }
        }
        .boxed()
    })
}

/// Sends `bytes` in a single write and returns all that the server answers.
fn talk(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    read.unwrap_or_else(|error| panic!("{error} after {answer:?} to {:?}", String::from_utf8_lossy(bytes)));
    answer
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let server = Server::start(echo()).unwrap();
    let answer = talk(
        &server,
        b"POST /1 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\none\r\n\
        POST /2 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n\
        GET /3 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
    );
    let bodies: Vec<_> = answer.split("HTTP/1.1 200 OK").skip(1).filter_map(|it| it.split("\r\n\r\n").nth(1)).collect();
    assert_eq!(bodies, ["POST /1 one", "POST /2 two", "GET /3 "]);
}

#[test]
fn unread_request_body_is_drained_up_to_a_bound() {
    let server = || Server::start(handler(|_| async { Reply::text("enough") }.boxed())).unwrap();
    let request = |size: usize| {
        let head = format!("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: {size}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; size]].concat()
    };
    let last = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let answer = talk(&server(), &[request(100_000), last.to_vec()].concat());
    assert_eq!(answer.matches("enough").count(), 2, "{answer}");
    // The body exceeds the bound: the server closes the connection, and the answer still arrives.
    let answer = talk(&server(), &request(2_000_000));
    assert!(answer.contains("connection: close") && answer.ends_with("enough"), "{answer}");
    // The length of this body is not known before it ends.
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
    let head = b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let answer = talk(&server(), &[head, chunk.repeat(40), b"0\r\n\r\n".to_vec(), last.to_vec()].concat());
    assert_eq!(answer.matches("enough").count(), 1, "{answer}");
}

#[test]
fn malformed_request_gets_a_status_and_a_reason() {
    let server = Server::start(echo()).unwrap();
    let long = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(300));
    for (request, status, words) in [
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3x\r\n\r\nabc", 400, "Content-Length"),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc", 400, "Content-Length"),
        (
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
            400,
            "two different values",
        ),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, "both"),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n", 400, "Transfer-Encoding"),
        ("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, "HTTP/1.0"),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", 400, "chunk"),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n", 400, "chunk"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "0 Host"),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "2 Host"),
        ("GET / HTTP/1.1\r\nhost: a\r\n folded: b\r\n\r\n", 400, "malformed"),
        ("GET / HTTP/1.1\r\nhost : a\r\n\r\n", 400, "malformed"),
        ("hello\r\n\r\n", 400, "malformed"),
        ("GET / HTTP/2.0\r\nhost: a\r\n\r\n", 505, "HTTP/1.1"),
        ("POST / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\ncontent-length: 3\r\n\r\nabc", 417, "expects"),
        (&long, 431, "65536 bytes"),
        (&many, 431, "256 headers"),
    ] {
        let answer = talk(&server, request.as_bytes());
        let start: String = request.chars().take(120).collect();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(words), "{start:?}: {answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    assert!(talk(&server, b"GET /on HTTP/1.0\r\n\r\n").ends_with("GET /on "), "the server still answers");
}

struct Notes;

impl Resource for Notes {
    async fn get(&self, request: &mut Incoming) -> Reply {
        Reply::text(format!("{:?}", request.query_pairs()))
    }

    async fn post(&self, request: &mut Incoming) -> Reply {
        Reply::text(format!("{:?}", request.form().await.unwrap()))
    }

    async fn delete(&self, _request: &mut Incoming) -> Reply {
        panic!("a mistake in the handler")
    }
}

#[test]
fn resource_answers_by_method_and_lists_its_methods() {
    block_on(async {
        let client = client_of(Notes);
        let page = client.get("http://example.com/?a=%31+2&b").await.unwrap();
        assert_eq!(page.text().await.unwrap(), r#"[("a", "1 2"), ("b", "")]"#);
        for method in ["HEAD", "PUT", "PATCH", "OPTIONS", "BREW"] {
            let refused = client.request(method.parse().unwrap(), URL).await;
            let refused = refused.unwrap();
            assert_eq!(
                (refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()),
                (405, "GET, POST, DELETE"),
                "{method}"
            );
        }
    });
}

#[test]
fn only_a_form_is_parsed_as_a_form() {
    block_on(async {
        let client = client_of(Notes);
        let form = client.post(URL).form_pairs([("name", "J\u{fc}rgen"), ("to", "a&b c")]).await.unwrap();
        assert_eq!(form.text().await.unwrap(), r#"[("name", "Jürgen"), ("to", "a&b c")]"#);
        assert_eq!(client.post(URL).body("a=b").await.unwrap().text().await.unwrap(), "[]");
    });
}

#[test]
fn a_handler_that_panics_answers_500_and_the_server_goes_on() {
    let server = Server::start(Notes).unwrap();
    block_on(async {
        let client = Client::new();
        assert_eq!(client.delete(server.url("/")).await.unwrap().status(), 500);
        assert_eq!(client.get(server.url("/")).await.unwrap().status(), 200);
    });
}

#[test]
fn bodies_stream_both_ways() {
    let counts = handler(|request| {
        async move {
            let mut pieces = 0;
            while request.chunk().await.unwrap().is_some() {
                pieces += 1;
            }
            let chunks = (0..3).map(move |index| Ok::<_, std::io::Error>(Bytes::from(format!("{index} of {pieces};"))));
            Reply::new(200, Body::stream(stream::iter(chunks)))
        }
        .boxed()
    });
    let client = client_of(counts);
    let pieces = stream::iter((0..50).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 10_000]))));
    let text = block_on(async { client.post(URL).body(Body::stream(pieces)).await.unwrap().text().await.unwrap() });
    let count: usize = text.split_once(" of ").unwrap().1.split(';').next().unwrap().parse().unwrap();
    assert!(count >= 50 && text.starts_with("0 of") && text.ends_with(&format!("2 of {count};")), "{text}");
}

#[test]
fn server_sends_100_continue_when_the_handler_reads_the_body() {
    let recorder = Recorder::new();
    let picky = handler(|request| {
        async move {
            if request.path() == "/no" {
                return Reply::new(403, "no");
            }
            Reply::new(200, request.body().await.unwrap())
        }
        .boxed()
    });
    let connector = MemoryConnector::new(recorder.record(picky));
    let (client, _) = memory(&connector);
    block_on(async {
        let no = client.post("http://example.com/no").expect_continue(true).body("the body").await.unwrap();
        assert_eq!((no.status().as_u16(), no.headers()["connection"].to_str().unwrap()), (403, "close"));
        let yes = client.post("http://example.com/yes").expect_continue(true).body("the body").await.unwrap();
        assert_eq!(yes.text().await.unwrap(), "the body");
    });
    let bodies: Vec<_> = recorder.requests().into_iter().map(|request| request.body).collect();
    assert_eq!(bodies, ["", "the body"]);
}

#[test]
fn requests_are_recorded_with_their_connection() {
    let recorder = Recorder::new();
    let server = Server::start(recorder.record(handler(|_| async { Reply::text("ok") }.boxed()))).unwrap();
    block_on(async {
        let client = Client::new();
        client.get(server.url("/a?b=c")).header("x-key", "1").await.unwrap().text().await.unwrap();
        client.put(server.url("/d")).body("unread").await.unwrap().text().await.unwrap();
        Client::new().get(server.url("/e")).await.unwrap();
    });
    let seen: Vec<_> =
        recorder.take().into_iter().map(|it| (it.connection, it.method.to_string(), it.target)).collect();
    let expected = [(0, "GET", "/a?b=c"), (0, "PUT", "/d"), (1, "GET", "/e")];
    assert_eq!(seen, expected.map(|(number, method, target)| (number, method.to_owned(), target.to_owned())));
    assert!(recorder.requests().is_empty());
}

#[test]
fn recorded_request_has_its_headers_and_its_drained_body() {
    let recorder = Recorder::new();
    let client = client_of(recorder.record(handler(|_| async { Reply::text("ok") }.boxed())));
    block_on(async {
        client.post(URL).header("x-key", "1").body("unread").await.unwrap();
        client.get(URL).await.unwrap();
    });
    let seen = recorder.requests();
    assert_eq!((&seen[0].headers["x-key"], &seen[0].body[..]), (&"1".parse().unwrap(), &b"unread"[..]));
}

fn faulty(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Client {
    client_of(handler(move |_| {
        let reply = reply();
        async { reply }.boxed()
    }))
}

/// Returns the received text of a body and the kind of its error.
fn read(client: &Client) -> (String, Option<ErrorKind>) {
    block_on(async {
        let mut response = match client.get(URL).await {
            Ok(response) => response,
            Err(error) => return (format!("{:?}", error.phase()), Some(error.kind())),
        };
        let mut text = String::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(None) => return (text, None),
                Err(error) => return (text, Some(error.kind())),
            }
        }
    })
}

#[test]
fn faults_happen_at_their_position() {
    let chunked = || Reply::new(200, Body::stream(stream::iter([Ok::<_, std::io::Error>("hello, "), Ok("world")])));
    let closed = Some(ErrorKind::ConnectionClosed);
    assert_eq!(read(&faulty(|| Reply::text("hello").with_fault(Fault::close()))), ("Head".into(), closed));
    assert_eq!(read(&faulty(|| Reply::text("hello").with_fault(Fault::close().after(20)))), ("Head".into(), closed));
    let short = |fault: fn() -> Fault| read(&faulty(move || Reply::text("hello").with_fault(fault())));
    assert_eq!(short(|| Fault::close().after_body(3)), ("hel".into(), closed));
    assert_eq!(short(|| Fault::close().after_body(5)), ("hello".into(), None));
    assert_eq!(short(|| Fault::close().after_body(6)), ("hello".into(), None));
    assert_eq!(short(|| Fault::garbage("220 mail.example\r\n")), ("Head".into(), Some(ErrorKind::Protocol)));
    let short = |fault: fn() -> Fault| read(&faulty(move || chunked().with_fault(fault())));
    assert_eq!(short(|| Fault::close().after_body(9)), ("hello, wo".into(), closed));
    assert_eq!(short(|| Fault::close().after_body(12)), ("hello, world".into(), closed));
    assert_eq!(short(|| Fault::garbage("?").after_body(7)), ("hello, ".into(), Some(ErrorKind::Protocol)));
    let both = faulty(|| {
        Reply::text("abcd").with_fault(Fault::garbage("XY").after_body(1)).with_fault(Fault::close().after_body(3))
    });
    assert_eq!(read(&both).0, "aXYb");
}

#[test]
fn reset_is_distinguished_from_a_clean_end() {
    let broken = || Reply::text("hello").with_fault(Fault::reset().after_body(3));
    assert_eq!(read(&faulty(broken)).1, Some(ErrorKind::ConnectionClosed));
    let source = |client: &Client, url: &str| {
        let error = block_on(async { client.get(url).await?.text().await }).unwrap_err();
        let source = std::error::Error::source(&error).unwrap().downcast_ref::<std::io::Error>().unwrap().kind();
        assert_eq!(source, std::io::ErrorKind::ConnectionReset, "{error}");
    };
    source(&faulty(broken), URL);
    let server = Server::start(handler(|_| async { Reply::text("").with_fault(Fault::reset()) }.boxed())).unwrap();
    source(&Client::new(), &server.url("/"));
}

#[test]
fn delay_and_silence_follow_the_clock_of_the_test() {
    let timer = ManualTimer::new();
    let (clock, seen) = (timer.clone(), timer.clone());
    let late =
        move || Reply::text("hello").with_fault(Fault::delay(clock.clone(), Duration::from_secs(5)).after_body(2));
    let client = faulty(late);
    let mut page = async { client.get(URL).await.unwrap().text().await.unwrap() }.boxed();
    assert!((&mut page).now_or_never().is_none());
    timer.advance(Duration::from_secs(4));
    assert!((&mut page).now_or_never().is_none());
    timer.advance(Duration::from_secs(1));
    assert_eq!((&mut page).now_or_never().unwrap(), "hello");
    assert_eq!(seen.pending(), 0);

    let (client, timer) = memory(&MemoryConnector::new(handler(|_| async { Reply::silence() }.boxed())));
    let mut page = client.get(URL).timeout(Duration::from_secs(9)).send().boxed();
    assert!((&mut page).now_or_never().is_none());
    timer.advance(Duration::from_secs(9));
    assert_eq!((&mut page).now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn connection_is_kept_if_both_sides_allow_it() {
    let server = Server::start(handler(|request| {
        let reply = match request.path() {
            "/last" => Reply::text("last").with_header("connection", "close"),
            "/stream" => Reply::new(200, Body::stream(stream::iter([Ok::<_, std::io::Error>("until the end")]))),
            "/own" => Reply::new(200, "").with_header("content-length", "42"),
            _ => Reply::text("ok"),
        };
        async { reply }.boxed()
    }))
    .unwrap();
    let answers = |requests: &str| talk(&server, requests.as_bytes()).matches("HTTP/1.1 200").count();
    let last = "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(answers(&format!("GET / HTTP/1.1\r\nhost: a\r\n\r\n{last}")), 2);
    assert_eq!(answers(&format!("GET /last HTTP/1.1\r\nhost: a\r\n\r\n{last}")), 1);
    assert_eq!(answers(&format!("GET / HTTP/1.0\r\n\r\n{last}")), 1);
    assert_eq!(answers(&format!("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n{last}")), 2);
    assert_eq!(answers(&format!("HEAD /own HTTP/1.1\r\nhost: a\r\n\r\n{last}")), 2);
    // HTTP/1.0 has no chunked coding.
    let stream = talk(&server, b"GET /stream HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    assert!(stream.ends_with("\r\n\r\nuntil the end") && !stream.contains("chunked"), "{stream}");
}

#[test]
fn connections_in_memory_are_kept_and_counted() {
    let connector = MemoryConnector::new(echo()).capacity(7);
    let (client, _) = memory(&connector);
    block_on(async {
        for size in [0, 1, 100_000] {
            let text = client.post(URL).body("x".repeat(size)).await.unwrap().text().await.unwrap();
            assert_eq!(text.len(), "POST / ".len() + size);
        }
        assert_eq!((connector.connections(), connector.open()), (1, 1));
        let both = [client.get(URL).send(), client.get(URL).send()];
        stream::iter(both).buffer_unordered(2).collect::<Vec<_>>().await;
    });
    drop(client);
    assert_eq!(connector.open(), 0);
}

#[test]
fn idle_connection_in_pieces_is_looked_at_before_it_is_used_again() {
    let evil = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for pieces in [1, 40] {
        // The server sends a second response without a request, and then closes.
        let connector = MemoryConnector::new(handler(move |_| async move { Reply::raw(evil) }.boxed()));
        let (client, _) = memory(&connector.clone().in_pieces(pieces));
        for _ in 0..3 {
            let text = block_on(async { client.post(URL).body("order").await?.text().await });
            assert_eq!(text.unwrap(), "ok", "{pieces}");
        }
        assert_eq!(connector.connections(), 3);
    }
}
