//! Unix sockets on the reactor of a tokio runtime. Behind the feature `tokio`.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};

use socket2::{SockRef, Socket};
use tokio::io::Interest;
use tokio::net::UnixStream;

use super::{UnixReactor, UnixSocket};
use crate::platform::native::ChosenRuntime;
use crate::platform::native::tokio::{TokioSocket, TokioStream, check};

impl UnixSocket {
    /// Waits for the socket on the tokio runtime of the thread that polls, as
    /// [`Network::tokio`](crate::platform::native::Network::tokio) does. It exists with the feature `tokio`.
    ///
    /// # Errors
    /// A connect outside of a runtime fails with [`Unsupported`](crate::ErrorKind::Unsupported).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::unix::UnixSocket;
    ///
    /// let client = Client::builder().tokio().backend(UnixSocket::new("/run/docker.sock").tokio().agent()).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn tokio(mut self) -> Self {
        self.reactor = UnixReactor {
            check,
            register: |socket| Ok(Box::new(TokioSocket::<UnixStream>::new(socket)?)),
            runtime: ChosenRuntime::tokio(),
        };
        self
    }
}

impl TokioStream for UnixStream {
    fn from_socket(socket: Socket) -> io::Result<Self> {
        Self::from_std(OwnedFd::from(socket).into())
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
