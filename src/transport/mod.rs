//! The seam at byte height: who connects to an origin, and what a connection is.

pub(crate) mod read_buffer;

use std::task::{Context, Poll, Waker};

use futures::io::{AsyncRead, AsyncWrite};
use http::HeaderValue;

use crate::error::Result;
use crate::message::connection_info::ConnectionInfo;
use crate::message::url::Origin;
use crate::runtime::BoxFuture;

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

    /// Ready once an idle connection can no longer carry a request; see [`is_idle`](Self::is_idle).
    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        std::pin::Pin::new(self).poll_read(cx, &mut [0]).map(|_| ())
    }

    /// Returns the addresses of the connection, and how long opening it took. Default: nothing is known.
    fn connection_info(&self) -> ConnectionInfo {
        ConnectionInfo::default()
    }

    /// Set if the connection ends at a proxy that forwards requests rather than at their origin. Default: none.
    fn forwarding(&self) -> Option<&Forwarding> {
        None
    }
}

/// How requests are written for a proxy that forwards them: with the whole URL as their target (RFC 9112, section
/// 3.2.2).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Forwarding {
    /// What the proxy wants to see as `proxy-authorization`.
    pub authorization: Option<HeaderValue>,
}

impl Forwarding {
    /// Requests are forwarded, with these credentials for the proxy if it wants any.
    ///
    /// Debug output does not show them.
    pub fn new(mut authorization: Option<HeaderValue>) -> Self {
        authorization.iter_mut().for_each(|value| value.set_sensitive(true));
        Self { authorization }
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn is_idle(&mut self) -> bool {
        (**self).is_idle()
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        (**self).poll_unfit(cx)
    }

    fn connection_info(&self) -> ConnectionInfo {
        (**self).connection_info()
    }

    fn forwarding(&self) -> Option<&Forwarding> {
        (**self).forwarding()
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
    /// Of kind [`Dns`](crate::ErrorKind::Dns), [`Connect`](crate::ErrorKind::Connect), [`Tls`](crate::ErrorKind::Tls) or
    /// [`Proxy`](crate::ErrorKind::Proxy), or
    /// [`UnsupportedScheme`](crate::ErrorKind::UnsupportedScheme) if this connector cannot speak the origin's scheme.
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>>;
}
