//! Responses: a head that is here, and a body that may still be on its way.

mod builder;
pub(crate) mod fields;
mod parts;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, Version};

pub use self::builder::ResponseBuilder;
use self::fields::Fields;
pub(crate) use self::parts::Parts;
use crate::error::{Attempt, Error, Result};
use crate::message::body::Body;
use crate::message::connection_info::{Exchange, Hop, Timings};
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// The most bytes that a body is collected to, unless a client or request says otherwise: 100 MiB.
pub(crate) const DEFAULT_BODY_LIMIT: u64 = 100 * 1024 * 1024;

/// A response.
///
/// # Cancellation
/// It holds its slot of the client, and its connection, until its body has been read to the end or it is dropped.
// In a box: a response changes hands a dozen times before it is read.
#[derive(Debug)]
pub struct Response(Box<Parts>);

impl Response {
    /// A response from `url` without headers; for backends of your own.
    pub fn new(status: StatusCode, url: Url, body: impl Into<Body>) -> Self {
        Self(Box::new(Parts {
            status,
            reason: None,
            version: Version::HTTP_11,
            headers: Fields::default(),
            trailers: None,
            url,
            redirected: false,
            exchange: Exchange::default(),
            history: Vec::new(),
            progress: None,
            body_limit: DEFAULT_BODY_LIMIT,
            body: body.into(),
            attempts: Vec::new(),
        }))
    }

    /// Returns a builder of a response from `url`; for backends and mocks. A bad URL becomes the error of
    /// [`ResponseBuilder::body`].
    pub fn builder(status: StatusCode, url: impl TryInto<Url, Error: Into<Error>>) -> ResponseBuilder {
        ResponseBuilder::new(status, url)
    }

    pub(crate) fn set_history(&mut self, history: Vec<Hop>) {
        self.0.redirected = !history.is_empty();
        self.0.history = history;
    }

    pub(crate) fn set_progress(&mut self, progress: Progress) {
        self.0.progress = Some(progress);
    }

    /// The same response with its body wrapped or replaced.
    #[must_use]
    pub fn map_body(mut self, change: impl FnOnce(Body) -> Body) -> Self {
        self.0.body = change(std::mem::take(&mut self.0.body));
        self
    }

    pub(crate) fn set_body_limit(&mut self, bytes: u64) {
        self.0.body_limit = bytes;
    }

    pub(crate) fn set_attempts(&mut self, attempts: Vec<Attempt>) {
        self.0.attempts = attempts;
    }

    /// The attempts made, the one that led here included, if the request had a [`Retry`](crate::Retry); else nothing.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The phrase after the status: the server's own, else the standard's. No program should depend on it.
    ///
    /// A phrase beyond ASCII is not kept, and HTTP/2, which a browser may speak, has none.
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref().or_else(|| self.0.status.canonical_reason())
    }

    /// The version of HTTP that the server spoke.
    ///
    /// # Platform
    /// A browser does not tell: there it is always 1.1.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// The headers.
    ///
    /// # Platform
    /// A browser shows those that CORS exposes.
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers.map()
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers.map_mut()
    }

    /// The header fields after the body: `None` until the body has been read to its end, and if there are none.
    ///
    /// They are the server's word on what it has just sent, and are not mixed with [`headers`](Self::headers).
    ///
    /// # Platform
    /// A browser does not show them: there it is always `None`.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.trailers.as_ref()?.get()
    }

    /// A handle of the trailers that outlives the response, for whoever reads the body with [`bytes`](Self::bytes) or
    /// takes it with [`into_body`](Self::into_body). It stays empty if there are none.
    pub fn trailers_handle(&self) -> Trailers {
        self.0.trailers.clone().unwrap_or_default()
    }

    /// The URL that answered, after redirects.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Whether a redirect led here.
    pub fn redirected(&self) -> bool {
        self.0.redirected
    }

    /// The redirects that led here, the first the first.
    ///
    /// # Platform
    /// A browser does not show them: there it is empty even if [`redirected`](Self::redirected).
    pub fn history(&self) -> &[Hop] {
        &self.0.history
    }

    /// How the last exchange went: over which connection, and how long its parts took.
    ///
    /// # Platform
    /// A browser shows none of it.
    pub fn exchange(&self) -> Exchange {
        self.0.exchange
    }

    /// How long the parts of the request took, as far as it is known by now; `total` is once the body has been read.
    ///
    /// # Platform
    /// A browser shows the queue, which is ours, and the total.
    pub fn timings(&self) -> Timings {
        let progress = self.0.progress.as_ref();
        let Exchange { dns, connect, tls, first_byte, .. } = self.0.exchange;
        let (queue, total) = (progress.and_then(Progress::queue), progress.and_then(Progress::total));
        Timings { queue, dns, connect, tls, first_byte, total }
    }

    /// The length in bytes of what is left of the body, as far as it is known: from the body itself, else from the head.
    ///
    /// # Platform
    /// A page is not told whether the body of another origin was compressed; the length is then the compressed one.
    pub fn content_length(&self) -> Option<u64> {
        self.0.body.length().or_else(|| self.0.headers.content_length())
    }

    /// The next chunk of the body, or `None` after the last.
    ///
    /// # Errors
    /// If the server, the network or a time limit ends the body early.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.body.chunk().await.map_err(|error| error.with_url(&self.0.url))
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`LimitExceeded`](crate::ErrorKind::LimitExceeded) beyond
    /// [`body_limit`](crate::RequestOptions::body_limit).
    pub async fn bytes(self) -> Result<Bytes> {
        self.0.body.collect(self.0.body_limit).await.map_err(|error| error.with_url(&self.0.url))
    }

    /// The whole body as UTF-8; a byte order mark is removed, and what is not UTF-8 becomes U+FFFD, as in the Fetch
    /// standard.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub async fn text(self) -> Result<String> {
        Ok(decode(&self.bytes().await?))
    }

    /// The body as it is.
    pub fn into_body(self) -> Body {
        self.0.body
    }

    /// The response, unless its status is 400 or above.
    ///
    /// # Errors
    /// Of kind [`Status`](crate::ErrorKind::Status). It does not keep the response; to read the body of an error
    /// page, use [`error_for_status_ref`](Self::error_for_status_ref).
    pub fn error_for_status(self) -> Result<Self> {
        self.error_for_status_ref().map(|_| ())?;
        Ok(self)
    }

    /// As [`error_for_status`](Self::error_for_status), leaving the response where it is.
    ///
    /// # Errors
    /// Of kind [`Status`](crate::ErrorKind::Status); its text has the status and [`reason`](Self::reason), of which the
    /// first 100 characters.
    pub fn error_for_status_ref(&self) -> Result<&Self> {
        self.0.error_for_status()?;
        Ok(self)
    }
}

/// Makes an error of a status of 400 or above.
fn check_status(status: StatusCode, reason: Option<&str>, url: &Url) -> Result<()> {
    if status.is_client_error() || status.is_server_error() {
        let reason = reason.or_else(|| status.canonical_reason());
        return Err(Error::for_status(status, reason).with_url(url));
    }
    Ok(())
}

/// The text of a body: UTF-8, without a byte order mark.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    String::from_utf8_lossy(text).into_owned()
}
