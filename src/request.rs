//! Requests, the builder that makes them, and the options that a request can set over its client's.

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use crate::auth::Authenticate;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Result, Source};
use crate::progress::Progress;
use crate::url::Url;

/// What to do with a redirect; the names are the Fetch standard's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// Go where it says, 20 times at most.
    #[default]
    Follow,
    /// Fail with [`ErrorKind::Redirect`]; in a browser, which does not say why, with [`ErrorKind::Network`].
    Error,
    /// Return the redirect as the response that it is; `location` says where it points.
    ///
    /// # Platform
    /// A browser does not show redirects to a page: there such a response is an error of kind
    /// [`ErrorKind::Unsupported`].
    Manual,
}

/// Every setting that a request can have of its own; what is `None` is taken from the client.
///
/// A time limit of zero means none.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// The longest wait for a slot. Client default: none.
    pub queue_timeout: Option<Duration>,
    /// The longest time to look up and connect to the server. Client default: 20 s.
    ///
    /// # Platform
    /// A browser does not show its connections: there this time is part of `head_timeout`.
    pub connect_timeout: Option<Duration>,
    /// The longest silence between starting an attempt and the response's head. Client default: 20 s.
    ///
    /// Connecting has its own limit and does not count. While the request's body is on its way, each piece that leaves
    /// starts the time again.
    ///
    /// # Platform
    /// A browser does not show its connections, nor how far an upload is: there this time includes connecting, and a
    /// body adds a second for each 32 KiB.
    pub head_timeout: Option<Duration>,
    /// The longest silence between two pieces of the response's body. Client default: 20 s.
    pub idle_timeout: Option<Duration>,
    /// The longest time from the call to the end of the response's body. Client default: none.
    pub timeout: Option<Duration>,
    /// The most bytes that `bytes`, `text` and `json` collect. Client default: 100 MiB.
    ///
    /// Reading chunk by chunk is not limited.
    pub body_limit: Option<u64>,
    /// What to do with a redirect. Client default: follow it.
    pub redirect: Option<Redirect>,
}

impl RequestOptions {
    /// These options, and `defaults` where they say nothing.
    pub fn over(self, defaults: &Self) -> Self {
        Self {
            queue_timeout: self.queue_timeout.or(defaults.queue_timeout),
            connect_timeout: self.connect_timeout.or(defaults.connect_timeout),
            head_timeout: self.head_timeout.or(defaults.head_timeout),
            idle_timeout: self.idle_timeout.or(defaults.idle_timeout),
            timeout: self.timeout.or(defaults.timeout),
            body_limit: self.body_limit.or(defaults.body_limit),
            redirect: self.redirect.or(defaults.redirect),
        }
    }
}

/// The setters of [`RequestOptions`], for the client's builder and the request's alike.
macro_rules! option_setters {
    () => {
        /// Sets the longest time from the call to the end of the response's body; zero means none.
        pub fn timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.timeout = Some(limit))
        }

        /// Sets the longest wait for a slot; zero means none.
        pub fn queue_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.queue_timeout = Some(limit))
        }

        /// Sets the longest time to look up and connect to the server; zero means none.
        ///
        /// # Platform
        /// A browser does not show its connections: there this time is part of `head_timeout`.
        pub fn connect_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.connect_timeout = Some(limit))
        }

        /// Sets the longest silence between starting an attempt and the response's head; zero means none.
        ///
        /// Connecting has its own limit and does not count. While the request's body is on its way, each piece that
        /// leaves starts the time again.
        ///
        /// # Platform
        /// A browser does not show its connections, nor how far an upload is: there this time includes connecting, and
        /// a body adds a second for each 32 KiB.
        pub fn head_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.head_timeout = Some(limit))
        }

        /// Sets the longest silence between two pieces of the response's body; zero means none.
        pub fn idle_timeout(self, limit: std::time::Duration) -> Self {
            self.with_options(|options| options.idle_timeout = Some(limit))
        }

        /// Sets the most bytes that `bytes`, `text` and `json` collect.
        pub fn body_limit(self, bytes: u64) -> Self {
            self.with_options(|options| options.body_limit = Some(bytes))
        }

        /// Sets what to do with a redirect.
        pub fn redirect(self, redirect: crate::request::Redirect) -> Self {
            self.with_options(|options| options.redirect = Some(redirect))
        }
    };
}
pub(crate) use option_setters;

/// A request: method, URL, headers, body, and the options it sets over its client's.
#[derive(Debug)]
pub struct Request {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Body,
    options: RequestOptions,
    authenticator: Option<Arc<dyn Authenticate>>,
    progress: Progress,
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
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Body::empty(),
            options: RequestOptions::default(),
            authenticator: None,
            progress: Progress::default(),
        }
    }

    method_constructors!(get GET, head HEAD, post POST, put PUT, patch PATCH, delete DELETE);

    /// A builder of a request with any method.
    pub fn builder(method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> RequestBuilder {
        RequestBuilder::new((), method, url)
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The method, to be changed.
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.method
    }

    /// The URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL, to be changed.
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.url
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The headers, to be changed.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The body.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The body, to be read or replaced.
    pub fn body_mut(&mut self) -> &mut Body {
        &mut self.body
    }

    /// The options; in a backend, already merged over the client's.
    pub fn options(&self) -> &RequestOptions {
        &self.options
    }

    /// The options, to be changed.
    pub fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.options
    }

    /// Who answers if the server asks for credentials; see [`RequestBuilder::authenticator`].
    ///
    /// A backend of your own that cannot ask it should refuse a request that has one.
    pub fn authenticator(&self) -> Option<&Arc<dyn Authenticate>> {
        self.authenticator.as_ref()
    }

    /// Sets who answers if the server asks for credentials.
    pub fn set_authenticator(&mut self, authenticator: Option<Arc<dyn Authenticate>>) {
        self.authenticator = authenticator;
    }

    /// Where a backend tells how far it is, so that a slow upload is not taken for silence.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The same request again, or `None` if its body can be read only once.
    pub fn try_clone(&self) -> Option<Self> {
        let body = self.body.try_clone()?;
        Some(Self { body, ..self.clone_head() })
    }

    /// The same request without its body.
    pub(crate) fn clone_head(&self) -> Self {
        Self {
            method: self.method.clone(),
            url: self.url.clone(),
            headers: self.headers.clone(),
            body: Body::empty(),
            options: self.options.clone(),
            authenticator: self.authenticator.clone(),
            progress: Progress::default(),
        }
    }

    /// Refuses what no platform may send.
    pub(crate) fn validate(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::request(ErrorKind::InvalidRequest, reason).with_url(&self.url));
        if let Some(name) = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().find(|name| self.headers.contains_key(*name)) {
            return refuse(format!("the header {name:?} is derived from the body; set the body's length instead"));
        }
        let method = self.method.as_str();
        if ["CONNECT", "TRACE", "TRACK"].iter().any(|forbidden| method.eq_ignore_ascii_case(forbidden)) {
            return refuse(format!("the method {} is not one a client may fetch with", self.method));
        }
        if self.headers.get_all(HOST).iter().count() > 1 {
            return refuse("there is more than one `host` header".to_owned());
        }
        if [Method::GET, Method::HEAD].contains(&self.method) && !self.body.is_none() {
            return refuse(format!("a {} request has no body", self.method));
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

    fn with_options(self, change: impl FnOnce(&mut RequestOptions)) -> Self {
        self.edit(|request| {
            change(&mut request.options);
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
            request.headers.append(name, value);
            Ok(())
        })
    }

    /// Adds all of `headers`; they replace those of the same name.
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.edit(|request| {
            request.headers.extend(headers);
            Ok(())
        })
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.edit(|request| {
            request.body = body.into();
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
