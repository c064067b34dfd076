//! The builder of requests.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{CallOptions, Request, RequestOptions, option_setters};
use crate::error::{Error, ErrorKind, Result, Source};
use crate::message::body::Body;
use crate::message::credentials::{is_credential, mark_sensitive};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// Builds a [`Request`]. A builder that a client has made also sends it.
///
/// The first mistake, such as a URL that is not valid, is kept. It becomes the error of [`build`](Self::build), or of
/// sending the request.
///
/// Callbacks and a priority handle belong to a call and not to a request. So only a client's builder has their setters.
///
/// # Examples
///
/// ```
/// use waterspout::{ErrorKind, Request};
///
/// let error = Request::get("http://example.com/").header("not a token", "").build().unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidRequest);
/// ```
#[must_use = "a request does nothing until it is sent"]
pub struct RequestBuilder<C = ()> {
    client: C,
    pub(super) request: Result<Request>,
    /// Only a builder of a client sets them.
    pub(super) call_options: CallOptions,
}

impl<C> RequestBuilder<C> {
    pub(crate) fn new(client: C, method: Method, url: impl TryInto<Url, Error: Into<Error>>) -> Self {
        let request = url.try_into().map_err(Into::into).map(|url| Request::new(method, url));
        Self { client, request, call_options: CallOptions::default() }
    }

    pub(crate) fn edit(mut self, change: impl FnOnce(&mut Request) -> Result<()>) -> Self {
        self.request = self.request.and_then(|mut request| change(&mut request).map(|()| request));
        self
    }

    pub(crate) fn with_options(self, change: impl FnOnce(&mut RequestOptions)) -> Self {
        self.edit(|request| {
            change(request.options_mut());
            Ok(())
        })
    }

    pub(crate) fn with_call_options(mut self, change: impl FnOnce(&mut CallOptions)) -> Self {
        change(&mut self.call_options);
        self
    }

    option_setters!();

    /// Adds a header; headers of the same name stay.
    ///
    /// A value is a sequence of bytes. Any byte is accepted except the control characters (0x00 to 0x1F, and 0x7F); a
    /// tab is accepted too. Each byte is sent as it is. A `&str` or a `String` with characters beyond ASCII becomes its
    /// bytes in UTF-8. For other bytes, such as ISO-8859-1, give a `Vec<u8>`, a `&[u8]` or a [`HeaderValue`].
    ///
    /// The values of `authorization`, `proxy-authorization` and `cookie` are marked sensitive: debug output hides them,
    /// and natively no redirect takes them to another origin. To treat another value so, such as an API key, mark it with
    /// [`HeaderValue::set_sensitive`].
    ///
    /// # Errors
    /// On building or sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a name that is not a token, or a value
    /// with a control character such as a line break (RFC 9110, section 5.5).
    ///
    /// # Platform
    /// In JavaScript a value is a `ByteString`: each character up to U+00FF stands for a byte, and `fetch` refuses
    /// other characters. The bytes of a value are given to the engine in this form, and the headers of a response are
    /// read in this form, so each byte from 0x80 to 0xFF arrives as it was sent. WebKit on libsoup and workerd convert
    /// values to UTF-8 themselves.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::get("http://example.com/").header("accept", "text/html").build()?;
    /// assert_eq!(request.headers()["accept"], "text/html");
    ///
    /// let request = Request::get("http://example.com/").header("x-utf-8", "\u{e9}").header("x-latin-1", vec![0xe9]);
    /// let request = request.build()?;
    /// assert_eq!(request.headers()["x-utf-8"].as_bytes(), [0xc3, 0xa9]);
    /// assert_eq!(request.headers()["x-latin-1"].as_bytes(), [0xe9]);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
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
            // Only this value: a look at all headers for each header would be quadratic.
            if is_credential(&name) {
                value.set_sensitive(true);
            }
            request.headers_mut().append(name, value);
            Ok(())
        })
    }

    /// Adds all of `headers`; they replace headers of the same name. Credentials are marked sensitive as by
    /// [`header`](Self::header).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    /// use waterspout::http::{HeaderMap, HeaderValue};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("accept", HeaderValue::from_static("text/plain"));
    /// let request = Request::get("http://example.com/").header("accept", "text/html").headers(headers).build()?;
    /// assert_eq!(request.headers()["accept"], "text/plain");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn headers(self, headers: HeaderMap) -> Self {
        self.edit(|request| {
            request.headers_mut().extend(headers);
            mark_sensitive(request.headers_mut());
            Ok(())
        })
    }

    /// Sets the body.
    ///
    /// The `content-length` and the `transfer-encoding` come from the body. A string is sent with the `content-type`
    /// `text/plain;charset=UTF-8`, unless the request has a `content-type`; see [`Body`]. [`Request`] says which
    /// methods may have a body, and what a redirect does with it.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a `HEAD`, also if the body has no bytes.
    ///
    /// # Platform
    /// In a browser a `GET` with a body is the same error, because the Fetch standard forbids it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::post("http://example.com/").body("hello").build()?;
    /// assert_eq!(request.body().length(), Some(5));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.edit(|request| {
            *request.body_mut() = body.into();
            Ok(())
        })
    }

    /// Sets the header fields that follow the body, which is then sent chunked.
    ///
    /// The cell may be filled while the body is being read, for example with a checksum; it is read at the body's end. A
    /// `trailer` header can announce the names to the server.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a request without a body, and for fields that must
    /// be known before the body, such as `content-type`.
    ///
    /// # Platform
    /// A browser cannot send trailers: there the request fails with [`Unsupported`](ErrorKind::Unsupported).
    pub fn trailers(self, trailers: impl Into<Trailers>) -> Self {
        self.edit(|request| {
            request.0.trailers = Some(trailers.into());
            Ok(())
        })
    }

    /// Sets all options at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Redirect, Request, RequestOptions};
    ///
    /// let mut options = RequestOptions::default();
    /// options.redirect = Some(Redirect::Manual);
    /// let request = Request::get("http://example.com/").options(options).build()?;
    /// assert_eq!(request.options().redirect, Some(Redirect::Manual));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn options(self, options: RequestOptions) -> Self {
        self.with_options(|slot| *slot = options)
    }

    /// Returns the request.
    ///
    /// # Errors
    /// The first mistake made while building. [`InvalidRequest`](ErrorKind::InvalidRequest) if a callback or a priority
    /// handle is set: a request cannot carry it, so call `send` or `send_spawned` on the builder.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{ErrorKind, Request};
    ///
    /// assert!(Request::get("http://example.com/").build().is_ok());
    /// assert_eq!(Request::get("not a URL").build().unwrap_err().kind(), ErrorKind::InvalidUrl);
    /// ```
    pub fn build(self) -> Result<Request> {
        let request = self.request?;
        match self.call_options.name_of_set() {
            None => Ok(request),
            Some(name) => {
                let message = format!(
                    "`{name}` belongs to a call and a request cannot carry it; call `send` or `send_spawned` on the \
                     builder instead of `build`"
                );
                Err(Error::request(ErrorKind::InvalidRequest, message).with_url(request.url()))
            }
        }
    }

    pub(crate) fn into_parts(self) -> (C, Result<Request>, CallOptions) {
        (self.client, self.request, self.call_options)
    }
}

impl TryFrom<RequestBuilder> for Request {
    type Error = Error;

    fn try_from(builder: RequestBuilder) -> Result<Self> {
        builder.build()
    }
}
