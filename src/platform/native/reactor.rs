//! The interface to a reactor: what watches the sockets and wakes the tasks that wait for them.
//!
//! Name look-up, the race between addresses, TLS, proxies and the pool are the same over every reactor. Only the wait for
//! a socket differs: `async_io_socket` waits on the reactor of `async-io`, and `tokio` on that of a tokio runtime.

use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use socket2::{SockRef, Socket};

use crate::error::Result;

/// Watches sockets.
pub(super) trait Reactor: Send + Sync + 'static {
    /// Succeeds if the reactor can watch a socket of the present task.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported), with the reason and what to do.
    fn check(&self) -> Result<()>;

    /// Watches a non-blocking TCP socket, which may still be connecting.
    fn register(&self, socket: Socket) -> io::Result<Box<dyn ReactorSocket>>;
}

/// A socket that a reactor watches. A task polls it at a time.
pub(in crate::platform) trait ReactorSocket: Send + 'static {
    /// Returns the socket itself, for calls that do not wait.
    fn socket(&self) -> SockRef<'_>;

    /// Prepares a socket that was not in use for the present task. Returns whether the reactor wakes this task.
    fn attach(&mut self) -> bool {
        true
    }

    /// Reads, or waits until the socket can be read.
    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes, or waits until the socket can be written.
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Writes several pieces by a single call, or waits until the socket can be written.
    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>>;

    /// Waits until the socket can be written, has failed, or has connected.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Waits until the socket has bytes to read, has ended or has failed. Reads nothing.
    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Looks at the next byte of `socket` without a wait. Returns `WouldBlock` if there is none.
pub(super) fn peek(socket: &SockRef<'_>) -> io::Result<usize> {
    socket.peek(&mut [std::mem::MaybeUninit::uninit()])
}
