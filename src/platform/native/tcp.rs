//! Connections over TCP.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};

use super::dns;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::future::BoxFuture;
use crate::transport::{Connector, Transport};
use crate::url::{Origin, Scheme};

/// Connects to `http` origins: looks the host up and tries its addresses in turn.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct TcpConnector;

impl TcpConnector {
    /// A connector that asks the operating system for addresses.
    pub const fn new() -> Self {
        Self
    }
}

impl Connector for TcpConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if origin.scheme() == Scheme::Https {
                let message = "this build speaks http only; give the agent a connector that speaks https";
                return Err(Error::new(ErrorKind::UnsupportedScheme, Phase::Connect, message));
            }
            let mut failure = None;
            for address in dns::resolve(origin).await? {
                match connect(address).await {
                    Ok(stream) => return Ok(Box::new(stream) as Box<dyn Transport>),
                    Err(error) => failure = Some((address, error)),
                }
            }
            let message = match &failure {
                Some((address, _)) => format!("could not connect to {address}"),
                None => "there is no address to connect to".to_owned(),
            };
            let error = Error::new(ErrorKind::Connect, Phase::Connect, message);
            Err(failure.into_iter().fold(error, |error, (_, cause)| error.with_source(cause)))
        })
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpTransport> {
    let stream = Async::<TcpStream>::connect(address).await?;
    // A request is written whole; waiting to see whether more comes only delays it.
    stream.get_ref().set_nodelay(true)?;
    Ok(TcpTransport(stream))
}

/// A TCP connection.
pub(super) struct TcpTransport(pub(super) Async<TcpStream>);

impl Transport for TcpTransport {
    fn is_idle(&mut self) -> bool {
        let peeked = self.0.get_ref().peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsyncRead for TcpTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TcpTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
