//! The messages between the client and a SOCKS proxy, of any version.

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Proxy;
use crate::error::Result;

/// The exchange of messages that opens a tunnel.
pub(super) struct SocksHandshake<'a, S: ?Sized> {
    pub(super) stream: &'a mut S,
    pub(super) proxy: &'a Proxy,
}

impl<S: AsyncRead + AsyncWrite + Unpin + ?Sized> SocksHandshake<'_, S> {
    /// Sends a message.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let broken = |error: std::io::Error| self.proxy.error("breaks the connection").with_source(error);
        self.stream.write_all(bytes).await.map_err(broken)?;
        self.stream.flush().await.map_err(broken)
    }

    /// Receives a message of this length.
    pub(super) async fn receive<const COUNT: usize>(&mut self) -> Result<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.fill(&mut bytes).await?;
        Ok(bytes)
    }

    /// Receives as many bytes as `bytes` has room for.
    pub(super) async fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.stream.read_exact(bytes).await.map_err(|error| {
            let message = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => "closes the connection without a response",
                _ => "breaks the connection",
            };
            self.proxy.error(message).with_source(error)
        })
    }
}
