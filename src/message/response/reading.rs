//! What a caller does with a response: check its status and read its body.

use bytes::Bytes;
use futures::{Stream, TryStreamExt};

use super::{Response, ResponseParts, charset, text};
use crate::error::Result;
use crate::message::body::Body;
use crate::message::body::reader::BodyReader;
use crate::runtime::MaybeSend;

impl Response {
    /// Returns the length in bytes of the unread rest of the body, if it is known: from the body itself, or else from
    /// the head.
    ///
    /// # Platform
    /// A page cannot see whether the body of another origin was compressed. The length is then the compressed length.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::stream;
    /// use http::StatusCode;
    /// use waterspout::{Body, Response};
    ///
    /// let builder = Response::builder(StatusCode::OK, "http://example.com/").header("content-length", "5");
    /// let body = Body::stream(stream::iter([Ok::<_, std::io::Error>("hello")]));
    /// assert_eq!(builder.body(body)?.content_length(), Some(5));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn content_length(&self) -> Option<u64> {
        // The body first: the head may describe a body that has been replaced or partly read.
        self.0.body.length().or_else(|| self.0.headers.content_length())
    }

    /// Reads the next chunk of the body. Returns `None` after the last chunk.
    ///
    /// # Errors
    /// Fails if the server, the network or a time limit ends the body early.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let mut response = client.get("http://example.com/").await?;
    /// let mut size = 0;
    /// while let Some(chunk) = response.chunk().await? {
    ///     size += chunk.len();
    /// }
    /// assert_eq!(size, 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.0.body.chunk().await.map_err(|error| error.with_url(&self.0.url))
    }

    /// Reads the whole body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`LimitExceeded`](crate::ErrorKind::LimitExceeded) beyond
    /// [`body_limit`](crate::RequestOptions::body_limit) (default: 100 MiB).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// assert_eq!(client.get("http://example.com/").await?.bytes().await?, "hello");
    ///
    /// let response = client.get("http://example.com/").body_limit(4).await?;
    /// assert_eq!(response.bytes().await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn bytes(self) -> Result<Bytes> {
        self.0.body.collect(self.0.body_limit).await.map_err(|error| error.with_url(&self.0.url))
    }

    /// Reads the whole body as text, in the charset of the `content-type` with the feature `charset`, and else as
    /// [`text_utf8`](Self::text_utf8) does.
    ///
    /// A byte order mark names the encoding before the charset does, and is removed. A charset that the Encoding standard
    /// does not have is read as UTF-8. Bytes that are not allowed become U+FFFD. To read XML or HTML that names its
    /// charset within the document, take [`bytes`](Self::bytes).
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    ///
    /// # Platform
    /// The engine of a browser has the decoders. Node 20 reads the bytes 80 to 9F of `windows-1252` as control
    /// characters.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::http::StatusCode;
    /// use waterspout::Response;
    ///
    /// # futures::executor::block_on(async {
    /// let builder = Response::builder(StatusCode::OK, "http://example.com/");
    /// let page = builder.header("content-type", "text/html; charset=iso-8859-1").body(&b"caf\xE9"[..])?;
    /// # #[cfg(feature = "charset")]
    /// assert_eq!(page.text().await?, "caf\u{e9}");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn text(self) -> Result<String> {
        let label = charset::of(&self.0.headers);
        Ok(charset::decode(label.as_deref(), &self.bytes().await?))
    }

    /// Reads the whole body as UTF-8, regardless of the `content-type`, as `text()` of the Fetch standard does. A byte
    /// order mark is removed, and bytes that are not UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// # futures::executor::block_on(async {
    /// let builder = Response::builder(StatusCode::OK, "http://example.com/");
    /// assert_eq!(builder.body(&b"\xEF\xBB\xBFhell\xF6"[..])?.text_utf8().await?, "hell\u{fffd}");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn text_utf8(self) -> Result<String> {
        Ok(text::decode_utf8(&self.bytes().await?))
    }

    /// Returns the chunks of the body as a [`Stream`]. The [`Body`] of [`into_body`](Self::into_body) is such a stream
    /// too, and knows its length.
    ///
    /// The stream is `Unpin`, and natively `Send`. The response's slot, connection and time limits stay with it until
    /// it ends or is dropped.
    ///
    /// # Errors
    /// The stream yields the errors of [`chunk`](Self::chunk).
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::TryStreamExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let mut stream = client.get("http://example.com/").await?.bytes_stream();
    /// let mut size = 0;
    /// while let Some(chunk) = stream.try_next().await? {
    ///     size += chunk.len();
    /// }
    /// assert_eq!(size, 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn bytes_stream(self) -> impl Stream<Item = Result<Bytes>> + MaybeSend + Unpin + 'static {
        let ResponseParts { body, url, .. } = *self.0;
        body.map_err(move |error| error.with_url(&url))
    }

    /// Returns a reader of the body: an `AsyncRead` and `AsyncBufRead` of `futures`, and with the feature `tokio` of
    /// `tokio` too.
    ///
    /// # Errors
    /// A read fails as [`chunk`](Self::chunk) does, with an [`io::Error`](std::io::Error) around the
    /// [`Error`](crate::Error); see [`BodyReader`].
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::io::AsyncBufReadExt;
    /// use futures::TryStreamExt;
    /// use waterspout::Client;
    /// use waterspout::testing::MockBackend;
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("first\nsecond\n")).build()?;
    /// let mut lines = client.get("http://example.com/log").await?.into_reader().lines();
    /// assert_eq!(lines.try_next().await?.as_deref(), Some("first"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_reader(self) -> BodyReader {
        let ResponseParts { body, url, .. } = *self.0;
        body.into_reader().with_url(url)
    }

    /// Returns the body, without its head.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// let response = Response::builder(StatusCode::OK, "http://example.com/").body("hello")?;
    /// assert_eq!(response.into_body().length(), Some(5));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn into_body(self) -> Body {
        self.0.body
    }

    /// Returns the response, unless its status is 400 or above.
    ///
    /// # Errors
    /// [`Status`](crate::ErrorKind::Status) if the status is 400 or above. The error does not keep the response. To
    /// read the body of an error page, use [`error_for_status_ref`](Self::error_for_status_ref).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::{ErrorKind, Response};
    ///
    /// let response = Response::builder(StatusCode::NOT_FOUND, "http://example.com/").body("")?;
    /// let error = response.error_for_status().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Status);
    /// assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    // The error cannot keep the response: an error must be `Send`, and a body that streams is not in a browser.
    pub fn error_for_status(self) -> Result<Self> {
        self.error_for_status_ref().map(|_| ())?;
        Ok(self)
    }

    /// Checks the status as [`error_for_status`](Self::error_for_status) does, and leaves the response to the caller.
    ///
    /// # Errors
    /// [`Status`](crate::ErrorKind::Status) if the status is 400 or above. Its text has the status and the first 100
    /// characters of [`reason`](Self::reason).
    ///
    /// # Examples
    ///
    /// ```
    /// use http::StatusCode;
    /// use waterspout::Response;
    ///
    /// # futures::executor::block_on(async {
    /// let response = Response::builder(StatusCode::BAD_REQUEST, "http://example.com/").body("no such field")?;
    /// if let Err(error) = response.error_for_status_ref() {
    ///     assert_eq!(error.to_string(), "the server answered with an error: 400 Bad Request, for http://example.com/");
    ///     assert_eq!(response.text().await?, "no such field");
    /// }
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn error_for_status_ref(&self) -> Result<&Self> {
        self.0.error_for_status()?;
        Ok(self)
    }
}
