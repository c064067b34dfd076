//! Sockets on the reactor of a tokio runtime.
//!
//! tokio keeps what its reactor has reported of a socket. A read of a socket that was not reported as readable costs no
//! system call, so a read right after a write needs no deferral.
//!
//! A task of tokio has a budget of 128 operations for each poll. Beyond it a socket that is ready looks as if it were
//! not, so that the task gives way. A task that drives many requests would poll each request for nothing, 128 operations
//! later again, and so on: the cost of a request would grow with their number. So a socket gives way by itself, see
//! [`ReadyRun`].

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::panic::catch_unwind;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::runtime::{Handle, Id};
use tokio::task::unconstrained;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::platform::native::reactor::{Reactor, ReactorSocket, peek};

/// The reactor of the tokio runtime of the present thread.
pub(super) struct TokioReactor;

impl Reactor for TokioReactor {
    fn check(&self) -> Result<()> {
        check()
    }

    fn register(&self, socket: Socket) -> io::Result<Box<dyn ReactorSocket>> {
        Ok(Box::new(TokioSocket::<tokio::net::TcpStream>::new(socket)?))
    }
}

/// Succeeds on a thread of a tokio runtime.
pub(in crate::platform) fn check() -> Result<()> {
    match Handle::try_current() {
        Ok(_) => Ok(()),
        Err(error) => {
            let message = "the client is set to tokio and is polled outside of a tokio runtime: poll it in a runtime, \
                           such as a function with `#[tokio::main]`, or leave out the setting `tokio`";
            Err(Error::new(ErrorKind::Unsupported, Phase::Connect, message).with_source(error))
        }
    }
}

/// A socket of tokio, for TCP or Unix sockets.
pub(in crate::platform) trait TokioStream:
    AsyncRead + AsyncWrite + Send + Unpin + Sized + 'static
{
    /// Registers a non-blocking socket with the runtime of this thread.
    fn from_socket(socket: Socket) -> io::Result<Self>;

    /// Returns the socket itself.
    fn socket(&self) -> SockRef<'_>;

    /// Waits until the reactor has reported the socket as readable.
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Waits until the reactor has reported the socket as writable.
    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Calls `read` if the reactor has reported the socket as readable, and forgets the report if it finds nothing.
    fn try_read_io(&self, read: impl FnOnce() -> io::Result<usize>) -> io::Result<usize>;
}

impl TokioStream for tokio::net::TcpStream {
    fn from_socket(socket: Socket) -> io::Result<Self> {
        Self::from_std(TcpStream::from(socket))
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_read_ready(cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(cx)
    }

    fn try_read_io(&self, read: impl FnOnce() -> io::Result<usize>) -> io::Result<usize> {
        self.try_io(Interest::READABLE, read)
    }
}

/// How many polls of a socket in a row were ready.
///
/// The first polls do not count towards the budget of the task. The number is small, because a task may have many
/// sockets that are always ready, such as downloads.
#[derive(Default)]
struct ReadyRun(u8);

impl ReadyRun {
    /// How many polls do not count towards the budget. A small request and its response take two.
    const MAX_FREE: u8 = 16;

    /// Polls without the budget of the task, unless the socket has been ready too often in a row.
    fn poll<T>(&mut self, cx: &mut Context<'_>, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let polled = if self.0 < Self::MAX_FREE {
            let free = pin!(unconstrained(poll_fn(poll)));
            free.poll(cx)
        } else {
            poll(cx)
        };
        self.0 = if polled.is_ready() { self.0.saturating_add(1) } else { 0 };
        polled
    }
}

/// A socket on the reactor of a tokio runtime.
pub(in crate::platform) struct TokioSocket<S> {
    stream: S,
    /// The runtime that watches the socket.
    runtime: Id,
    ready_run: ReadyRun,
}

impl<S: TokioStream> TokioSocket<S> {
    /// Registers a non-blocking socket with the runtime of this thread.
    ///
    /// # Errors
    /// If the thread has no runtime, or the runtime has no reactor or is ending.
    pub(in crate::platform) fn new(socket: Socket) -> io::Result<Self> {
        let runtime = Handle::try_current().map_err(io::Error::other)?.id();
        // tokio panics if the runtime has no reactor, and has no function that tells so.
        let registered = catch_unwind(|| S::from_socket(socket)).unwrap_or_else(|_| {
            let message = "the tokio runtime has no I/O driver: build it with `enable_io` or `enable_all`";
            Err(io::Error::new(io::ErrorKind::Unsupported, message))
        });
        Ok(Self { stream: registered?, runtime, ready_run: ReadyRun::default() })
    }
}

impl<S: TokioStream> ReactorSocket for TokioSocket<S> {
    fn socket(&self) -> SockRef<'_> {
        self.stream.socket()
    }

    /// Moves the socket to the runtime of this thread, if it belongs to another: that runtime may have ended, or may not
    /// run.
    fn attach(&mut self) -> bool {
        match Handle::try_current() {
            Err(_) => false,
            Ok(runtime) if runtime.id() == self.runtime => true,
            Ok(_) => {
                // The copy is the same connection. Dropping the former socket takes it off the other reactor.
                let copy = self.socket().try_clone();
                let moved = copy.and_then(Self::new);
                moved.map(|moved| *self = moved).is_ok()
            }
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let Self { stream, ready_run, .. } = self;
        let mut buffer = ReadBuf::new(buffer);
        ready!(ready_run.poll(cx, |cx| Pin::new(&mut *stream).poll_read(cx, &mut buffer)))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, ready_run, .. } = self;
        ready_run.poll(cx, |cx| Pin::new(&mut *stream).poll_write(cx, bytes))
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let Self { stream, ready_run, .. } = self;
        ready_run.poll(cx, |cx| Pin::new(&mut *stream).poll_write_vectored(cx, slices))
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, ready_run, .. } = self;
        ready_run.poll(cx, |cx| stream.poll_write_ready(cx))
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Self { stream, ready_run, .. } = self;
        loop {
            if ready!(ready_run.poll(cx, |cx| stream.poll_read_ready(cx))).is_err() {
                return Poll::Ready(());
            }
            match stream.try_read_io(|| peek(&stream.socket())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::Builder;
    use tokio::task::coop::poll_proceed;

    use super::*;

    /// Polls a socket that is always ready, until it gives way. Returns the number of polls that were ready.
    fn polls_until_pending(cx: &mut Context<'_>) -> usize {
        let mut run = ReadyRun::default();
        let ready = |cx: &mut Context<'_>| poll_proceed(cx).map(|budget| budget.made_progress());
        (0..10_000).take_while(|_| run.poll(cx, ready).is_ready()).count()
    }

    #[test]
    fn socket_that_is_always_ready_gives_way() {
        let runtime = Builder::new_current_thread().build().unwrap();
        let polls = runtime.block_on(poll_fn(|cx| Poll::Ready([polls_until_pending(cx), polls_until_pending(cx)])));
        // 128 is the budget of tokio. A second socket of the task finds it used up, and makes some progress.
        assert_eq!(polls, [128 + 16, 16]);
    }
}
