//! The seam at Fetch height: a request goes in, a response whose body may still be on its way comes out.

use std::sync::Arc;

use crate::error::Result;
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// Makes one attempt at one request: redirects followed, cookies kept, body decoded, as in the Fetch standard.
///
/// The platform's own backend is the default. A mock, a cache or a logger is a backend too, often one that wraps
/// another.
///
/// # Cancellation
/// Dropping the future must stop the attempt; dropping the response's body must stop the download.
pub trait Backend: Send + Sync + 'static {
    /// Fetches `request`.
    ///
    /// # Errors
    /// If no response could be had. A status of 400 or above is a response.
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response>>;
}

impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn fetch(&self, request: Request) -> BoxFuture<'_, Result<Response>> {
        (**self).fetch(request)
    }
}
