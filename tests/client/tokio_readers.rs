//! Readers of `tokio` as request bodies.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::executor::block_on;
use futures::{FutureExt, StreamExt};
use tokio::io::{AsyncRead, ReadBuf};
use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
use waterspout::{Agent, Body, Client, ErrorKind};

use crate::support::client::{HELLO, URL, once, scripted, send, text};

/// What a read returns.
#[derive(Clone, Copy)]
enum Read {
    Bytes(&'static str),
    Pending,
    Failure,
}

/// A reader that returns these results in turn, and then its end.
struct FakeReader(VecDeque<Read>);

impl FakeReader {
    fn new(reads: &[Read]) -> Self {
        Self(reads.iter().copied().collect())
    }
}

impl AsyncRead for FakeReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.0.pop_front() {
            None => Poll::Ready(Ok(())),
            Some(Read::Bytes(bytes)) => {
                buffer.put_slice(bytes.as_bytes());
                Poll::Ready(Ok(()))
            }
            Some(Read::Pending) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Read::Failure) => Poll::Ready(Err(io::Error::other("disk"))),
        }
    }
}

#[test]
fn tokio_reader_is_sent_whole() {
    use Read::{Bytes, Pending};
    for reads in [
        &[Bytes("hello")][..],
        &[Bytes("hel"), Bytes("lo")],
        &[Pending, Bytes("hel"), Pending, Pending, Bytes("lo"), Pending],
    ] {
        assert_eq!(block_on(Body::tokio_reader(FakeReader::new(reads)).collect(5)).unwrap(), "hello");
        let server = MemoryConnector::new(handler(|request| {
            Box::pin(async move { Reply::new(200, request.body().await.unwrap()) })
        }));
        let client = Client::builder().backend(Agent::new(server, ManualTimer::new())).build().unwrap();
        let body = Body::tokio_reader(FakeReader::new(reads)).with_length(5);
        assert_eq!(text(client.put(URL).body(body)).unwrap(), "hello");
    }
}

#[test]
fn tokio_reader_without_a_length_is_chunked_if_it_waits() {
    let reads = [Read::Pending, Read::Bytes("hel"), Read::Bytes("lo")];
    let wire = scripted([once(HELLO)]);
    send(wire.client.put(URL).body(Body::tokio_reader(FakeReader::new(&reads)))).unwrap();
    let sent = wire.sent(0);
    assert!(
        sent.contains("transfer-encoding: chunked\r\n") && sent.ends_with("3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"),
        "{sent}"
    );
}

#[test]
fn failure_of_a_tokio_reader_is_an_error_of_the_request() {
    let reads = [Read::Bytes("hel"), Read::Failure];
    let wire = scripted([once(HELLO)]);
    let error = send(wire.client.put(URL).body(Body::tokio_reader(FakeReader::new(&reads)))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RequestBody);
    assert!(error.report().to_string().ends_with("disk"), "{error}");
}

#[test]
fn tokio_reader_shorter_or_longer_than_its_length_is_an_error() {
    for length in [4, 6] {
        let wire = scripted([once(HELLO)]);
        let body = Body::tokio_reader(FakeReader::new(&[Read::Bytes("hello")])).with_length(length);
        assert_eq!(send(wire.client.put(URL).body(body)).unwrap_err().kind(), ErrorKind::RequestBody, "{length}");
    }
}

#[test]
fn tokio_reader_is_read_once_in_bounded_chunks() {
    let bytes = vec![7u8; 200_000];
    let mut body = Body::tokio_reader(io::Cursor::new(bytes.clone()));
    assert!(body.try_clone().is_none() && body.length().is_none());
    let mut read = Vec::new();
    while let Some(chunk) = block_on(body.next()) {
        let chunk = chunk.unwrap();
        assert!(!chunk.is_empty() && chunk.len() <= 64 * 1024);
        read.extend_from_slice(&chunk);
    }
    assert_eq!(read, bytes);
}

#[test]
fn tokio_reader_that_waits_leaves_its_body_pending() {
    let mut body = Body::tokio_reader(FakeReader::new(&[Read::Pending, Read::Bytes("hello")]));
    assert!(body.chunk().now_or_never().is_none());
    assert_eq!(body.chunk().now_or_never().unwrap().unwrap().unwrap(), "hello");
    assert!(body.chunk().now_or_never().unwrap().unwrap().is_none());
}
