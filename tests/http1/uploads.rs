//! Uploads, and responses that arrive before the upload ends.

use std::io;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::executor::block_on;
use futures::{AsyncRead, AsyncWrite, FutureExt, StreamExt, stream};
use waterspout::testing::{ManualTimer, Script};
use waterspout::{Agent, Body, BoxFuture, Bytes, Client, Connector, Error, ErrorKind, Origin, Transport};

use crate::support::client::{HELLO, URL, once, scripted, send};

const REFUSED: &str = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";

#[test]
fn early_response_stops_an_endless_upload() {
    let wire = scripted([once(REFUSED)]);
    let endless = stream::repeat(()).map(|()| Ok::<_, Error>(Bytes::from_static(&[0; 1024])));
    let response = block_on(wire.client.post(URL).body(Body::stream(endless)).send()).unwrap();
    assert_eq!((response.status().as_u16(), wire.connector.open()), (403, 0));
    assert!(wire.connector.written(0).len() < 1_000_000);
}

#[test]
fn body_of_empty_pieces_does_not_delay_the_response() {
    let wire = scripted([Script::new().expect_head().pause().pause().send(REFUSED)]);
    let empty = stream::repeat(()).map(|()| Ok::<_, Error>(Bytes::new()));
    let response = block_on(wire.client.post(URL).body(Body::stream(empty)).send()).unwrap();
    assert_eq!(response.status(), 403);
}

/// A transport that accepts the first write, fails all later writes, and can still be read until `answer` ends.
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
fn response_is_read_after_writing_has_failed() {
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
fn connection_that_broke_while_sending_is_not_reused() {
    let connections = Arc::new(AtomicUsize::new(0));
    let agent = Agent::new(Breaks(REFUSED, connections.clone()), ManualTimer::new());
    let client = Client::builder().backend(agent).build().unwrap();
    for made in 1..3 {
        assert_eq!(block_on(client.get(URL).send()).unwrap().status(), 403);
        assert_eq!(connections.load(Ordering::Relaxed), made);
    }
}

#[test]
fn refusal_before_the_end_of_an_upload_closes_the_connection() {
    let refusal = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nno!";
    let wire = scripted([once(refusal).expect_head().send(HELLO), once(HELLO)]);
    let endless = Body::stream(stream::pending::<std::result::Result<Bytes, Error>>());
    let response = block_on(wire.client.post(URL).body(endless).send()).unwrap();
    assert_eq!(response.status(), 413);
    assert_eq!(block_on(response.text()).unwrap(), "no!");
    // The server would take the next request for the unsent rest of the body.
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn upload_that_is_always_ready_notices_the_response() {
    let w =
        scripted([Script::new().expect_head().send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").silence()]);
    let n = Arc::new(AtomicUsize::new(0));
    let n2 = n.clone();
    let timer = w.timer.clone();
    let s = stream::repeat_with(move || {
        n2.fetch_add(1, Ordering::SeqCst);
        timer.advance(Duration::from_secs(1));
        Bytes::from_static(b"xxxxxxxx")
    })
    .take(20_000)
    .map(Ok::<_, std::io::Error>);
    let status =
        block_on(w.client.post(URL).body(Body::stream(s)).timeout(Duration::from_secs(5)).send()).map(|r| r.status());
    assert!(
        n.load(Ordering::SeqCst) < 1000,
        "sent {} pieces, a second each, with a total limit of 5 s, before {status:?}",
        n.load(Ordering::SeqCst)
    );
}

#[test]
fn failing_response_body_as_request_body_ends_the_request() {
    let w = scripted([
        // The body is truncated.
        Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello"),
        Script::new().expect_head().silence(),
    ]);
    let source = block_on(w.client.get(URL).send()).unwrap().into_body();
    let mut post = w
        .client
        .post("http://other.example/")
        .body(source)
        .timeout(Duration::ZERO)
        .head_timeout(Duration::ZERO)
        .send()
        .boxed();
    let outcome = (&mut post).now_or_never();
    assert!(outcome.is_some(), "hangs although the body has failed; stats {:?}", w.client.stats());
}

#[test]
fn rest_of_a_response_body_can_be_sent_on() {
    let w = scripted([
        Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").send("world"),
        Script::new().expect_head().send(HELLO),
    ]);
    let mut r = block_on(w.client.get(URL).send()).unwrap();
    block_on(r.chunk()).unwrap();
    let out = block_on(w.client.post("http://b.example/").body(r.into_body()).send());
    assert!(out.is_ok(), "{out:?}");
}

#[test]
fn a_server_may_answer_while_it_still_reads() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    const SIZE: usize = 8 << 20;
    std::thread::spawn(move || {
        let (mut s, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut b = [0];
        while !head.ends_with(b"\r\n\r\n") {
            s.read_exact(&mut b).unwrap();
            head.push(b[0]);
        }
        s.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\n\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let mut buf = vec![0; 65536];
        let mut total = 0;
        while total < SIZE {
            let n = s.read(&mut buf).unwrap();
            if n == 0 {
                return;
            }
            total += n;
            s.write_all(&buf[..n]).unwrap();
        }
    });
    let client = Client::builder().idle_timeout(Duration::from_secs(3)).build().unwrap();
    let outcome = block_on(async { client.post(&*url).body(vec![7u8; SIZE]).await?.bytes().await });
    assert_eq!(outcome.map(|b| b.len()).map_err(|e| e.to_string()), Ok(SIZE));
}

#[test]
fn early_success_response_does_not_stop_the_upload() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    const SIZE: usize = 8 << 20;
    let got = Arc::new(AtomicUsize::new(0));
    let got2 = got.clone();
    let t = std::thread::spawn(move || {
        let (mut s, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut b = [0];
        while !head.ends_with(b"\r\n\r\n") {
            s.read_exact(&mut b).unwrap();
            head.push(b[0]);
        }
        s.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let mut buf = vec![0; 65536];
        while let Ok(n) = s.read(&mut buf) {
            if n == 0 {
                break;
            }
            got2.fetch_add(n, Ordering::SeqCst);
        }
    });
    let client = Client::new();
    let outcome = block_on(async { client.post(&*url).body(vec![7u8; SIZE]).await?.text().await });
    // The client keeps the connection, and the server reads until the connection is closed.
    drop(client);
    t.join().unwrap();
    assert_eq!((outcome.unwrap().as_str(), got.load(Ordering::SeqCst)), ("ok", SIZE));
}

#[test]
fn error_of_the_body_stream_is_the_root_cause() {
    let wire = scripted([Script::new().expect_head().silence()]);
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("the disk is on fire"))]);
    let error = send(wire.client.post(URL).body(Body::stream(broken))).unwrap_err();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    assert_eq!((error.kind(), cause.to_string()), (ErrorKind::RequestBody, "the disk is on fire".to_owned()));
}
