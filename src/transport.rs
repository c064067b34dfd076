//! The seam at byte height: who connects to an origin, and what a connection is.

use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};

use crate::error::Result;
use crate::future::BoxFuture;
use crate::url::Origin;

/// An open, ordered byte stream to a server.
///
/// It is `Send` on every platform, so that a pool of them, and the client that owns it, is too.
///
/// Closing the writing half is [`AsyncWrite::poll_close`]; dropping a transport closes it at once.
pub trait Transport: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Whether an idle connection can still carry a request: the peer has neither closed it nor sent anything.
    ///
    /// A byte that nobody asked for would be taken for the next request's answer, so it counts as closed.
    fn is_idle(&mut self) -> bool {
        let mut byte = [0];
        let mut context = Context::from_waker(Waker::noop());
        matches!(std::pin::Pin::new(self).poll_read(&mut context, &mut byte), Poll::Pending)
    }
}

impl Transport for Box<dyn Transport> {
    fn is_idle(&mut self) -> bool {
        (**self).is_idle()
    }
}

/// Opens connections to origins: TCP, TLS, a Unix socket, a proxy, memory.
///
/// # Cancellation
/// Dropping the future must drop the attempt.
pub trait Connector: Send + Sync + 'static {
    /// Opens a connection over which `origin` can be spoken to.
    ///
    /// # Errors
    /// Of kind [`Dns`](crate::ErrorKind::Dns) or [`Connect`](crate::ErrorKind::Connect), or
    /// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme) if this connector cannot speak the origin's scheme.
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>>;
}
