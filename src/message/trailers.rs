//! Header fields that follow a body.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;

/// The header fields after the chunked body of a request or response (RFC 9110, section 6.5).
///
/// It is a cell that is filled once, when the body has ended. The agent fills the cell of a response; the code that
/// produces the body fills the cell of a request. A clone is another handle of the same cell.
///
/// # Examples
///
/// A checksum that is computed while the body is sent:
///
/// ```
/// use futures::{StreamExt, stream};
/// use http::HeaderMap;
/// use waterspout::{Body, Request, Trailers};
///
/// let trailers = Trailers::new();
/// let cell = trailers.clone();
/// let chunks = stream::iter([Ok::<_, std::io::Error>("hello")]);
/// let checksum = stream::poll_fn(move |_| {
///     cell.set(HeaderMap::from_iter([("checksum".parse().unwrap(), "abc".parse().unwrap())]));
///     std::task::Poll::Ready(None)
/// });
/// let body = Body::stream(chunks.chain(checksum));
/// let mut request = Request::post("http://example.com/").body(body).trailers(trailers.clone()).build()?;
/// # futures::executor::block_on(async {
/// while request.body_mut().chunk().await?.is_some() {}
/// assert_eq!(trailers.get().unwrap()["checksum"], "abc");
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
// A cell, because bodies are boxed, wrapped and moved: the handle stays valid all the while.
#[derive(Clone, Debug, Default)]
pub struct Trailers(Arc<OnceLock<HeaderMap>>);

impl Trailers {
    /// Returns an empty cell.
    pub fn new() -> Self {
        Self::default()
    }

    /// Fills the cell and returns whether it was empty. A full cell stays as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::HeaderMap;
    /// use waterspout::Trailers;
    ///
    /// let trailers = Trailers::new();
    /// assert!(trailers.get().is_none());
    /// assert!(trailers.set(HeaderMap::new()));
    /// assert!(!trailers.set(HeaderMap::new()));
    /// ```
    pub fn set(&self, fields: HeaderMap) -> bool {
        self.0.set(fields).is_ok()
    }

    /// Returns the fields, if the body has ended and fields followed it.
    pub fn get(&self) -> Option<&HeaderMap> {
        self.0.get()
    }
}

impl From<HeaderMap> for Trailers {
    fn from(fields: HeaderMap) -> Self {
        Self(Arc::new(fields.into()))
    }
}
