//! The interface with the contract of `fetch`: from a request to a response whose body may still be arriving.

use std::sync::Arc;

use http::Version;

use crate::error::Result;
use crate::message::call_context::CallContext;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::url::Origin;
use crate::runtime::BoxFuture;

/// Makes an attempt at a request as the Fetch standard defines it: it follows redirects, keeps cookies and decodes the body.
///
/// The platform's own backend is the default. A mock, a cache or a logger can be a backend too, and often wraps another
/// backend.
///
/// # Cancellation
/// Dropping the future must stop the attempt. Dropping the response's body must stop the download.
///
/// # Examples
///
/// A backend that counts the attempts of another:
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use waterspout::testing::MockBackend;
/// use waterspout::{Backend, BoxFuture, CallContext, Client, Request, Response, Result};
///
/// struct Counted<B> {
///     backend: B,
///     attempts: Arc<AtomicUsize>,
/// }
///
/// impl<B: Backend> Backend for Counted<B> {
///     fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
///         self.attempts.fetch_add(1, Ordering::Relaxed);
///         self.backend.fetch(request, context)
///     }
/// }
///
/// let attempts = Arc::new(AtomicUsize::new(0));
/// let backend = Counted { backend: MockBackend::text("hello"), attempts: attempts.clone() };
/// let client = Client::builder().backend(backend).build()?;
/// futures::executor::block_on(client.get("http://example.com/").send())?;
/// assert_eq!(attempts.load(Ordering::Relaxed), 1);
/// # Ok::<(), waterspout::Error>(())
/// ```
pub trait Backend: Send + Sync + 'static {
    /// Fetches `request`.
    ///
    /// The backend reports how far it is to the progress of `context`. A backend that wraps another backend passes
    /// `context` on.
    ///
    /// # Errors
    /// If no response arrives. A status of 400 or above is a response and not an error.
    fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>>;

    /// Returns how many connections are open, for [`Client::connections`](crate::Client::connections). Default: no
    /// entries. A backend that wraps another backend passes the call on.
    fn connections(&self) -> Vec<OriginConnections> {
        Vec::new()
    }
}

/// How many connections with a version of HTTP are open to an origin; see
/// [`Client::connections`](crate::Client::connections).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OriginConnections {
    /// The origin. Through a proxy, it is the origin behind the proxy.
    pub origin: Origin,
    /// `HTTP_11` or `HTTP_2`.
    pub version: Version,
    /// Number of connections that carry a request.
    pub active: usize,
    /// Number of connections that carry no request.
    pub idle: usize,
}

impl OriginConnections {
    /// Makes the counts of connections of HTTP/1.1 without connections, for a backend of the program's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{OriginConnections, Url};
    ///
    /// let mut counts = OriginConnections::new(Url::parse("http://example.com/")?.origin());
    /// counts.idle = 1;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub const fn new(origin: Origin) -> Self {
        Self { origin, version: Version::HTTP_11, active: 0, idle: 0 }
    }
}

impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn fetch(&self, request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        (**self).fetch(request, context)
    }

    fn connections(&self) -> Vec<OriginConnections> {
        (**self).connections()
    }
}

/// A backend of the program's own, which finds the credentials of a URL among the headers.
pub(crate) struct WithHeaders<B>(pub(crate) B);

impl<B: Backend> Backend for WithHeaders<B> {
    fn fetch(&self, mut request: Request, context: CallContext) -> BoxFuture<'_, Result<Response>> {
        // Access for a change moves them there.
        request.headers_mut();
        self.0.fetch(request, context)
    }

    fn connections(&self) -> Vec<OriginConnections> {
        self.0.connections()
    }
}
