//! Headers that each request of a client sends, unless the request has headers of the same name.

use http::HeaderMap;

use crate::error::{Error, Result};
use crate::message::request::Request;

/// The default headers of a client.
///
/// It is a trait object that only [`Builder::default_headers`](super::Builder::default_headers) makes: a browser program
/// without default headers does not link the code that adds them. `RetryPolicy` says what the idiom saves in all.
pub(super) trait DefaultHeaders: Send + Sync {
    /// Adds `headers` to the defaults; they replace defaults of the same name.
    fn extend(&mut self, headers: HeaderMap);

    /// Adds each default header to `headers`, unless `headers` contains its name.
    ///
    /// # Errors
    /// The error of [`check`](Self::check).
    fn fill(&self, request: &mut Request) -> Result<()>;

    /// Returns the error of the first header that is not valid.
    fn check(&self) -> Result<()>;
}

impl DefaultHeaders for HeaderMap {
    fn extend(&mut self, headers: HeaderMap) {
        Extend::extend(self, headers);
    }

    fn fill(&self, request: &mut Request) -> Result<()> {
        let headers = request.headers_mut();
        let is_missing = |name: &&http::HeaderName| !headers.contains_key(*name);
        let missing: Vec<_> = self.keys().filter(is_missing).cloned().collect();
        for name in missing {
            for value in self.get_all(&name) {
                headers.append(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// Default headers of which at least a single header is not valid: no client is built with them.
pub(super) struct InvalidHeaders(pub(super) Error);

impl DefaultHeaders for InvalidHeaders {
    fn extend(&mut self, _headers: HeaderMap) {}

    fn fill(&self, _request: &mut Request) -> Result<()> {
        self.check()
    }

    fn check(&self) -> Result<()> {
        Err(self.0.clone())
    }
}
