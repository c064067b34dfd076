//! Sockets on the reactor of a tokio runtime.
//!
//! tokio keeps what its reactor has reported of a socket. A read of a socket that was not reported as readable costs no
//! system call, so a read right after a write needs no deferral.

use std::io::{self, IoSlice};
use std::net::TcpStream;
use std::panic::catch_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::runtime::{Handle, Id};

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

/// A socket on the reactor of a tokio runtime.
pub(in crate::platform) struct TokioSocket<S> {
    stream: S,
    /// The runtime that watches the socket.
    runtime: Id,
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
        Ok(Self { stream: registered?, runtime })
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
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_write_ready(cx)
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if ready!(self.stream.poll_read_ready(cx)).is_err() {
                return Poll::Ready(());
            }
            match self.stream.try_read_io(|| peek(&self.stream.socket())) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                _ => return Poll::Ready(()),
            }
        }
    }
}
