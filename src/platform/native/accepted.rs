//! Streams over TCP sockets that are open, such as the sockets that a listener accepts.

use std::net::TcpStream;

use async_io::Async;

use super::fork;
use super::socket::SocketTransport;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::tornado::IoStream;

/// Makes a stream over a connected socket, as Tornado's `IOStream(socket)` does. Nagle's algorithm is turned off,
/// because the stream joins small writes itself.
///
/// # Examples
///
/// ```
/// use std::net::TcpListener;
/// use async_io::Async;
/// use waterspout::platform::native::TcpClient;
/// use waterspout::tornado::IoStream;
///
/// # futures::executor::block_on(async {
/// let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0))?;
/// let client = TcpClient::new().connecting("127.0.0.1", listener.get_ref().local_addr()?.port());
/// client.connected().await?;
/// let server = IoStream::from(listener.accept().await?.0);
/// server.write("220 ready\r\n").await?;
/// assert_eq!(client.read_until("\r\n", 512).await?, "220 ready\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
impl From<Async<TcpStream>> for IoStream {
    fn from(socket: Async<TcpStream>) -> Self {
        // A socket that refuses the option still works.
        let _ = socket.get_ref().set_nodelay(true);
        Self::new(SocketTransport::from(socket))
    }
}

/// Makes a stream over a connected socket, which becomes non-blocking.
///
/// # Errors
/// [`Io`](ErrorKind::Io) if the system refuses to watch the socket, and [`Unsupported`](ErrorKind::Unsupported) in a
/// child that was forked after the first use of the library.
impl TryFrom<TcpStream> for IoStream {
    type Error = Error;

    fn try_from(socket: TcpStream) -> Result<Self> {
        fork::check()?;
        let socket = Async::new(socket).map_err(|error| {
            Error::new(ErrorKind::Io, Phase::Stream, "the system refuses to watch the socket").with_source(error)
        })?;
        Ok(Self::from(socket))
    }
}
