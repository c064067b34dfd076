//! Connections over Unix sockets.

#[cfg(feature = "tokio")]
#[path = "unix_tokio.rs"]
mod tokio;

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use async_io::Async;
use socket2::{Domain, SockAddr, Socket, Type};

use super::native::{AsyncIoSocket, ChosenRuntime, ReactorSocket, SocketTransport, connect};
use crate::agent::Agent;
use crate::error::{ConnectStep, Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme};
use crate::runtime::BoxFuture;
use crate::tornado::IoStream;
use crate::transport::{ConnectTrace, Connector, Transport};

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
#[derive(Clone)]
pub struct UnixSocket {
    path: PathBuf,
    reactor: UnixReactor,
}

/// What watches the sockets, and the runtime of the agent.
#[derive(Clone)]
struct UnixReactor {
    /// Succeeds if the reactor can watch a socket of the present task.
    check: fn() -> Result<()>,
    /// Watches a non-blocking socket.
    register: fn(Socket) -> io::Result<Box<dyn ReactorSocket>>,
    runtime: ChosenRuntime,
}

impl UnixSocket {
    /// Makes a connector to the socket at `path`. The socket is opened when a request connects.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let reactor = UnixReactor {
            check: || Ok(()),
            register: |socket| {
                Ok(Box::new(AsyncIoSocket::new(Async::new_nonblocking(UnixStream::from(OwnedFd::from(socket)))?)))
            },
            runtime: ChosenRuntime::own(),
        };
        Self { path: path.into(), reactor }
    }

    /// Makes an agent, which is a backend, over this socket.
    pub fn agent(self) -> Agent {
        let ChosenRuntime { timer, executor } = self.reactor.runtime.clone();
        Agent::new(self, timer).with_executor(executor)
    }

    async fn open(&self) -> io::Result<SocketTransport> {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        let connected = connect(socket, &SockAddr::unix(&self.path)?, self.reactor.register).await?;
        Ok(SocketTransport::new(connected))
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
            (self.reactor.check)()?;
            let stream = self.open().await.map_err(|error| {
                let message = format!("could not connect to the socket {}", self.path.display());
                Error::new(ErrorKind::Connect, Phase::Connect, message).with_source(error)
            })?;
            Ok(Box::new(stream) as Box<dyn Transport>)
        })
    }
}

impl fmt::Debug for UnixSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnixSocket").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Makes a stream over a connected socket, as Tornado's `IOStream(socket)` does.
impl From<Async<UnixStream>> for IoStream {
    fn from(socket: Async<UnixStream>) -> Self {
        Self::new(SocketTransport::from(socket))
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

impl From<Async<UnixStream>> for SocketTransport {
    fn from(socket: Async<UnixStream>) -> Self {
        Self::new(Box::new(AsyncIoSocket::new(socket)))
    }
}
