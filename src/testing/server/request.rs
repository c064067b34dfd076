//! The request that a handler gets.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::AsyncWriteExt;
use http::header::{EXPECT, HOST};
use http::{HeaderMap, Method, Version};

use super::head::{Head, HeadReader, RequestRefusal};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::{Framing, wants_more};
use crate::http1::{BodyDecoder, BodyEvent, Http1Limits};
use crate::transport::Transport;

/// A copy of a body, which grows while the body is read.
pub(super) type BodyCopy = Arc<Mutex<BytesMut>>;

/// A request of which the head has arrived. The body is read on demand.
pub struct Incoming {
    /// The mutex is never locked: it makes the request `Sync`, so that a handler can hold a reference across an await.
    transport: Mutex<Box<dyn Transport>>,
    input: ReadBuffer,
    connection: u64,
    method: Method,
    target: String,
    version: Version,
    headers: HeaderMap,
    body: BodyDecoder,
    /// Whether the body was read to its end.
    has_ended: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    expects_continue: bool,
    /// Why the body is malformed.
    malformed: Option<String>,
    body_copy: Option<BodyCopy>,
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
                Ok(Some(head)) => {
                    return Ok(Received::Request(Box::new(Self::new(transport, input, connection, head))));
                }
                Ok(None) => {}
                Err(refusal) => return Ok(Received::Refused(transport, refusal)),
            }
            if poll_fn(|cx| input.poll_fill(cx, &mut *transport)).await? == 0 {
                return Ok(Received::Closed);
            }
        }
    }

    fn new(transport: Box<dyn Transport>, input: ReadBuffer, connection: u64, head: Head) -> Self {
        let Head { method, target, version, headers, framing } = head;
        let expects_continue =
            headers.contains_key(EXPECT) && version == Version::HTTP_11 && framing != Framing::Length(0);
        Self {
            transport: Mutex::new(transport),
            input,
            connection,
            method,
            target,
            version,
            headers,
            body: BodyDecoder::new(framing, &Http1Limits::default()),
            has_ended: framing == Framing::Length(0),
            expects_continue,
            malformed: None,
            body_copy: None,
            is_not_allowed: false,
        }
    }

    /// Returns the number of the request's connection: connections are numbered from 0 in the order in which the server
    /// accepted them.
    pub fn connection(&self) -> u64 {
        self.connection
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

    /// Returns the headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the first value of a header, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the host and port of the `host` header.
    pub fn host(&self) -> &str {
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
    /// If the connection fails, or the body is malformed. After a malformed body the server ignores the reply of the
    /// handler, answers with status 400, and closes the connection.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if std::mem::take(&mut self.expects_continue) {
            let sent = self.transport().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            sent.map_err(|error| {
                Error::new(ErrorKind::ConnectionClosed, Phase::Body, "the client closed the connection")
                    .with_source(error)
            })?;
        }
        let outcome = poll_fn(|cx| self.poll_chunk(cx)).await;
        match &outcome {
            Ok(Some(data)) => {
                if let Some(copy) = &self.body_copy {
                    copy.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
                }
            }
            Ok(None) => self.has_ended = true,
            Err(error) if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::LimitExceeded) => {
                self.malformed = Some(error.report().to_string());
            }
            Err(_) => {}
        }
        outcome
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match self.body.next(&mut self.input)? {
                BodyEvent::Data(data) => return Poll::Ready(Ok(Some(data))),
                BodyEvent::End => return Poll::Ready(Ok(None)),
                BodyEvent::More => {}
            }
            let Self { transport, input, .. } = self;
            let transport = transport.get_mut().unwrap_or_else(PoisonError::into_inner);
            // A connection that fails is treated as ended: the decoder knows whether the body is complete.
            if ready!(input.poll_fill(cx, &mut **transport)).unwrap_or(0) == 0 {
                return Poll::Ready(self.body.end().map(|()| None));
            }
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

    pub(super) fn transport(&mut self) -> &mut Box<dyn Transport> {
        self.transport.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the connection for the next request.
    pub(super) fn into_connection(self) -> (Box<dyn Transport>, ReadBuffer) {
        (self.transport.into_inner().unwrap_or_else(PoisonError::into_inner), self.input)
    }

    /// Copies each chunk of the body that is read to `copy`.
    pub(super) fn copy_body_to(&mut self, copy: BodyCopy) {
        self.body_copy = Some(copy);
    }

    /// Returns the refusal if the body, as far as it was read, is malformed.
    pub(super) fn malformed(&mut self) -> Option<RequestRefusal> {
        self.malformed.take().map(RequestRefusal::malformed)
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Returns whether the request was read to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns whether the connection can be kept for another request: the client allows it, and the rest of the body
    /// is not known to be longer than `max` bytes.
    pub(super) fn can_keep_alive(&self, max: u64) -> bool {
        let is_bounded = self.body.length().is_none_or(|length| length <= max);
        // A client that was not asked to continue may send its body or not: the begin of its next request is not known.
        wants_more(self.version, &self.headers) && is_bounded && !self.expects_continue
    }
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
