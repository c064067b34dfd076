//! Connections over Unix sockets.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};

use crate::agent::Agent;
use crate::error::{ConnectStep, Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme};
use crate::runtime::BoxFuture;
use crate::tornado::IoStream;
use crate::transport::{ConnectTrace, Connector, LOOK, Transport};

/// Connects every `http` origin to the same Unix socket, such as the socket of a local daemon.
///
/// The URL's host is used for the `host` header only.
///
/// # Examples
///
/// ```no_run
/// use waterspout::Client;
/// use waterspout::platform::unix::UnixSocket;
///
/// let client = Client::builder().backend(UnixSocket::new("/run/docker.sock").agent()).build()?;
/// let version = client.get("http://localhost/version");
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// Unix only.
#[derive(Clone, Debug)]
pub struct UnixSocket {
    path: PathBuf,
}

impl UnixSocket {
    /// Makes a connector to the socket at `path`. The socket is opened when a request connects.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes an agent, which is a backend, over this socket.
    pub fn agent(self) -> Agent {
        Agent::new(self, super::native::SystemTimer).with_executor(super::native::BackgroundThread)
    }
}

impl Connector for UnixSocket {
    fn connect_traced<'a>(
        &'a self,
        origin: &'a Origin,
        trace: &'a ConnectTrace,
    ) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        trace.enter(ConnectStep::Connect, format!("the socket {}", self.path.display()));
        self.connect(origin)
    }

    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if origin.scheme() == Scheme::Https {
                let message = "a Unix socket has no TLS: use an `http` URL";
                return Err(Error::new(ErrorKind::UnsupportedScheme, Phase::Connect, message));
            }
            super::native::check_process()?;
            let stream = Async::<UnixStream>::connect(&self.path).await.map_err(|error| {
                let message = format!("could not connect to the socket {}", self.path.display());
                Error::new(ErrorKind::Connect, Phase::Connect, message).with_source(error)
            })?;
            Ok(Box::new(UnixTransport(Arc::new(stream))) as Box<dyn Transport>)
        })
    }
}

/// Makes a stream over a connected socket, as Tornado's `IOStream(socket)` does.
impl From<Async<UnixStream>> for IoStream {
    fn from(socket: Async<UnixStream>) -> Self {
        Self::new(UnixTransport(Arc::new(socket)))
    }
}

/// Makes a stream over a connected socket, which becomes non-blocking.
///
/// # Errors
/// [`Io`](ErrorKind::Io) if the system refuses to watch the socket, and [`Unsupported`](ErrorKind::Unsupported) in a
/// child that was forked after the first use of the library.
impl TryFrom<UnixStream> for IoStream {
    type Error = Error;

    fn try_from(socket: UnixStream) -> Result<Self> {
        super::native::check_process()?;
        let socket = Async::new(socket).map_err(|error| {
            Error::new(ErrorKind::Io, Phase::Stream, "the system refuses to watch the socket").with_source(error)
        })?;
        Ok(Self::from(socket))
    }
}

/// A connection over a Unix socket.
struct UnixTransport(Arc<Async<UnixStream>>);

impl Drop for UnixTransport {
    fn drop(&mut self) {
        super::native::keep_in_child(&self.0);
    }
}

impl Transport for UnixTransport {
    fn is_idle(&mut self) -> bool {
        // A forked child shares the socket with its parent and has no reactor.
        !super::native::is_forked_child()
            && Pin::new(self).poll_read(&mut Context::from_waker(&LOOK), &mut [0]).is_pending()
    }
}

impl AsyncRead for UnixTransport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for UnixTransport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut &*self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut &*self.0).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is buffered, so there is nothing to flush. `Async::poll_close` would leave the half open.
        match self.0.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}
