//! A request, as a server sees it.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::sync::{Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, EXPECT, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};

use crate::error::Result;
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::{Framing, content_length, is_chunked};
use crate::http1::{BodyDecoder, BodyEvent, Limits};
use crate::transport::Transport;

/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// The most header lines of a request.
const MOST_HEADERS: usize = 256;

/// A request on its way in: its head is here, its body is read on demand.
pub struct Incoming {
    /// The lock is never taken: it lets a handler share the request across its awaits.
    transport: Mutex<Box<dyn Transport>>,
    input: ReadBuffer,
    method: Method,
    target: String,
    version: Version,
    headers: HeaderMap,
    body: BodyDecoder,
}

impl Incoming {
    /// Receives a request's head; `None` if the client has closed the connection, or sends what is no request.
    pub(super) async fn receive(mut transport: Box<dyn Transport>, mut input: ReadBuffer) -> io::Result<Option<Self>> {
        loop {
            let end = input.data().windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = input.take(end + 4);
                return Ok(parse(&head).map(|(method, target, version, headers, body)| Self {
                    transport: Mutex::new(transport),
                    input,
                    method,
                    target,
                    version,
                    headers,
                    body,
                }));
            }
            // Looked at before more is read: what is read at once may be a head with much of its body.
            if input.data().len() > LARGEST_HEAD || poll_fn(|cx| input.poll_fill(cx, &mut *transport)).await? == 0 {
                return Ok(None);
            }
        }
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

    /// The next piece of the body, or `None` after the last.
    ///
    /// # Errors
    /// If the connection fails or the body is malformed.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.body.next(&mut self.input)? {
                BodyEvent::Data(data) => return Ok(Some(data)),
                BodyEvent::End => return Ok(None),
                BodyEvent::More => {}
            }
            let Self { transport, input, .. } = self;
            let transport = transport.get_mut().unwrap_or_else(PoisonError::into_inner);
            let filled = poll_fn(|cx| input.poll_fill(cx, &mut **transport)).await;
            if filled.unwrap_or(0) == 0 {
                return self.body.end().map(|()| None);
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

    pub(super) fn transport(&mut self) -> &mut Box<dyn Transport> {
        self.transport.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is left for the next request on the connection.
    pub(super) fn into_connection(self) -> (Box<dyn Transport>, ReadBuffer) {
        (self.transport.into_inner().unwrap_or_else(PoisonError::into_inner), self.input)
    }

    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(super) fn expects_continue(&self) -> bool {
        self.headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
    }

    /// Whether the client means to go on with the connection.
    pub(super) fn wants_more(&self) -> bool {
        let close = self.headers.get(CONNECTION).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        self.version == Version::HTTP_11 && !close
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

type Head = (Method, String, Version, HeaderMap, BodyDecoder);

fn parse(head: &[u8]) -> Option<Head> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut lines);
    parsed.parse(head).ok()?;
    let version = if parsed.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut headers = HeaderMap::new();
    for line in parsed.headers.iter() {
        headers.append(HeaderName::from_bytes(line.name.as_bytes()).ok()?, HeaderValue::from_bytes(line.value).ok()?);
    }
    let framing = match is_chunked(&headers, version).ok()? {
        true => Framing::Chunked,
        false => Framing::Length(content_length(&headers).ok()?.unwrap_or(0)),
    };
    let method = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
    Some((method, parsed.path?.to_owned(), version, headers, BodyDecoder::new(framing, Limits::default())))
}
