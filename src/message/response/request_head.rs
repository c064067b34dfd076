//! What a response knows of the request that it answers: the method and the headers of the last request.

use std::fmt;
use std::sync::OnceLock;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method};

use super::{Response, ResponseBuilder, ResponseParts};
use crate::message::credentials::mark_sensitive;
use crate::message::default_fields::DefaultFields;
use crate::message::request::Request;

impl<B> ResponseParts<B> {
    pub(crate) fn method(&self) -> Option<&Method> {
        self.method.as_ref()
    }

    pub(crate) fn request_headers(&self) -> Option<&HeaderMap> {
        self.request_headers.as_ref().map(RequestHeaders::map)
    }
}

impl Response {
    /// Returns the method of the request that this response answers. After a redirect it is the method of the last
    /// request: `GET` after a 303 that answered a `POST`.
    ///
    /// [`url`](Self::url) is the URL of the same request. Tornado has both in `HTTPResponse.request` and
    /// `effective_url`.
    ///
    /// # Platform
    /// A browser does not show redirects. After a redirect the method is known there if the request was a `GET` or
    /// `HEAD`, and `None` otherwise: a page cannot tell a 303 from a 307. It is also `None` in a response that no
    /// client has returned, unless [`ResponseBuilder::method`] has set it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client};
    ///
    /// let redirect = "HTTP/1.1 303 See Other\r\nlocation: /done\r\ncontent-length: 0\r\n\r\n";
    /// let page = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    /// let script = Script::new().expect_head().send(redirect).expect_head().send(page);
    /// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(agent).build()?;
    /// let response = client.post("http://example.com/form").body("data").await?;
    /// assert_eq!(response.method().unwrap(), "GET");
    /// assert_eq!(response.url().path(), "/done");
    /// // The type of the body has left the request together with the body.
    /// assert!(!response.request_headers().unwrap().contains_key("content-type"));
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn method(&self) -> Option<&Method> {
        self.0.method()
    }

    /// Returns the headers of the last request, as they were sent: with the client's default headers, the stored
    /// cookies and the answer to a challenge, and without the headers that a redirect removes.
    ///
    /// Credentials are marked sensitive, and so is each value that the caller has marked. The headers that belong to a
    /// connection are not among them: `host` unless the caller set it, `content-length`, `transfer-encoding`, `expect`,
    /// and the proxy's credentials.
    ///
    /// # Platform
    /// A browser shows neither the headers that it adds nor a redirect. There these are the headers given to the
    /// engine. They are `None` after a redirect, because the engine may have removed some. They are also `None` if a
    /// custom backend does not set them with [`ResponseBuilder::request_headers`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.get("http://example.com/").header("accept", "text/html").bearer_auth("secret").await?;
    /// let headers = response.request_headers().unwrap();
    /// assert_eq!(headers["accept"], "text/html");
    /// assert!(headers["authorization"].is_sensitive());
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn request_headers(&self) -> Option<&HeaderMap> {
        self.0.request_headers()
    }

    /// Records the last request, and the default headers that were sent with it. The request's head is moved: a copy
    /// of the headers would cost allocations for each request.
    pub(crate) fn set_request(&mut self, request: &mut Request, defaults: Option<&'static DefaultFields>) {
        self.0.method = Some(std::mem::take(request.method_mut()));
        let (headers, url_credentials) = request.take_headers();
        self.0.request_headers = Some(RequestHeaders { headers, url_credentials, defaults, all: OnceLock::new() });
    }

    /// Records the method of the caller's request, if the backend has not recorded the last request. After a redirect
    /// the last request may have had another method.
    pub(crate) fn set_default_method(&mut self, method: Method) {
        if self.0.method.is_none() && (!self.0.redirected || survives_redirects(&method)) {
            self.0.method = Some(method);
        }
    }
}

impl ResponseBuilder {
    /// Sets the method of the request that the response answers. Default: the method of the request that the client was
    /// given.
    pub fn method(mut self, method: Method) -> Self {
        if let Ok(response) = &mut self.0 {
            response.0.method = Some(method);
        }
        self
    }

    /// Sets the headers of the request that the response answers, as they were sent.
    pub fn request_headers(mut self, headers: HeaderMap) -> Self {
        if let Ok(response) = &mut self.0 {
            let all = OnceLock::new();
            response.0.request_headers = Some(RequestHeaders { headers, url_credentials: None, defaults: None, all });
        }
        self
    }
}

/// The headers of a request that was sent.
pub(super) struct RequestHeaders {
    /// The headers without the default headers.
    headers: HeaderMap,
    /// The credentials of the URL, if they are not in `headers`.
    url_credentials: Option<Box<HeaderValue>>,
    /// The default headers. A default header was sent if `headers` has no header of its name.
    defaults: Option<&'static DefaultFields>,
    /// The headers with the default headers and the credentials, filled on first access.
    all: OnceLock<Box<HeaderMap>>,
}

impl RequestHeaders {
    fn map(&self) -> &HeaderMap {
        if self.defaults.is_none() && self.url_credentials.is_none() {
            return &self.headers;
        }
        self.all.get_or_init(|| {
            let mut all = self.defaults.map_or_else(|| self.headers.clone(), |defaults| defaults.with(&self.headers));
            if let Some(authorization) = &self.url_credentials {
                all.append(AUTHORIZATION, (**authorization).clone());
            }
            Box::new(all)
        })
    }
}

/// Hides the values of headers with credentials, also if no client has marked them.
impl fmt::Debug for RequestHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headers = self.map().clone();
        mark_sensitive(&mut headers);
        headers.fmt(f)
    }
}

/// Returns whether every redirect keeps the method (Fetch standard, "HTTP-redirect fetch").
fn survives_redirects(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}
