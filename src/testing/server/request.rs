//! The request that a handler gets.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::head::{Head, HeadReader, RequestRefusal};
use super::http1_source::Http1Source;
use super::http2::StreamSource;
use crate::error::{ErrorKind, Result};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::{content_length, wants_more};
use crate::transport::Transport;

/// What is known of a request after its head. It grows while the body is read.
#[derive(Debug, Default)]
pub(super) struct RequestRest {
    pub(super) body: BytesMut,
    pub(super) trailers: Option<HeaderMap>,
    /// The error code with which the client has reset the stream.
    pub(super) reset: Option<u32>,
}

/// A copy of the rest of a request, for its recorder.
pub(super) type RestCopy = Arc<Mutex<RequestRest>>;

/// Where the body of a request comes from.
pub(super) enum RequestSource {
    /// A connection that carries a request at a time.
    Http1(Http1Source),
    /// A stream of a connection that carries many requests at once.
    #[allow(dead_code, reason = "only the feature `http2` makes streams")]
    Http2(StreamSource),
}

/// A request of which the head has arrived. The body is read on demand.
pub struct Incoming {
    /// The mutex is never locked: it makes the request `Sync`, so that a handler can hold a reference across an await.
    source: Mutex<RequestSource>,
    connection: u64,
    /// The number of the request's stream, over HTTP/2.
    stream: Option<u32>,
    method: Method,
    target: String,
    version: Version,
    headers: HeaderMap,
    /// Host and port, if they are not in the headers.
    authority: Option<String>,
    trailers: Option<HeaderMap>,
    /// Whether the body was read to its end.
    has_ended: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
    /// Why the body is malformed.
    malformed: Option<String>,
    copy: Option<RestCopy>,
    /// Set by the default functions of a [`Resource`](super::Resource): the resource does not have the method.
    pub(super) is_not_allowed: bool,
}

/// The outcome of waiting for a request.
pub(super) enum Received {
    /// The client has closed the connection.
    Closed,
    Request(Box<Incoming>),
    /// The received bytes are not a valid request. The connection is returned for the answer.
    Refused(Box<dyn Transport>, RequestRefusal),
}

impl Incoming {
    /// Receives the head of a request on the connection with the number `connection`.
    pub(super) async fn receive(
        mut transport: Box<dyn Transport>,
        mut input: ReadBuffer,
        connection: u64,
    ) -> io::Result<Received> {
        let mut reader = HeadReader::default();
        loop {
            // Before anything is read: the buffer may hold a request that was received with the previous request.
            match reader.next(&mut input) {
                Ok(Some((head, framing))) => {
                    let source = RequestSource::Http1(Http1Source::new(transport, input, framing));
                    return Ok(Received::Request(Box::new(Self::new(source, connection, head))));
                }
                Ok(None) => {}
                Err(refusal) => return Ok(Received::Refused(transport, refusal)),
            }
            if poll_fn(|cx| input.poll_fill(cx, &mut *transport)).await? == 0 {
                return Ok(Received::Closed);
            }
        }
    }

    pub(super) fn new(source: RequestSource, connection: u64, head: Head) -> Self {
        let Head { method, target, version, headers, authority } = head;
        let (has_ended, stream) = match &source {
            RequestSource::Http1(source) => (source.has_ended(), None),
            RequestSource::Http2(source) => (source.has_ended(), Some(source.id())),
        };
        let expects_continue = headers.contains_key(EXPECT) && version >= Version::HTTP_11 && !has_ended;
        Self {
            source: Mutex::new(source),
            connection,
            stream,
            method,
            target,
            version,
            headers,
            authority,
            trailers: None,
            has_ended,
            expects_continue,
            malformed: None,
            copy: None,
            is_not_allowed: false,
        }
    }

    /// Returns the number of the request's connection: connections are numbered from 0 in the order in which the server
    /// accepted them.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// Returns the number of the request's stream on its connection (RFC 9113, section 5.1.1), or `None` over HTTP/1.1.
    pub fn stream(&self) -> Option<u32> {
        self.stream
    }

    /// Returns the version of HTTP in which the request was sent.
    pub fn version(&self) -> Version {
        self.version
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns path and query, as sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns the path.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// Returns the value of a parameter of the query, not decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// Returns the headers, as sent: over HTTP/2 there is usually no `host`.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the host and port of the `host` header, or over HTTP/2 of `:authority`.
    pub fn host(&self) -> &str {
        if let Some(authority) = &self.authority {
            return authority;
        }
        self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// Returns the names and values of the query, decoded and in order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// Returns the next chunk of the body, or `None` at its end. If the client waits for `100 Continue` (RFC 9110,
    /// section 10.1.1), the first call sends it.
    ///
    /// # Errors
    /// If the connection fails, the client resets the stream, or the body is malformed. After a malformed body the
    /// server ignores the reply of the handler. Over HTTP/1.1 it answers with status 400 and closes the connection;
    /// over HTTP/2 it resets the stream.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if std::mem::take(&mut self.expects_continue) {
            self.inform(100, &[]).await?;
        }
        let outcome = poll_fn(|cx| self.poll_chunk(cx)).await;
        match &outcome {
            Ok(Some(data)) => self.record(|rest| rest.body.extend_from_slice(data)),
            Ok(None) => {
                self.has_ended = true;
                self.record(|rest| rest.trailers.clone_from(&self.trailers));
            }
            Err(error) if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::LimitExceeded) => {
                self.malformed = Some(error.report().to_string());
            }
            Err(_) => {}
        }
        outcome
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let source = self.source.get_mut().unwrap_or_else(PoisonError::into_inner);
        let chunk = match source {
            RequestSource::Http1(source) => ready!(source.poll_chunk(cx))?,
            RequestSource::Http2(source) => ready!(source.poll_chunk(cx))?,
        };
        if chunk.is_none() && self.trailers.is_none() {
            self.trailers = match source {
                RequestSource::Http1(source) => source.take_trailers(),
                RequestSource::Http2(source) => ready!(source.poll_trailers(cx))?,
            };
        }
        Poll::Ready(Ok(chunk))
    }

    /// Returns the trailers of the body, once it was read to its end.
    pub fn trailers(&self) -> Option<&HeaderMap> {
        self.trailers.as_ref()
    }

    /// Sends an informational response (RFC 9110, section 15.2), such as 103 with `link` headers. A client of HTTP/1.0
    /// gets none.
    ///
    /// # Errors
    /// If the connection fails, or the client has reset the stream.
    ///
    /// # Panics
    /// If `status` is not a number from 100 to 199 other than 101, or name or value are not allowed in a header.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{ManualTimer, MemoryConnector, Reply, handler};
    /// use waterspout::{Agent, Client};
    ///
    /// let server = handler(|request| {
    ///     Box::pin(async move {
    ///         match request.inform(103, &[("link", "</style.css>; rel=preload")]).await {
    ///             Ok(()) => Reply::text("the page"),
    ///             Err(error) => Reply::new(500, error.report().to_string()),
    ///         }
    ///     })
    /// });
    /// let client = Client::builder().backend(Agent::new(MemoryConnector::new(server), ManualTimer::new())).build()?;
    /// let page = futures::executor::block_on(async { client.get("http://example.com/").await?.text().await })?;
    /// assert_eq!(page, "the page");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn inform(&mut self, status: u16, headers: &[(&str, &str)]) -> Result<()> {
        let (status, headers) = informational(status, headers);
        let version = self.version;
        match self.source.get_mut().unwrap_or_else(PoisonError::into_inner) {
            RequestSource::Http1(source) if version == Version::HTTP_11 => source.inform(status, &headers).await,
            RequestSource::Http1(_) => Ok(()),
            RequestSource::Http2(source) => source.inform(status, headers),
        }
    }

    /// Returns the complete body.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn body(&mut self) -> Result<Bytes> {
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Returns the names and values of a form in the body, in order; an empty list if the body's type is not
    /// `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk).
    pub async fn form(&mut self) -> Result<Vec<(String, String)>> {
        let kind = self.header("content-type").and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Vec::new());
        }
        Ok(form_urlencoded::parse(&self.body().await?).into_owned().collect())
    }

    /// Returns the connection of a request that has it for itself.
    pub(super) fn transport(&mut self) -> Option<&mut Box<dyn Transport>> {
        match self.source.get_mut().unwrap_or_else(PoisonError::into_inner) {
            RequestSource::Http1(source) => Some(source.transport()),
            RequestSource::Http2(_) => None,
        }
    }

    /// Returns the connection for the next request, if the request has it for itself.
    pub(super) fn into_connection(self) -> Option<(Box<dyn Transport>, ReadBuffer)> {
        match self.source.into_inner().unwrap_or_else(PoisonError::into_inner) {
            RequestSource::Http1(source) => Some(source.into_connection()),
            RequestSource::Http2(_) => None,
        }
    }

    /// Copies what is read of the rest to `copy`.
    pub(super) fn copy_rest_to(&mut self, copy: RestCopy) {
        self.copy = Some(copy);
    }

    fn record(&self, change: impl FnOnce(&mut RequestRest)) {
        if let Some(copy) = &self.copy {
            change(&mut copy.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Records the error code with which the client has reset the stream.
    #[allow(dead_code, reason = "HTTP/1.1 has no streams")]
    pub(super) fn record_reset(&self, code: u32) {
        self.record(|rest| rest.reset = Some(code));
    }

    /// Returns the refusal if the body, as far as it was read, is malformed.
    pub(super) fn malformed(&mut self) -> Option<RequestRefusal> {
        self.malformed.take().map(RequestRefusal::malformed)
    }

    /// Returns whether the request was read to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns whether the connection can be kept for another request: the client allows it, and the rest of the body
    /// is not known to be longer than `max` bytes.
    pub(super) fn can_keep_alive(&mut self, max: u64) -> bool {
        let length = match self.source.get_mut().unwrap_or_else(PoisonError::into_inner) {
            RequestSource::Http1(_) if !wants_more(self.version, &self.headers) => return false,
            RequestSource::Http1(source) => source.length(),
            RequestSource::Http2(_) => content_length(&self.headers).ok().flatten(),
        };
        // A client that was not asked to continue may send its body or not: the begin of its next request is not known.
        length.is_none_or(|length| length <= max) && !self.expects_continue
    }
}

/// Checks an informational response of a handler.
#[allow(clippy::expect_used, reason = "a wrong response in a test should fail at once")]
fn informational(status: u16, headers: &[(&str, &str)]) -> (StatusCode, HeaderMap) {
    assert!((100..200).contains(&status) && status != 101, "{status} is not the status of an informational response");
    let pairs = headers.iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name is a token");
        (name, HeaderValue::from_str(value).expect("a header's value has no control characters"))
    });
    (StatusCode::from_u16(status).expect("the number is checked"), pairs.collect())
}

impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
