//! Servers that a test plays by hand: it reads the client's frames and writes its own.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use http::Version;
use waterspout::testing::{Http2Frame, ManualTimer};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Transport};

use crate::net::{End, connection};

/// Runs once, between the client's read and its next write.
type BeforeWrite = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// A client, and the server's ends of its connections.
pub(crate) struct RawNet {
    pub(crate) client: Client,
    pub(crate) timer: ManualTimer,
    accepted: Arc<Mutex<VecDeque<End>>>,
    before_write: BeforeWrite,
}

impl RawNet {
    pub(crate) fn new() -> Self {
        let (accepted, before_write) = (Arc::<Mutex<VecDeque<End>>>::default(), BeforeWrite::default());
        let dialer = Dialer { accepted: accepted.clone(), before_write: before_write.clone() };
        let timer = ManualTimer::new();
        let agent = Agent::new(dialer, timer.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
        Self { client, timer, accepted, before_write }
    }

    /// Returns the server of the next connection.
    pub(crate) fn accept(&self) -> Option<RawServer> {
        let end = self.accepted.lock().unwrap().pop_front()?;
        Some(RawServer { end, received: Vec::new() })
    }

    /// Runs a function when the client has read and is about to write.
    pub(crate) fn before_next_write(&self, run: impl FnOnce() + Send + 'static) {
        *self.before_write.lock().unwrap() = Some(Box::new(run));
    }
}

/// The server's end of a connection. Dropping it closes the connection.
pub(crate) struct RawServer {
    end: End,
    received: Vec<u8>,
}

impl RawServer {
    pub(crate) fn send(&mut self, frames: &[Http2Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Http2Frame::to_bytes).collect();
        let mut cx = Context::from_waker(Waker::noop());
        // The end takes all bytes, or the client has gone.
        let _ = Pin::new(&mut self.end).poll_write(&mut cx, &bytes);
    }

    /// Returns all frames that the client has sent.
    pub(crate) fn received(&mut self) -> Vec<Http2Frame> {
        let mut buffer = vec![0; 1 << 20];
        let mut cx = Context::from_waker(Waker::noop());
        if let Poll::Ready(Ok(count)) = Pin::new(&mut self.end).poll_read(&mut cx, &mut buffer) {
            self.received.extend(&buffer[..count]);
        }
        Http2Frame::parse(&self.received)
    }

    /// Returns the streams of all requests.
    pub(crate) fn streams(&mut self) -> Vec<u32> {
        let heads = self.received().into_iter().filter(|frame| frame.kind == Http2Frame::HEADERS);
        heads.map(|frame| frame.stream).collect()
    }
}

struct Dialer {
    accepted: Arc<Mutex<VecDeque<End>>>,
    before_write: BeforeWrite,
}

impl Connector for Dialer {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let (end, server) = connection();
            self.accepted.lock().unwrap().push_back(server);
            Ok(Box::new(ClientEnd { end, before_write: self.before_write.clone() }) as Box<dyn Transport>)
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// The client's end of a connection.
struct ClientEnd {
    end: End,
    before_write: BeforeWrite,
}

impl AsyncRead for ClientEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.end).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let run = self.before_write.lock().unwrap().take();
        if let Some(run) = run {
            run();
        }
        Pin::new(&mut self.end).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_close(cx)
    }
}

impl Transport for ClientEnd {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}
