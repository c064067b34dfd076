//! A connection over a socket: what is the same over every reactor and every kind of socket.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};
use http::Version;
use socket2::SockRef;

use super::async_io_socket::AsyncIoSocket;
use super::fork;
use super::reactor::{ReactorSocket, peek};
use crate::message::connection_info::ConnectionInfo;
use crate::transport::{LOOK, Transport};

/// A connection over a TCP or Unix socket.
pub(in crate::platform) struct SocketTransport {
    /// `None` only while it is dropped.
    socket: Option<Box<dyn ReactorSocket>>,
    pub(in crate::platform) connection_info: ConnectionInfo,
}

impl SocketTransport {
    /// Makes a connection over a connected socket.
    pub(in crate::platform) fn new(socket: Box<dyn ReactorSocket>) -> Self {
        Self { socket: Some(socket), connection_info: ConnectionInfo::default() }
    }

    /// Makes a connection over a connected TCP socket, and records its addresses.
    pub(super) fn over_tcp(socket: Box<dyn ReactorSocket>) -> Self {
        let address_of = |address: io::Result<socket2::SockAddr>| address.ok().and_then(|address| address.as_socket());
        let remote_address = address_of(socket.socket().peer_addr());
        let local_address = address_of(socket.socket().local_addr());
        let connection_info = ConnectionInfo { remote_address, local_address, ..ConnectionInfo::default() };
        Self { socket: Some(socket), connection_info }
    }

    /// Returns the socket itself, for calls that do not wait.
    pub(super) fn socket(&self) -> io::Result<SockRef<'_>> {
        self.socket.as_deref().map(ReactorSocket::socket).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn watched(&mut self) -> io::Result<&mut dyn ReactorSocket> {
        self.socket.as_deref_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Prepares an idle connection for the present task, and returns its socket.
    ///
    /// # Errors
    /// If the task can wait for no socket, or not for this socket. A forked child shares the socket with its parent and
    /// has no reactor.
    fn attach(&mut self) -> io::Result<SockRef<'_>> {
        // Called for each request on the connection, so it makes no system call.
        if fork::is_child() {
            return Err(fork::ForkedChild.into());
        }
        if !self.watched()?.attach() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        self.socket()
    }
}

impl From<Async<TcpStream>> for SocketTransport {
    fn from(socket: Async<TcpStream>) -> Self {
        Self::over_tcp(Box::new(AsyncIoSocket::new(socket)))
    }
}

impl Drop for SocketTransport {
    fn drop(&mut self) {
        // A reactor's list of sockets (`epoll`) belongs to both processes: a child that closes its copy of a socket
        // takes the parent's socket off the list. So a child keeps the socket for ever.
        if fork::is_child() {
            std::mem::forget(self.socket.take());
        }
    }
}

impl Transport for SocketTransport {
    fn is_idle(&mut self) -> bool {
        // The default would read, and a read after a write may be deferred without a look at the socket. A look at an
        // idle connection also needs no registration with the reactor.
        let peeked = self.attach().and_then(|socket| peek(&socket));
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self.watched() {
            Ok(socket) => socket.poll_unfit(cx),
            Err(_) => Poll::Ready(()),
        }
    }

    fn version(&self) -> Version {
        self.connection_info.version.unwrap_or(Version::HTTP_11)
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info.clone()
    }
}

impl AsyncRead for SocketTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        // `is_idle` of a transport over this transport looks at the present state. The reactor reports late, and a deferred read
        // reports nothing: a byte that a server has sent without a request would be missed. So the socket itself is asked.
        // It is known by its data and not by `will_wake`: the functions of a waker may exist in several copies.
        if cx.waker().data() == LOOK.data() {
            return match self.attach().and_then(|socket| (&*socket).read(buffer)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                outcome => Poll::Ready(outcome),
            };
        }
        self.watched()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for SocketTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.watched()?.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.watched()?.poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is buffered: a write goes to the socket at once.
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Closes only the half that writes.
        match self.socket().and_then(|socket| socket.shutdown(Shutdown::Write)) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}
