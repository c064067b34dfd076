//! Requests and the builder that makes them.

mod options;
mod priority;
mod retry_policy;

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

pub(crate) use self::options::option_setters;
pub use self::options::{Redirect, RequestOptions};
pub use self::priority::PriorityHandle;
pub use self::retry_policy::RetryContext;
pub(crate) use self::retry_policy::RetryPolicy;
use crate::error::{Attempt, Error, ErrorKind, Result, Source};
use crate::message::authenticate::Authenticate;
use crate::message::body::Body;
use crate::message::progress::{Progress, TransferProgress, Watcher};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// A request: method, URL, headers, body, and the options it sets over its client's.
#[derive(Debug)]
pub struct Request(Box<Parts>);

/// In a box: a request changes hands a dozen times before it is sent.
#[derive(Debug)]
struct Parts {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    trailers: Option<Trailers>,
    options: RequestOptions,
    authenticator: Option<Arc<dyn Authenticate>>,
    on_download: Option<Watcher>,
    on_upload: Option<Watcher>,
    priority: Option<PriorityHandle>,
    progress: Progress,
    attempts: Vec<Attempt>,
}

macro_rules! method_constructors {
    ($($name:ident $method:ident),*) => {$(
        #[doc = concat!("A builder of a `", stringify!($method), "` request. A bad URL is the error of building or sending it.")]
        pub fn $name(url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder {
            RequestBuilder::new((), Method::$method, url)
        }
    )*};
}

impl Request {
    /// A request without headers, body or options.
    pub fn new(method: Method, url: Url) -> Self {
        Self(Box::new(Parts {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::empty(),
            trailers: None,
            options: RequestOptions::default(),
            authenticator: None,
            on_download: None,
            on_upload: None,
            priority: None,
            progress: Progress::default(),
            attempts: Vec::new(),
        }))
    }

    method_constructors!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE);

    /// A builder of a request with any method.
    pub fn builder(method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder {
        RequestBuilder::new((), method, url)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The method, to be changed.
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.0.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.0.url
    }

    /// The URL, to be changed.
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.0.url
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.0.headers
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.0.body
    }

    /// The body, to be read or replaced.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.0.body
    }

    /// The header fields that will follow the body.
    pub fn trailers(&self) -> Option<&Trailers> {
        self.0.trailers.as_ref()
    }

    /// The header fields that will follow the body, to be set or removed; see [`RequestBuilder::trailers`].
    pub fn trailers_mut(&mut self) -> &mut Option<Trailers> {
        &mut self.0.trailers
    }

    /// The options; in a backend, already merged over the client's.
    pub fn options(&self) -> &RequestOptions {
        &self.0.options
    }

    /// The options, to be changed.
    pub fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.0.options
    }

    /// Who answers if the server asks for credentials; see [`RequestBuilder::authenticator`].
    ///
    /// A backend of your own that cannot ask it should refuse a request that has one.
    pub fn authenticator(&self) -> Option<&Arc<dyn Authenticate>> {
        self.0.authenticator.as_ref()
    }

    /// Sets who answers if the server asks for credentials.
    pub fn set_authenticator(&mut self, authenticator: Option<Arc<dyn Authenticate>>) {
        self.0.authenticator = authenticator;
    }

    /// What changes the request's priority while it waits; see [`RequestBuilder::priority_handle`].
    pub fn priority_handle(&self) -> Option<&PriorityHandle> {
        self.0.priority.as_ref()
    }

    /// Where a backend tells how far it is, so that a slow upload is not taken for silence.
    pub fn progress(&self) -> &Progress {
        &self.0.progress
    }

    /// Who is told how far the download is.
    pub(crate) fn on_download(&self) -> Option<&Watcher> {
        self.0.on_download.as_ref()
    }

    pub(crate) fn set_progress(&mut self, progress: Progress) {
        self.0.progress = progress;
    }

    /// In a backend or a [`Middleware`](crate::Middleware): the attempts made before this one.
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    pub(crate) fn set_attempts(&mut self, attempts: Vec<Attempt>) {
        self.0.attempts = attempts;
    }

    /// The same request again, or `None` if its body can be read only once.
    pub fn try_clone(&self) -> Option<Self> {
        let body = self.0.body.try_clone()?;
        let mut clone = self.clone_head();
        clone.0.body = body;
        Some(clone)
    }

    /// The same request without its body.
    pub(crate) fn clone_head(&self) -> Self {
        Self(Box::new(Parts {
            method: self.0.method.clone(),
            url: self.0.url.clone(),
            headers: self.0.headers.clone(),
            body: Body::empty(),
            trailers: self.0.trailers.clone(),
            options: self.0.options.clone(),
            authenticator: self.0.authenticator.clone(),
            priority: self.0.priority.clone(),
            on_download: self.0.on_download.clone(),
            on_upload: self.0.on_upload.clone(),
            progress: Progress::watched(self.0.on_upload.clone()),
            attempts: self.0.attempts.clone(),
        }))
    }

    /// Refuses what no platform may send.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::request(ErrorKind::InvalidRequest, reason).with_url(&self.0.url));
        if let Some(name) = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().find(|name| self.0.headers.contains_key(*name)) {
            return refuse(format!(
                "the header \"{name}\" is derived from the body; set the body's length instead",
                name = name.as_str()
            ));
        }
        if self.0.headers.contains_key(EXPECT) {
            return refuse("the header \"expect\" is set by the option `expect_continue`".to_owned());
        }
        if self.0.trailers.is_some() && self.0.body.is_none() {
            return refuse("trailers come after a body, and there is none".to_owned());
        }
        let method = self.0.method.as_str();
        if ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden)) {
            return refuse(format!("the method {} is not one a client may fetch with", self.0.method));
        }
        if self.0.headers.get_all(HOST).iter().count() > 1 {
            return refuse("there is more than one `host` header".to_owned());
        }
        if [Method::GET, Method::HEAD].contains(&self.0.method) && !self.0.body.is_none() {
            return refuse(format!("a {} request has no body", self.0.method));
        }
        Ok(())
    }
}

/// Builds a [`Request`]; of a client, also sends it.
///
/// The first mistake, a bad URL say, is kept and becomes the error of [`build`](Self::build), or of the `await`.
#[must_use = "a request does nothing until it is sent"]
#[derive(Debug)]
pub struct RequestBuilder<C = ()> {
    client: C,
    request: Result<Request>,
}

impl<C> RequestBuilder<C> {
    pub(crate) fn new(client: C, method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> Self {
        let request = url.try_into().map_err(Into::into).map(|url| Request::new(method, url));
        Self { client, request }
    }

    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        self.request = self.request.and_then(|mut request| change(&mut request).map(|()| request));
        self
    }

    pub(crate) fn with_options(self, change: impl FnOnce(&mut RequestOptions)) -> Self {
        self.edit(|request| {
            change(&mut request.0.options);
            Ok(())
        })
    }

    option_setters!();

    /// Adds a header; one of the same name stays.
    ///
    /// A value that a header of the name `authorization`, `proxy-authorization` or `cookie` carries is marked
    /// sensitive: debug output hides it, and natively no redirect takes it to another origin. A value of your own, an
    /// API key say, is treated so if you mark it, by [`HeaderValue::set_sensitive`].
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a name that is not a token or a value with a
    /// control character, line breaks among them (RFC 9110, section 5.5).
    pub fn header<N, V>(self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: Into<Source>>,
        V: TryInto<HeaderValue, Error: Into<Source>>,
    {
        self.edit(|request| {
            let name = name.try_into().map_err(|error| {
                Error::request(ErrorKind::InvalidRequest, "a header's name is not a token").with_source(error)
            })?;
            let mut value: HeaderValue = value.try_into().map_err(|error| {
                let message = format!("the value of the header {name} has a character that is not allowed");
                Error::request(ErrorKind::InvalidRequest, message).with_source(error)
            })?;
            if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(&name) {
                value.set_sensitive(true);
            }
            request.0.headers.append(name, value);
            Ok(())
        })
    }

    /// Adds all of `headers`; they replace those of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.edit(|request| {
            request.0.headers.extend(headers);
            Ok(())
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.edit(|request| {
            request.0.body = body.into();
            Ok(())
        })
    }

    /// Sets the header fields that follow the body, which is then sent chunked.
    ///
    /// The cell may be filled while the body is being read, with a checksum say; it is looked into at the body's end.
    /// Whoever should not be surprised by them can be told by a `trailer` header.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a request without a body, and for fields that must
    /// be known before it, such as `content-type`.
    ///
    /// # Platform
    /// A browser cannot send them: there the request fails with [`Unsupported`](ErrorKind::Unsupported).
    pub fn trailers(self, trailers: impl Into<Trailers>) -> Self {
        self.edit(|request| {
            request.0.trailers = Some(trailers.into());
            Ok(())
        })
    }

    /// Has `tell` called for each piece of the response's body that is read, with the bytes so far, after decoding, and
    /// the length if the server says one.
    ///
    /// It is called while the body is being read, so it should be quick.
    ///
    /// # Platform
    /// A page is not told whether the body of another origin was compressed; the length is then the compressed one, until more
    /// bytes have come.
    pub fn on_download(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.edit(|request| {
            request.0.on_download = Some(Watcher::new(tell));
            Ok(())
        })
    }

    /// Has `tell` called for each piece of the request's body that leaves, with the bytes so far and the body's length
    /// if it is known. A redirect or another attempt that sends the body again begins at zero.
    ///
    /// It is called while the body is being sent, so it should be quick.
    ///
    /// # Platform
    /// A browser does not show how far an upload is: there it is called once, when the response's head is here; of a body
    /// that is streamed (`FetchInit::stream_upload`), for each piece that the engine takes.
    pub fn on_upload(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.edit(|request| {
            request.0.on_upload = Some(Watcher::new(tell));
            request.0.progress = Progress::watched(request.0.on_upload.clone());
            Ok(())
        })
    }

    /// Sets what can change the request's priority while it waits for a slot. What the handle says goes before the
    /// option `priority`.
    pub fn priority_handle(self, handle: &PriorityHandle) -> Self {
        self.edit(|request| {
            request.0.priority = Some(handle.clone());
            Ok(())
        })
    }

    /// Sets all options at once.
    pub fn options(self, options: RequestOptions) -> Self {
        self.with_options(|slot| *slot = options)
    }

    /// The request.
    ///
    /// # Errors
    /// The first mistake made while building.
    pub fn build(self) -> Result<Request> {
        self.request
    }

    pub(crate) fn into_parts(self) -> (C, Result<Request>) {
        (self.client, self.request)
    }
}

impl TryFrom<RequestBuilder> for Request {
    type Error = Error;

    fn try_from(builder: RequestBuilder) -> Result<Self> {
        builder.build()
    }
}
