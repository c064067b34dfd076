//! A request, as a server sees it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::AsyncWriteExt;
use http::header::{EXPECT, HOST};
use http::{HeaderMap, Method, Version};

use super::head::{Head, HeadReader, Refusal};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::{Framing, wants_more};
use crate::http1::{BodyDecoder, BodyEvent, Http1Limits};
use crate::transport::Transport;

/// Where a copy of a body goes as it is read.
pub(super) type Copied = Arc<Mutex<BytesMut>>;

/// A request on its way in: its head is here, its body is read on demand.
pub struct Incoming {
    /// The lock is never taken: it lets a handler share the request across its awaits.
    transport: Mutex<Box<dyn Transport>>,
    input: ReadBuffer,
    connection: u64,
    method: Method,
    target: String,
    version: Version,
    headers: HeaderMap,
    body: BodyDecoder,
    /// Whether the body has been read to its end.
    ended: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    is_asking: bool,
    /// What is wrong with the body, if something is.
    malformed: Option<String>,
    copied: Option<Copied>,
    /// Whether the method of a resource that was called is not one of its own.
    pub(super) refused: bool,
}

/// What came of waiting for a request.
pub(super) enum Received {
    /// The client has closed the connection.
    Closed,
    Request(Box<Incoming>),
    /// What came is no request that could be answered; the connection comes back.
    Refused(Box<dyn Transport>, Refusal),
}

impl Incoming {
    /// Receives a request's head on the connection of that number.
    pub(super) async fn receive(
        mut transport: Box<dyn Transport>,
        mut input: ReadBuffer,
        connection: u64,
    ) -> io::Result<Received> {
        let mut reader = HeadReader::default();
        loop {
            // Looked at before more is read: a request may be here already, behind the one before.
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
        let is_asking = headers.contains_key(EXPECT) && version == Version::HTTP_11 && framing != Framing::Length(0);
        Self {
            transport: Mutex::new(transport),
            input,
            connection,
            method,
            target,
            version,
            headers,
            body: BodyDecoder::new(framing, Http1Limits::default()),
            ended: framing == Framing::Length(0),
            is_asking,
            malformed: None,
            copied: None,
            refused: false,
        }
    }

    /// The number of the connection that the request came on, from 0 in the order in which a server accepted them.
    pub fn connection(&self) -> u64 {
        self.connection
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Path and query, as sent.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path.
    pub fn path(&self) -> &str {
        self.target.split_once('?').map_or(&*self.target, |(path, _)| path)
    }

    /// The value of a parameter of the query, not decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header's first value, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The host and port that the client asked for.
    pub fn host(&self) -> &str {
        self.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// The names and values of the query, decoded, in order.
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }

    /// The next piece of the body, or `None` after the last. A client that asked whether the body is wanted
    /// (RFC 9110, section 10.1.1) is told so by the first call.
    ///
    /// # Errors
    /// If the connection fails, or the body is malformed: then the server answers with status 400 and closes the
    /// connection, whatever the handler replies.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if std::mem::take(&mut self.is_asking) {
            let go_on = self.transport().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
            go_on.map_err(|error| {
                Error::new(ErrorKind::ConnectionClosed, Phase::Body, "the client has gone").with_source(error)
            })?;
        }
        let outcome = poll_fn(|cx| self.poll_chunk(cx)).await;
        match &outcome {
            Ok(Some(data)) => {
                let copied = self.copied.iter();
                copied.for_each(|copied| copied.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data));
            }
            Ok(None) => self.ended = true,
            Err(error) if matches!(error.kind(), ErrorKind::Protocol | ErrorKind::LimitExceeded) => {
                self.malformed = Some(error.to_string());
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
            if ready!(input.poll_fill(cx, &mut **transport)).unwrap_or(0) == 0 {
                return Poll::Ready(self.body.end().map(|()| None));
            }
        }
    }

    /// The whole body.
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

    /// The names and values of a form in the body, in order; nothing if its type is not
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

    /// What is left for the next request on the connection.
    pub(super) fn into_connection(self) -> (Box<dyn Transport>, ReadBuffer) {
        (self.transport.into_inner().unwrap_or_else(PoisonError::into_inner), self.input)
    }

    /// Has what is read of the body copied.
    pub(super) fn copy_to(&mut self, copied: Copied) {
        self.copied = Some(copied);
    }

    /// What is wrong with the body, as far as it was read.
    pub(super) fn malformed(&mut self) -> Option<Refusal> {
        self.malformed.take().map(Refusal::malformed)
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// Whether all of the request has been read.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the next request can be found behind this one: the client means to send one, and of the body no more than
    /// `most` bytes are still to come, as far as that is known.
    pub(super) fn can_go_on(&self, most: u64) -> bool {
        let bounded = self.body.length().is_none_or(|length| length <= most);
        wants_more(self.version, &self.headers) && bounded && !self.is_asking
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
