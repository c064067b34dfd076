//! The builder of requests.

use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{PriorityHandle, Request, RequestOptions, option_setters};
use crate::error::{Error, ErrorKind, Result, Source};
use crate::message::body::Body;
use crate::message::credentials::{is_credential, mark_sensitive};
use crate::message::progress::{ProgressCallback, TransferProgress};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

/// Builds a [`Request`]. A builder that a client has made also sends it.
///
/// The first mistake, such as a URL that is not valid, is kept. It becomes the error of [`build`](Self::build), or of
/// sending the request.
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
            request.0.headers.append(name, value);
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
            request.0.headers.extend(headers);
            mark_sensitive(&mut request.0.headers);
            Ok(())
        })
    }

    /// Sets the body.
    ///
    /// The `content-length` and the `transfer-encoding` come from the body. A string is sent with the `content-type`
    /// `text/plain;charset=UTF-8`, unless the request has a `content-type`; see [`Body`]. [`Request`] says which
    /// methods may have a body.
    ///
    /// # Errors
    /// On sending: [`InvalidRequest`](ErrorKind::InvalidRequest) for a `GET` or `HEAD`, also if the body has no bytes.
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
            request.0.body = body.into();
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

    /// Calls `tell` for each chunk of the response's body that is read.
    ///
    /// It gets the bytes so far, after decoding, and the length if the server sends it. The body waits while it runs, so
    /// it should be quick.
    ///
    /// # Platform
    /// A page does not see whether the body of another origin was compressed. The length is then the compressed length,
    /// until more bytes than that have arrived.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use waterspout::testing::MockBackend;
    /// # use waterspout::Client;
    ///
    /// # futures::executor::block_on(async {
    /// # let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let read = Arc::new(AtomicU64::new(0));
    /// let bytes = read.clone();
    /// let request = client.get("http://example.com/");
    /// let request = request.on_download(move |progress| bytes.store(progress.bytes, Ordering::Relaxed));
    /// assert_eq!(request.await?.text().await?, "hello");
    /// assert_eq!(read.load(Ordering::Relaxed), 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn on_download(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.edit(|request| {
            request.0.call.on_download = Some(ProgressCallback::new(tell));
            Ok(())
        })
    }

    /// Calls `tell` for each piece of the request's body that leaves.
    ///
    /// It gets the bytes so far, and the body's length if it is known. A redirect or another attempt that sends the body
    /// again begins at zero. The upload waits while it runs, so it should be quick.
    ///
    /// # Platform
    /// A browser does not show how far an upload is: there `tell` is called once, when the response's head has arrived.
    /// For a streamed body (`FetchInit::stream_upload`) it is called for each piece that the engine takes.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Request;
    ///
    /// let request = Request::put("http://example.com/")
    ///     .body("hello")
    ///     .on_upload(|progress| println!("{} of {:?} bytes sent", progress.bytes, progress.total))
    ///     .build()?;
    /// # let _ = request;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn on_upload(self, tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        self.edit(|request| {
            request.0.call.set_on_upload(ProgressCallback::new(tell));
            Ok(())
        })
    }

    /// Sets a handle that changes the request's priority while it waits for a slot. Its priority wins over the option
    /// `priority`.
    pub fn priority_handle(self, handle: &PriorityHandle) -> Self {
        self.edit(|request| {
            request.0.call.priority = Some(handle.clone());
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
    /// The first mistake made while building.
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
