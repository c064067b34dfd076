//! A connect to a single address.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::reactor::{Reactor, ReactorSocket};
use super::socket::SocketTransport;

/// Connects to the TCP address `address`, from the address `local` if it is set. Dropping the future closes the socket.
pub(super) async fn dial(
    reactor: &dyn Reactor,
    address: SocketAddr,
    local: Option<SocketAddr>,
) -> io::Result<SocketTransport> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let Some(local) = local {
        if address.is_ipv6() {
            // The unspecified IPv6 address would bind the port for IPv4 too.
            socket.set_only_v6(true)?;
        }
        socket.bind(&local.into())?;
    }
    let watched = connect(socket, &address.into(), |socket| reactor.register(socket)).await?;
    // A request is written in a single call. Nagle's algorithm would delay it to wait for more bytes.
    watched.socket().set_tcp_nodelay(true)?;
    Ok(SocketTransport::over_tcp(watched))
}

/// Connects a socket of any kind on the reactor that `register` adds it to.
pub(in crate::platform) async fn connect(
    socket: Socket,
    address: &SockAddr,
    register: impl FnOnce(Socket) -> io::Result<Box<dyn ReactorSocket>>,
) -> io::Result<Box<dyn ReactorSocket>> {
    socket.set_nonblocking(true)?;
    // A non-blocking connect returns an error while it is in progress.
    let started = socket.connect(address);
    let mut watched = register(socket)?;
    if started.is_err() {
        poll_fn(|cx| watched.poll_writable(cx)).await?;
        if let Some(error) = watched.socket().take_error()? {
            return Err(error);
        }
        // A socket without an error and without a peer has not connected: the error of `connect` says why.
        if watched.socket().peer_addr().is_err() {
            started?;
        }
    }
    Ok(watched)
}
