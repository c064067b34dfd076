//! Connections in memory, over which a server answers requests of HTTP/1.1 with arbitrary bytes.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use waterspout::{BoxFuture, Connector, Error, ErrorKind, Origin, Phase, Transport};

/// The answer to a request.
#[derive(Clone)]
pub(crate) struct Answer {
    /// What each read returns.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// Whether a read returns pending once before each piece, as if the piece came later.
    pub(crate) has_pauses: bool,
    /// Whether the server closes the connection after the answer. Otherwise it waits for another request.
    pub(crate) closes: bool,
}

/// A request that a server has received.
#[derive(Clone)]
pub(crate) struct Received {
    /// The number of the connection, counted from 0.
    pub(crate) connection: usize,
    /// The origin that the connection was made for.
    pub(crate) origin: Origin,
    pub(crate) head: Vec<u8>,
}

/// A connector whose servers share a list of answers: each request, on any connection, gets the next answer.
///
/// After the last answer a server closes the connection of a request. A clone is another handle of the same connector.
#[derive(Clone)]
pub(crate) struct Wire(Arc<Mutex<WireState>>);

struct WireState {
    answers: VecDeque<Answer>,
    received: Vec<Received>,
    connections: usize,
}

impl Wire {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers = answers.into_iter().collect();
        Self(Arc::new(Mutex::new(WireState { answers, received: Vec::new(), connections: 0 })))
    }

    /// Returns the requests in the order of their arrival.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    fn lock(&self) -> MutexGuard<'_, WireState> {
        self.0.lock().expect("no target panics while it holds the lock")
    }
}

impl Connector for Wire {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>, Error>> {
        Box::pin(async move {
            let mut state = self.lock();
            // A client that connects without end would never return.
            if state.connections == 100 {
                return Err(Error::new(ErrorKind::Connect, Phase::Connect, "too many connections"));
            }
            let connection = state.connections;
            state.connections += 1;
            let transport = WireTransport {
                wire: self.clone(),
                connection,
                origin: origin.clone(),
                written: Vec::new(),
                pieces: VecDeque::new(),
                at: 0,
                has_pauses: false,
                is_paused: false,
                closes: false,
            };
            Ok(Box::new(transport) as Box<dyn Transport>)
        })
    }
}

struct WireTransport {
    wire: Wire,
    connection: usize,
    origin: Origin,
    /// The bytes of the client since the last head.
    written: Vec<u8>,
    pieces: VecDeque<Vec<u8>>,
    /// How many bytes of the first piece have been read.
    at: usize,
    has_pauses: bool,
    /// Whether the pause before the first piece is over.
    is_paused: bool,
    closes: bool,
}

impl WireTransport {
    /// Takes a complete head out of the written bytes, and prepares its answer. Returns whether there was a head.
    fn take_head(&mut self) -> bool {
        let Some(end) = self.written.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
        let mut state = self.wire.lock();
        let head = self.written[..end + 4].to_vec();
        // What follows may be a body, which these targets do not look at.
        self.written.clear();
        state.received.push(Received { connection: self.connection, origin: self.origin.clone(), head });
        let last = Answer { pieces: Vec::new(), has_pauses: false, closes: true };
        let answer = state.answers.pop_front().unwrap_or(last);
        self.pieces = answer.pieces.into();
        self.has_pauses = answer.has_pauses;
        self.closes = answer.closes;
        true
    }
}

impl Transport for WireTransport {
    /// A piece that comes after a pause counts as there already: bytes that arrive after the look cannot be refused.
    fn is_idle(&mut self) -> bool {
        self.pieces.is_empty() && !self.closes
    }
}

impl AsyncRead for WireTransport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.pieces.is_empty() && !this.closes && !this.take_head() {
            // The client writes and reads in the same task, so nothing has to be woken.
            return Poll::Pending;
        }
        let Some(piece) = this.pieces.front() else {
            return if this.closes { Poll::Ready(Ok(0)) } else { Poll::Pending };
        };
        if this.has_pauses && !this.is_paused {
            this.is_paused = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = buffer.len().min(piece.len() - this.at);
        buffer[..count].copy_from_slice(&piece[this.at..this.at + count]);
        this.at += count;
        if this.at == piece.len() {
            this.pieces.pop_front();
            this.at = 0;
            this.is_paused = false;
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for WireTransport {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
