//! Small requests on a connection of HTTP/2 in memory.
//!
//! The server answers frames with fixed bytes, because a server of the crate `h2` would be most of the count.

use std::cell::Cell;
use std::future::ready;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use futures::future::join_all;
use futures::io::{AsyncRead, AsyncWrite};
use http::Version;
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Result, Transport};

use crate::memory::Clock;

/// The first bytes of a client (RFC 9113, section 3.4).
const PREFACE: usize = 24;

/// The length of a frame's header.
const HEADER: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;

/// The flags END_STREAM of DATA and ACK of SETTINGS.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The fields `:status: 200`, `content-type: text/plain` and `content-length: 13` (RFC 7541).
const FIELDS: &[u8] = b"\x88\x0f\x10\x0atext/plain\x0f\x0d\x0213";
const BODY: &[u8] = b"Hello, world!";

/// A server that gives the same response to each request.
struct Server;

impl Connector for Server {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(ready(Ok(Box::new(Connection::default()) as Box<dyn Transport>)))
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

#[derive(Default)]
struct Connection {
    /// Whether the preface has been written.
    is_begun: bool,
    /// What the client has written of a frame.
    written: Vec<u8>,
    /// The bytes for the client, and how many it has read.
    answer: Vec<u8>,
    read: usize,
    reader: Option<Waker>,
}

impl Connection {
    /// Answers the whole frames that the client has written.
    fn answer(&mut self) {
        let mut start = 0;
        if !self.is_begun && self.written.len() >= PREFACE {
            self.is_begun = true;
            start = PREFACE;
            self.send(SETTINGS, 0, 0, &[]);
        }
        while let Some(&[a, b, c, kind, flags, s1, s2, s3, s4]) = self.written[start..].first_chunk::<HEADER>() {
            let end = start + HEADER + u32::from_be_bytes([0, a, b, c]) as usize;
            if self.written.len() < end {
                break;
            }
            start = end;
            let stream = u32::from_be_bytes([s1, s2, s3, s4]);
            match kind {
                SETTINGS if flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]),
                HEADERS => {
                    assert!(flags & END_STREAM != 0 && flags & END_HEADERS != 0, "a request has a single frame");
                    self.send(HEADERS, END_HEADERS, stream, FIELDS);
                    self.send(DATA, END_STREAM, stream, BODY);
                }
                _ => {}
            }
        }
        self.written.drain(..start);
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.answer.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
        self.answer.extend_from_slice(&[kind, flags]);
        self.answer.extend_from_slice(&stream.to_be_bytes());
        self.answer.extend_from_slice(payload);
        self.reader.take().into_iter().for_each(Waker::wake);
    }
}

impl Transport for Connection {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let unread = &this.answer[this.read..];
        if unread.is_empty() {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        this.read += count;
        if this.read == this.answer.len() {
            this.answer.clear();
            this.read = 0;
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        self.answer();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Sends requests on a single connection, `streams` at once.
fn get(count: usize, streams: usize) {
    let clock = Clock::default();
    let agent = Agent::new(Server, clock.clone());
    let client = Client::builder().backend(agent).timer(clock).max_active(streams).build().expect("valid settings");
    let left = Cell::new(count);
    block_on(join_all((0..streams).map(|_| async {
        while left.get() > 0 {
            left.set(left.get() - 1);
            let response = client.get("http://example.com/").await.expect("a response");
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.bytes().await.expect("a body"), BODY);
        }
    })));
}

/// Sends requests, the next after the end of the last.
pub fn get_1(count: usize) {
    get(count, 1);
}

/// Sends requests, 64 at once.
pub fn get_64(count: usize) {
    get(count, 64);
}
