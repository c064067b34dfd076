//! Requests and the builder that makes them.

mod added_headers;
mod builder;
mod call_options;
mod completion;
mod debug;
mod http_request;
mod options;
mod priority;
mod rate_policy;
mod retry_policy;
mod setters;
mod shared_options;

use std::sync::Arc;

use http::header::{AUTHORIZATION, TRAILER};
use http::{HeaderMap, HeaderValue, Method};

pub(crate) use self::added_headers::AddedHeaders;
#[allow(unused_imports, reason = "only a browser calls it through a trait object")]
pub(crate) use self::added_headers::HandleHeaders;
pub use self::builder::RequestBuilder;
pub(crate) use self::call_options::CallOptions;
pub use self::options::{Redirect, RequestOptions};
pub(crate) use self::priority::CallPriority;
pub use self::priority::PriorityHandle;
pub(crate) use self::rate_policy::{RateMeter, RatePolicy};
pub use self::retry_policy::RetryContext;
pub(crate) use self::retry_policy::RetryPolicy;
pub(crate) use self::setters::option_setters;
use self::shared_options::SharedOptions;
use crate::error::{Error, ErrorKind, Result};
use crate::message::authenticate::Authenticate;
use crate::message::body::Body;
use crate::message::trailers::Trailers;
use crate::message::url::Url;
use crate::platform::{BodySupport, HeaderSupport};

/// A request: method, URL, headers, body, and the options that it sets over the client's options.
///
/// # Methods and bodies
///
/// The Fetch standard and RFC 9110, section 8.6, define these rules. They hold on every platform, except for the body of
/// a `GET`:
///
/// | Method | Without a body | With a body |
/// |---|---|---|
/// | `GET` | sent without a `content-length` | sent natively, and refused by the `fetch` of a browser |
/// | `HEAD` | sent without a `content-length` | refused: [`InvalidRequest`](ErrorKind::InvalidRequest) |
/// | `POST`, `PUT`, `PATCH` | sent with `content-length: 0` | sent |
/// | `DELETE`, `OPTIONS`, any other | sent without a `content-length` | sent |
/// | `CONNECT`, `TRACE`, `TRACK` | refused: [`InvalidRequest`](ErrorKind::InvalidRequest) | refused |
///
/// An empty string is a body: `HEAD` with it is refused, and `DELETE` with it has `content-length: 0`. In a browser the
/// engine decides about the `content-length` of a `PATCH` without a body, because the Fetch standard names `POST` and
/// `PUT` alone.
///
/// The body of a `GET` or `DELETE` has no defined meaning (RFC 9110, sections 9.3.1 and 9.3.5). Search services read it;
/// other servers ignore it or refuse the request. In a browser a `GET` with a body is refused with
/// [`InvalidRequest`](ErrorKind::InvalidRequest), as the Fetch standard says. Natively a redirect treats the body of a
/// `GET` as that of a `PUT`: 301, 302, 307 and 308 repeat it, and 303 drops it.
///
/// # Examples
///
/// ```
/// use waterspout::Request;
/// use waterspout::testing::MockBackend;
/// # use waterspout::Client;
///
/// # futures::executor::block_on(async {
/// let mut request = Request::post("http://example.com/notes").body("remember the milk").build()?;
/// request.headers_mut().insert("accept", "text/plain".parse().unwrap());
/// # let client = Client::builder().backend(MockBackend::text("saved")).build()?;
/// assert_eq!(client.fetch(request).await?.text().await?, "saved");
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
pub struct Request(Box<RequestParts>);

// In a box, because a request is moved a dozen times before it is sent.
struct RequestParts {
    method: Method,
    url: Url,
    headers: HeaderMap,
    /// What handles `headers`. Without it there are none.
    header_support: HeaderSupport,
    /// The credentials of the URL, instead of a header `authorization`, as long as no header may have been added.
    url_credentials: Option<Box<HeaderValue>>,
    body: Body,
    /// What the platform needs to send `body`.
    body_support: BodySupport,
    trailers: Option<Trailers>,
    options: SharedOptions,
    authenticator: Option<Arc<dyn Authenticate>>,
}

macro_rules! method_constructors {
    ($($name:ident $method:ident),*) => {$(
        #[doc = concat!("Returns a builder of a `", stringify!($method), "` request.")]
        ///
        /// # Errors
        /// A URL that is not valid becomes the error of building or sending the request.
        ///
        /// # Examples
        ///
        /// ```
        /// use waterspout::Request;
        ///
        #[doc = concat!("let request = Request::", stringify!($name), "(\"http://example.com/\").build()?;")]
        #[doc = concat!("assert_eq!(request.method(), \"", stringify!($method), "\");")]
        /// # Ok::<(), waterspout::Error>(())
        /// ```
        pub fn $name(url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder {
            RequestBuilder::new((), Method::$method, url)
        }
    )*};
}

impl Request {
    /// Makes a request without headers, body or options.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::http::Method;
    /// use waterspout::{Request, Url};
    ///
    /// let request = Request::new(Method::OPTIONS, Url::parse("http://example.com/")?);
    /// assert!(request.headers().is_empty() && request.body().is_none());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn new(method: Method, url: Url) -> Self {
        Self(Box::new(RequestParts {
            method,
            url,
            headers: HeaderMap::new(),
            header_support: Default::default(),
            url_credentials: None,
            body: Body::empty(),
            body_support: Default::default(),
            trailers: None,
            options: SharedOptions::default(),
            authenticator: None,
        }))
    }

    method_constructors!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE);

    /// Returns a builder of a request with any method.
    ///
    /// # Errors
    /// A URL that is not valid becomes the error of building or sending the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::http::Method;
    ///
    /// let method = Method::from_bytes(b"PURGE").unwrap();
    /// let request = Request::builder(method, "http://example.com/page").build()?;
    /// assert_eq!(request.method(), "PURGE");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn builder(method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder {
        RequestBuilder::new((), method, url)
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// Returns the method for changing it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::http::Method;
    ///
    /// let mut request = Request::get("http://example.com/").build()?;
    /// *request.method_mut() = Method::HEAD;
    /// assert_eq!(request.method(), Method::HEAD);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.0.method
    }

    /// Returns the URL.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// Returns the URL for changing it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Request, Url};
    ///
    /// let mut request = Request::get("http://example.com/").build()?;
    /// *request.url_mut() = Url::parse("http://example.com/other")?;
    /// assert_eq!(request.url().as_str(), "http://example.com/other");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.0.url
    }

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the headers for changing them.
    ///
    /// Values of `authorization`, `proxy-authorization` and `cookie` are marked sensitive when the request is sent. Debug
    /// output of the request never shows them.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::http::HeaderValue;
    ///
    /// let mut request = Request::get("http://example.com/").build()?;
    /// request.headers_mut().insert("accept", HeaderValue::from_static("text/html"));
    /// assert_eq!(request.headers()["accept"], "text/html");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        self.0.header_support.link();
        if let Some(authorization) = self.0.url_credentials.take() {
            self.0.headers.append(AUTHORIZATION, *authorization);
        }
        &mut self.0.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// Returns the body for reading or replacing it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let mut request = Request::put("http://example.com/").build()?;
    /// *request.body_mut() = "hello".into();
    /// assert_eq!(request.body().length(), Some(5));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn body_mut(&mut self) -> &mut Body {
        self.0.body_support.link();
        &mut self.0.body
    }

    /// Returns the header fields that follow the body.
    pub fn trailers(&self) -> Option<&Trailers> {
        self.0.trailers.as_ref()
    }

    /// Returns the header fields that follow `body`, which is the body of this request: its own, or the fields that came
    /// with `body`.
    pub(crate) fn trailers_after<'a>(&'a self, body: &'a Body) -> Option<&'a Trailers> {
        // A known length leaves no room for trailers in HTTP/1.1, and a body that has a length rarely has trailers.
        let is_sent = |trailers: &Trailers| {
            body.length().is_none() || trailers.get().is_some() || self.0.headers.contains_key(TRAILER)
        };
        self.trailers().or_else(|| body.trailers().filter(|trailers| is_sent(trailers)))
    }

    /// Returns the header fields that follow the body, for setting or removing them; see [`RequestBuilder::trailers`].
    pub fn trailers_mut(&mut self) -> &mut Option<Trailers> {
        &mut self.0.trailers
    }

    /// Returns the options. A backend gets them merged over the client's options.
    pub fn options(&self) -> &RequestOptions {
        self.0.options.get()
    }

    /// Returns the options for changing them.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Request;
    ///
    /// let mut request = Request::get("http://example.com/").build()?;
    /// request.options_mut().timeout = Some(Duration::from_secs(30));
    /// assert_eq!(request.options().timeout, Some(Duration::from_secs(30)));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn options_mut(&mut self) -> &mut RequestOptions {
        self.0.options.get_mut()
    }

    /// Takes each option that is `None` from `defaults`. A request that sets no option shares the defaults.
    ///
    /// Returns another handle of the options.
    pub(crate) fn fill_options(&mut self, defaults: &Arc<RequestOptions>) -> Arc<RequestOptions> {
        self.0.options.fill(defaults);
        self.0.options.share()
    }

    /// Returns the authenticator, which answers a server that asks for credentials; see
    /// [`RequestBuilder::authenticator`].
    ///
    /// A custom backend that cannot ask the authenticator should refuse a request that has an authenticator.
    pub fn authenticator(&self) -> Option<&Arc<dyn Authenticate>> {
        self.0.authenticator.as_ref()
    }

    /// Sets or removes the authenticator.
    pub fn set_authenticator(&mut self, authenticator: Option<Arc<dyn Authenticate>>) {
        self.0.authenticator = authenticator;
    }

    /// Returns a copy of the request, or `None` if its body can be read only once.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Body, Request};
    /// use waterspout::Bytes;
    ///
    /// let request = Request::post("http://example.com/").body("hello").build()?;
    /// assert!(request.try_clone().is_some());
    ///
    /// let pieces = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from("hello"))]);
    /// let request = Request::post("http://example.com/").body(Body::stream(pieces)).build()?;
    /// assert!(request.try_clone().is_none());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        let body = self.0.body.try_clone()?;
        // The head is copied only once it is clear that the body can be read again.
        let mut clone = self.clone_head();
        clone.0.body = body;
        Some(clone)
    }

    /// Returns a copy of the request without its body.
    pub(crate) fn clone_head(&self) -> Self {
        Self(Box::new(RequestParts {
            method: self.0.method.clone(),
            url: self.0.url.clone(),
            headers: self.0.headers.clone(),
            header_support: self.0.header_support,
            url_credentials: self.0.url_credentials.clone(),
            body: Body::empty(),
            body_support: self.0.body_support,
            trailers: self.0.trailers.clone(),
            options: self.0.options.clone(),
            authenticator: self.0.authenticator.clone(),
        }))
    }

    /// Refuses requests that no platform may send.
    pub(crate) fn validate(&self) -> Result<()> {
        if let Some(support) = self.0.header_support.get().filter(|_| !self.0.headers.is_empty()) {
            if let Err(reason) = support.validate(&self.0.headers) {
                return self.refuse(reason);
            }
        }
        if self.0.trailers.is_some() && self.0.body.is_none() {
            return self.refuse("trailers need a body before them, and the request has no body".to_owned());
        }
        // The Fetch standard forbids these methods, so no browser sends them.
        let is_forbidden =
            |method: &str| ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden));
        let method = self.0.method.as_str();
        if self.0.method != Method::GET && is_forbidden(method) {
            return self.refuse(["the method ", method, " cannot be used by a client"].concat());
        }
        // The content of a HEAD has no defined meaning, and no service is known that reads it (RFC 9110, section
        // 9.3.2). A GET may have a body natively, because search services read it. A browser's backend refuses it.
        if self.0.method == Method::HEAD && !self.0.body.is_none() {
            return self.refuse("a HEAD request cannot have a body".to_owned());
        }
        Ok(())
    }

    /// Returns the error of a request that no platform may send.
    fn refuse(&self, reason: String) -> Result<()> {
        Err(Error::request(ErrorKind::InvalidRequest, reason).with_url(&self.0.url))
    }
}
