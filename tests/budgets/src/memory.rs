//! Connections in memory to a server with a fixed response, and a clock without a system call.
//!
//! `waterspout::testing` has tools for this too. They record what they see, and the cost of that would be a part of
//! every count.

use std::future::{pending, ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};
use waterspout::{Agent, BoxFuture, Client, Connector, Instant, Origin, Result, Timer, Transport};

/// A server that gives the same response to each request.
#[derive(Clone)]
pub struct Server {
    /// The last bytes of a request. The response follows them.
    pub request_end: &'static [u8],
    pub response: Arc<[u8]>,
    /// Whether the first read after a request finds no bytes, as on a socket whose server has not responded yet.
    pub responds_late: bool,
}

impl Server {
    /// Makes a server for requests without a body. Its responses arrive at once.
    pub fn new(response: impl Into<Vec<u8>>) -> Self {
        Self { request_end: b"\r\n\r\n", response: response.into().into(), responds_late: false }
    }

    /// Returns a client of this server, which runs at most `max_active` requests at once.
    pub fn client(self, max_active: usize) -> Client {
        let clock = Clock::default();
        let agent = Agent::new(self, clock.clone());
        Client::builder().backend(agent).timer(clock).max_active(max_active).build().expect("valid settings")
    }
}

impl Connector for Server {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        let connection = Connection {
            server: self.clone(),
            written: Vec::new(),
            read: self.response.len(),
            is_late: false,
            reader: None,
        };
        Box::pin(ready(Ok(Box::new(connection) as Box<dyn Transport>)))
    }
}

struct Connection {
    server: Server,
    /// What the client has written of a request.
    written: Vec<u8>,
    /// How much of the response the client has read.
    read: usize,
    /// Whether the next read finds no bytes.
    is_late: bool,
    /// The task that reads before the end of its request.
    reader: Option<Waker>,
}

impl Connection {
    fn write(&mut self, bytes: &[u8]) -> usize {
        self.written.extend_from_slice(bytes);
        if self.written.ends_with(self.server.request_end) {
            self.written.clear();
            self.read = 0;
            self.is_late = self.server.responds_late;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        bytes.len()
    }
}

impl Transport for Connection {
    fn is_idle(&mut self) -> bool {
        self.read == self.server.response.len()
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let unread = &this.server.response[this.read..];
        if unread.is_empty() {
            this.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if this.is_late {
            this.is_late = false;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = unread.len().min(buffer.len());
        buffer[..count].copy_from_slice(&unread[..count]);
        this.read += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(self.write(bytes)))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(slices.iter().map(|slice| self.write(slice)).sum()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A clock that advances by a microsecond whenever it is read. Its sleeps never end, so no limit is reached.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Timer for Clock {
    fn now(&self) -> Instant {
        Instant::from_origin(Duration::from_micros(self.0.fetch_add(1, Ordering::Relaxed)))
    }

    fn sleep_until(&self, _: Instant) -> BoxFuture<'static, ()> {
        // It has no size, so the box allocates nothing.
        Box::pin(pending())
    }
}
