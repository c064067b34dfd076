//! Connectors and transports for cases that scripts do not cover.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use waterspout::http::Version;
use waterspout::{BoxFuture, Connector, Origin, Result, Transport};

/// A connector whose connects never end.
pub struct NeverConnects;

impl Connector for NeverConnects {
    fn connect<'a>(&'a self, _origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(std::future::pending())
    }
}

/// A transport that calls functions when the pool checks whether the idle connection is unfit, and when the connection
/// becomes idle.
pub struct ObservedTransport {
    inner: Box<dyn Transport>,
    on_check: Box<dyn FnMut() + Send>,
    on_shrink: Box<dyn FnMut() + Send>,
}

impl ObservedTransport {
    /// Wraps `inner`. What `on_check` owns is dropped with the connection.
    pub fn wrap(inner: Box<dyn Transport>, on_check: impl FnMut() + Send + 'static) -> Box<dyn Transport> {
        Box::new(Self { inner, on_check: Box::new(on_check), on_shrink: Box::new(|| {}) })
    }

    /// Wraps `inner`, and calls `on_shrink` when the connection becomes idle.
    pub fn with_shrink(inner: Box<dyn Transport>, on_shrink: impl FnMut() + Send + 'static) -> Box<dyn Transport> {
        Box::new(Self { inner, on_check: Box::new(|| {}), on_shrink: Box::new(on_shrink) })
    }
}

impl Transport for ObservedTransport {
    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (self.on_check)();
        self.inner.poll_unfit(cx)
    }

    fn shrink(&mut self) {
        (self.on_shrink)();
    }

    fn version(&self) -> Version {
        self.inner.version()
    }
}

impl AsyncRead for ObservedTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ObservedTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
