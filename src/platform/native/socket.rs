//! A TCP connection, with as few system calls as it can do with.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};

use crate::message::connection_info::ConnectionInfo;
use crate::transport::Transport;

/// A TCP connection.
pub(super) struct TcpTransport {
    stream: Async<TcpStream>,
    pub(super) connection_info: ConnectionInfo,
    /// Whether the reactor has been asked to say when there is something to read.
    asked: bool,
    reading: Reading,
}

/// Whether to look for an answer.
#[derive(Clone, Copy, PartialEq)]
enum Reading {
    /// It may be there.
    Now,
    /// Something has just been written: there cannot be an answer yet, so others have a turn first. That saves a call
    /// that would find nothing, and one to wait for what has come by then.
    AfterOthers,
    /// Others have had their turn. Who keeps writing is not put off again, or an early answer would not be heard.
    AtLast,
}

impl TcpTransport {
    pub(super) fn new(stream: Async<TcpStream>) -> Self {
        let (remote_address, local_address) = (stream.get_ref().peer_addr().ok(), stream.get_ref().local_addr().ok());
        let connection_info = ConnectionInfo { remote_address, local_address, ..ConnectionInfo::default() };
        Self { stream, connection_info, asked: false, reading: Reading::Now }
    }

    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.reading == Reading::Now && matches!(written, Poll::Ready(Ok(_))) {
            self.reading = Reading::AfterOthers;
        }
        written
    }
}

impl Transport for TcpTransport {
    fn is_idle(&mut self) -> bool {
        let peeked = self.stream.get_ref().peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The reactor may speak of what has been read since; only the socket knows.
            let failed = ready!(self.stream.poll_readable(cx)).is_err();
            if failed || !self.is_idle() {
                return Poll::Ready(());
            }
        }
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info
    }
}

impl AsyncRead for TcpTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.reading == Reading::AfterOthers {
            this.reading = Reading::AtLast;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.reading = Reading::Now;
        loop {
            // Whoever has asked waits for the answer before looking again.
            if this.asked {
                ready!(this.stream.poll_readable(cx))?;
                this.asked = false;
            }
            match this.stream.get_ref().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => this.asked = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl AsyncWrite for TcpTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is buffered; that of `Async` would leave the half open.
        match self.stream.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}
