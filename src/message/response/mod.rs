//! Responses: a head that has been received, and a body that may still be on its way.

mod builder;
#[cfg(feature = "charset")]
pub(crate) mod charset;
#[cfg(not(feature = "charset"))]
#[path = "utf8_only.rs"]
pub(crate) mod charset;
mod debug;
pub(crate) mod header_block;
mod http_response;
pub(crate) mod lazy_headers;
mod parts;
mod reading;
mod request_head;
pub(crate) mod text;

use http::{HeaderMap, HeaderName, StatusCode, Version};

pub use self::builder::ResponseBuilder;
use self::lazy_headers::LazyHeaders;
pub(crate) use self::parts::{ReceivedHead, ResponseParts};
use crate::error::{Attempt, Error};
use crate::message::body::Body;
use crate::message::call_times::CallTimes;
use crate::message::connection_info::{ConnectionInfo, ExchangeInfo, RedirectEntry, Timings};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// The maximum size to which a body is collected, unless a client or request sets another: 100 MiB.
pub(crate) const DEFAULT_BODY_LIMIT: u64 = 100 * 1024 * 1024;

/// A response to a request.
///
/// # Cancellation
/// The response holds its slot of the client, and its connection, until its body has been read to the end or it is
/// dropped.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::testing::MockBackend;
///
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
/// let response = client.get("http://example.com/").await?;
/// assert_eq!(response.status(), 200);
/// assert_eq!(response.text().await?, "hello");
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
// In a box: a response is moved a dozen times before it is read, and a pointer is cheap to move.
pub struct Response(Box<ResponseParts>);

impl Response {
    /// Returns a response from `url` without headers. For your own backends; see also [`builder`](Self::builder).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::{Response, Url};
    ///
    /// let response = Response::new(StatusCode::OK, Url::parse("http://example.com/")?, "hello");
    /// assert_eq!(response.content_length(), Some(5));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn new(status: StatusCode, url: Url, body: impl Into<Body>) -> Self {
        Self(Box::new(ResponseParts {
            status,
            reason: None,
            version: Version::HTTP_11,
            headers: LazyHeaders::default(),
            trailers: None,
            url,
            method: None,
            request_headers: None,
            redirected: false,
            exchange: ExchangeInfo::Unknown,
            history: Vec::new(),
            times: None,
            body_limit: DEFAULT_BODY_LIMIT,
            body: body.into(),
            attempts: Vec::new(),
            http_extensions: None,
        }))
    }

    /// Returns a builder of a response from `url`. For your own backends and mocks.
    ///
    /// A bad URL becomes the error of [`ResponseBuilder::body`].
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Response};
    ///
    /// let backend = MockBackend::new(|request| {
    ///     let response = Response::builder(StatusCode::OK, request.url()).header("etag", "\"1\"").body("hello");
    ///     Box::pin(async move { response })
    /// });
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(backend).build()?;
    /// assert_eq!(client.get("http://example.com/").await?.headers()["etag"], "\"1\"");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn builder(status: StatusCode, url: impl TryInto<Url, Error: Into<Error>>) -> ResponseBuilder {
        ResponseBuilder::new(status, url)
    }

    pub(crate) fn set_history(&mut self, history: Vec<RedirectEntry>) {
        self.0.redirected = !history.is_empty();
        self.0.history = history;
    }

    /// Returns whether the whole body came with the head.
    pub(crate) fn has_complete_body(&self) -> bool {
        self.0.body.is_complete()
    }

    /// Returns the length in bytes of the unread rest of the body, as far as the body itself tells it.
    pub(crate) fn body_length(&self) -> Option<u64> {
        self.0.body.length()
    }

    /// Returns whether there is a header of this name. Unlike [`headers`](Self::headers) it needs no map of them.
    pub(crate) fn has_header(&self, name: &HeaderName) -> bool {
        self.0.headers.contains(name)
    }

    pub(crate) fn set_times(&mut self, times: CallTimes) {
        self.0.times = Some(times);
    }

    /// Returns the same response with the body that `change` makes of its body.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::{Body, Response};
    ///
    /// let response = Response::builder(StatusCode::OK, "http://example.com/").body("secret")?;
    /// let response = response.map_body(|_| Body::empty());
    /// assert_eq!(response.content_length(), Some(0));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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

    /// Returns the attempts made, the last included. Empty if the request had no [`Retry`](crate::Retry).
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Returns the status.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::NOT_FOUND, "http://example.com/").body("")?;
    /// assert!(response.status().is_client_error());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Returns the phrase after the status: the server's own, or else the standard phrase. A program should not depend
    /// on it.
    ///
    /// A phrase with characters beyond ASCII is not kept. HTTP/2, which a browser may speak, has no phrase.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::OK, "http://example.com/").body("")?;
    /// assert_eq!(response.reason(), Some("OK"));
    /// let response = Response::builder(StatusCode::OK, "http://example.com/").reason("Fine").body("")?;
    /// assert_eq!(response.reason(), Some("Fine"));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref().or_else(|| self.0.status.canonical_reason())
    }

    /// Returns the version of HTTP that the server spoke.
    ///
    /// # Platform
    /// A browser does not show the version: there it is always 1.1.
    pub fn version(&self) -> Version {
        self.0.version
    }

    /// Returns the headers.
    ///
    /// # Platform
    /// A browser shows the headers that CORS exposes.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let builder = Response::builder(StatusCode::OK, "http://example.com/");
    /// let response = builder.header("content-type", "text/plain").body("hello")?;
    /// assert_eq!(response.headers()["content-type"], "text/plain");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        self.0.headers.map()
    }

    /// Returns the headers, for changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let mut response = Response::builder(StatusCode::OK, "http://example.com/").header("age", "7").body("")?;
    /// response.headers_mut().remove("age");
    /// assert!(response.headers().is_empty());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.headers.map_mut()
    }

    /// Returns the header fields after the body. `None` until the body has been read to its end, and if there are no
    /// such fields.
    ///
    /// They describe the body that the server has just sent. They are not mixed with [`headers`](Self::headers).
    ///
    /// # Platform
    /// A browser does not show trailers: there it is always `None`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nchecksum: abc\r\n\r\n";
    /// let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(Agent::new(connector, ManualTimer::new())).build()?;
    /// let mut response = client.get("http://example.com/").await?;
    /// while response.chunk().await?.is_some() {}
    /// assert_eq!(response.trailers().unwrap()["checksum"], "abc");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.0.trailers.as_ref()?.get()
    }

    /// Returns a handle of the trailers that outlives the response. Take it before the body is read with
    /// [`bytes`](Self::bytes) or taken with [`into_body`](Self::into_body). It stays empty if there are no trailers.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, StatusCode};
    /// use waterspout::{Response, Trailers};
    ///
    /// let cell = Trailers::new();
    /// let builder = Response::builder(StatusCode::OK, "http://example.com/");
    /// let response = builder.trailers(cell.clone()).body("hello")?;
    /// let trailers = response.trailers_handle();
    /// drop(response);
    /// cell.set(HeaderMap::new());
    /// assert!(trailers.get().is_some());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn trailers_handle(&self) -> Trailers {
        self.0.trailers.clone().unwrap_or_default()
    }

    /// Returns the URL that answered, after redirects.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::OK, "http://example.com/a/..").body("")?;
    /// assert_eq!(response.url().as_str(), "http://example.com/");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Returns whether this response was reached through a redirect.
    pub fn redirected(&self) -> bool {
        self.0.redirected
    }

    /// Returns the redirects that led to this response, in the order they were followed.
    ///
    /// # Platform
    /// A browser does not show redirects: there it is empty even if [`redirected`](Self::redirected) is `true`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// let redirect = "HTTP/1.1 302 Found\r\nlocation: /new\r\ncontent-length: 0\r\n\r\n";
    /// let page = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// let script = Script::new().expect_head().send(redirect).expect_head().send(page);
    /// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
    /// # futures::executor::block_on(async {
    /// let response = Client::builder().backend(agent).build()?.get("http://example.com/old").await?;
    /// assert_eq!(response.url().path(), "/new");
    /// assert_eq!(response.history()[0].url.path(), "/old");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn history(&self) -> &[RedirectEntry] {
        &self.0.history
    }

    /// Returns facts about the connection of the last exchange, and how long its parts took.
    ///
    /// # Platform
    /// A browser shows none of it.
    pub fn connection_info(&self) -> ConnectionInfo {
        self.0.exchange.facts()
    }

    /// Returns the durations of the request's parts, as far as they are known by now. `total` is known once the body
    /// has been read.
    ///
    /// # Platform
    /// In a browser only `queue`, which this library measures, and `total` are known.
    pub fn timings(&self) -> Timings {
        let times = self.0.times.as_ref();
        let ConnectionInfo { dns, connect, tls, first_byte, .. } = self.0.exchange.facts();
        let queue = times.and_then(CallTimes::queue);
        let total = times.and_then(CallTimes::total);
        Timings { queue, dns, connect, tls, first_byte, total }
    }
}
