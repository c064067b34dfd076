//! Bodies of requests and responses: empty, bytes, or a stream that can or cannot be started again.

mod collect;
mod convert;
pub(crate) mod engine;
#[cfg(feature = "http-body")]
mod http_body;
pub(crate) mod reader;
mod replay;
#[cfg(feature = "tokio")]
mod tokio_reader;
mod trailing;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures::{AsyncRead, Stream, StreamExt, stream};

pub(crate) use self::collect::collect;
use self::convert::{TextType, caller_stream};
use self::engine::EngineBody;
use self::replay::StreamFactory;
use crate::error::{Result, Source};
use crate::message::request::Request;
use crate::message::trailers::Trailers;
use crate::runtime::{BoxStream, MaybeSend};

/// The maximum number of bytes read from a reader at once.
const READ_SIZE: usize = 64 * 1024;

/// The body of a request or a response.
///
/// Strings, byte vectors and [`Bytes`] convert into it. Further bodies come from a [stream](Self::stream), a
/// [function](Self::factory) that makes a stream for each attempt, an [`AsyncRead`] of `futures`
/// ([`reader`](Self::reader)) or of `tokio` (`tokio_reader`, with the feature `tokio`), from a body of the crate
/// `http_body` (`http_body`, with the feature `http-body`), and natively from a [file](platform/native/fn.file.html).
///
/// As a [`Stream`] it yields its chunks, `Result<Bytes>`. Natively a body is `Send` and `Sync`, on every platform it is
/// `Unpin`. [`into_reader`](Self::into_reader) makes an [`AsyncRead`] of it. With the feature `http-body` it is an
/// `http_body::Body`, too.
///
/// A body made of a string is text: it is sent with the `content-type` `text/plain;charset=UTF-8`, unless the request
/// has a `content-type`, as in the Fetch standard ("extract a body"). Any other body is sent without a `content-type`
/// of its own. To send a string without a type, convert it into [`Bytes`] first.
///
/// # Examples
///
/// ```
/// use futures::StreamExt;
/// use waterspout::{Body, Bytes};
///
/// # futures::executor::block_on(async {
/// let mut body = Body::from("hello");
/// assert_eq!(body.length(), Some(5));
/// assert_eq!(body.next().await.unwrap()?, Bytes::from("hello"));
/// assert!(body.next().await.is_none());
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
pub struct Body(BodyKind);

enum BodyKind {
    Empty,
    Bytes(Bytes),
    /// Bytes that were made of a string.
    Text(Bytes, TextType),
    Factory {
        start: Arc<dyn StreamFactory>,
        length: Option<u64>,
        /// Whether all chunks are already in memory.
        in_memory: bool,
    },
    Stream {
        // The lock is never taken: it makes requests and responses `Sync` without `unsafe`.
        stream: Mutex<BoxStream<'static, Result<Bytes>>>,
        length: Option<u64>,
        /// Whether all chunks can be computed from bytes in memory, without waiting for a peer.
        in_memory: bool,
        /// The cell of the header fields that follow the chunks, if the body came with them.
        trailers: Option<Trailers>,
    },
    /// An object of a JavaScript engine holds the bytes.
    Engine(Box<dyn EngineBody>),
}

impl Body {
    /// Returns the absence of a body. An empty string differs from it: it is a body of length 0.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Body;
    ///
    /// assert!(Body::empty().is_none());
    /// assert!(!Body::from("").is_none(), "an empty string is a body");
    /// ```
    pub const fn empty() -> Self {
        Self(BodyKind::Empty)
    }

    /// Returns a body that reads `stream` once.
    ///
    /// A redirect that needs the body a second time fails, and a retry is not made. Without a length the body is sent
    /// chunked.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::stream;
    /// use waterspout::Body;
    ///
    /// let body = Body::stream(stream::iter([Ok::<_, std::io::Error>("hel"), Ok("lo")]));
    /// assert!(body.length().is_none() && body.try_clone().is_none());
    /// # futures::executor::block_on(async {
    /// assert_eq!(body.collect(100).await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn stream<S, B, E>(stream: S) -> Self
    where
        S: Stream<Item = std::result::Result<B, E>> + MaybeSend + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Source> + 'static,
    {
        Self::boxed_stream(caller_stream(stream), None)
    }

    /// Returns a body that each attempt reads from a new stream made by `factory`.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::stream;
    /// use waterspout::Body;
    ///
    /// let body = Body::factory(|| stream::iter([Ok::<_, std::io::Error>("again")]));
    /// # futures::executor::block_on(async {
    /// let copy = body.try_clone().unwrap();
    /// assert_eq!(copy.collect(100).await?, body.collect(100).await?);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn factory<F, S, B, E>(factory: F) -> Self
    where
        F: Fn() -> S + Send + Sync + 'static,
        S: Stream<Item = std::result::Result<B, E>> + MaybeSend + 'static,
        B: Into<Bytes> + 'static,
        E: Into<Source> + 'static,
    {
        let start = Arc::new(move || caller_stream(factory()));
        Self(BodyKind::Factory { start, length: None, in_memory: false })
    }

    /// Returns a body that reads `reader` once, in chunks of at most 64 KiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::io::Cursor;
    /// use waterspout::Body;
    ///
    /// let body = Body::reader(Cursor::new("hello")).with_length(5);
    /// # futures::executor::block_on(async {
    /// assert_eq!(body.collect(100).await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn reader(reader: impl AsyncRead + MaybeSend + Unpin + 'static) -> Self {
        Self::stream(stream::try_unfold((reader, BytesMut::new()), |(mut reader, mut buffer)| async move {
            buffer.resize(READ_SIZE, 0);
            let count = poll_fn(|cx| Pin::new(&mut reader).poll_read(cx, &mut buffer)).await?;
            // The rest of the buffer serves the next read.
            let chunk = buffer.split_to(count).freeze();
            Ok::<_, std::io::Error>((count > 0).then_some((chunk, (reader, buffer))))
        }))
    }

    /// Declares the length of a streamed body in bytes, so that it is sent with a `Content-Length`.
    ///
    /// The request fails if the stream is longer or shorter. A body of bytes keeps its own length.
    pub fn with_length(mut self, bytes: u64) -> Self {
        match &mut self.0 {
            BodyKind::Factory { length, .. } | BodyKind::Stream { length, .. } => *length = Some(bytes),
            BodyKind::Empty | BodyKind::Bytes(_) | BodyKind::Text(..) | BodyKind::Engine(_) => {}
        }
        self
    }

    /// Returns a body that reads a stream of this crate: its errors need no conversion.
    pub(crate) fn boxed_stream(stream: BoxStream<'static, Result<Bytes>>, length: Option<u64>) -> Self {
        Self(BodyKind::Stream { stream: Mutex::new(stream), length, in_memory: false, trailers: None })
    }

    /// Returns a response's body that needs no further bytes from the peer, such as bytes still to be decoded.
    pub(crate) fn in_memory_stream(stream: BoxStream<'static, Result<Bytes>>) -> Self {
        Self(BodyKind::Stream { stream: Mutex::new(stream), length: None, in_memory: true, trailers: None })
    }

    /// Returns the length in bytes of the unread rest, if it is known.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::stream;
    /// use waterspout::Body;
    ///
    /// # futures::executor::block_on(async {
    /// let mut body = Body::stream(stream::iter([Ok::<_, std::io::Error>("hel"), Ok("lo")])).with_length(5);
    /// body.chunk().await?;
    /// assert_eq!(body.length(), Some(2));
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn length(&self) -> Option<u64> {
        match &self.0 {
            BodyKind::Empty => Some(0),
            BodyKind::Bytes(bytes) | BodyKind::Text(bytes, _) => Some(bytes.len() as u64),
            BodyKind::Engine(body) => body.length(),
            BodyKind::Factory { length, .. } | BodyKind::Stream { length, .. } => *length,
        }
    }

    /// Returns whether there is no body. An empty string is a body.
    pub fn is_none(&self) -> bool {
        matches!(self.0, BodyKind::Empty)
    }

    /// Returns what adds the `content-type` of a body that was made of a string, unless the request has a `content-type`.
    pub(crate) fn content_type(&self) -> Option<fn(&mut Request)> {
        match self.0 {
            BodyKind::Text(_, TextType(add)) => Some(add),
            _ => None,
        }
    }

    /// Returns whether the whole body is in memory, even if it is still to be decoded.
    pub(crate) fn is_complete(&self) -> bool {
        matches!(
            self.0,
            BodyKind::Empty
                | BodyKind::Bytes(_)
                | BodyKind::Text(..)
                | BodyKind::Factory { in_memory: true, .. }
                | BodyKind::Stream { in_memory: true, .. }
        )
    }

    /// Returns the same body from its beginning, or `None` if it can be read only once.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Body;
    ///
    /// assert_eq!(Body::from("hello").try_clone().unwrap().length(), Some(5));
    /// assert!(Body::reader(futures::io::empty()).try_clone().is_none());
    /// ```
    pub fn try_clone(&self) -> Option<Self> {
        match &self.0 {
            BodyKind::Empty => Some(Self(BodyKind::Empty)),
            BodyKind::Bytes(bytes) => Some(Self(BodyKind::Bytes(bytes.clone()))),
            BodyKind::Text(text, kind) => Some(Self(BodyKind::Text(text.clone(), *kind))),
            BodyKind::Engine(body) => Some(Self(BodyKind::Engine(body.try_clone()?))),
            BodyKind::Factory { start, length, in_memory } => {
                Some(Self(BodyKind::Factory { start: start.clone(), length: *length, in_memory: *in_memory }))
            }
            BodyKind::Stream { .. } => None,
        }
    }

    /// Reads the next chunk. Returns `None` after the last chunk.
    ///
    /// # Errors
    /// Fails with the error of the stream behind the body.
    ///
    /// # Cancellation
    /// Dropping the future loses nothing: the chunk stays in the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Body, Bytes};
    ///
    /// # futures::executor::block_on(async {
    /// let mut body = Body::from("hello");
    /// assert_eq!(body.chunk().await?, Some(Bytes::from("hello")));
    /// assert_eq!(body.chunk().await?, None);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.next().await.transpose()
    }

    /// Reads the whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) as soon as there are more than `limit` bytes, and the error of the
    /// stream behind the body.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Body, ErrorKind};
    ///
    /// # futures::executor::block_on(async {
    /// assert_eq!(Body::from("hello").collect(5).await?, "hello");
    /// assert_eq!(Body::from("hello").collect(4).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn collect(self, limit: u64) -> Result<Bytes> {
        match self.0 {
            // Bytes in memory are handed on as they are.
            BodyKind::Bytes(bytes) if bytes.len() as u64 <= limit => Ok(bytes),
            _ => {
                let length = self.length();
                collect(self, length, limit).await
            }
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            match &mut self.0 {
                BodyKind::Empty => return Poll::Ready(None),
                BodyKind::Bytes(bytes) | BodyKind::Text(bytes, _) => {
                    let bytes = std::mem::take(bytes);
                    self.0 = BodyKind::Empty;
                    return Poll::Ready(if bytes.is_empty() { None } else { Some(Ok(bytes)) });
                }
                BodyKind::Factory { start, length, .. } => *self = Self::boxed_stream(start.start(), *length),
                BodyKind::Engine(body) => *self = Self::boxed_stream(body.start(), body.length()),
                BodyKind::Stream { stream, length, .. } => {
                    let stream = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
                    let item = stream.as_mut().poll_next(cx);
                    if let (Poll::Ready(Some(Ok(chunk))), Some(left)) = (&item, length) {
                        // A stream longer than declared fails where it is sent.
                        *left = left.saturating_sub(chunk.len() as u64);
                    }
                    return item;
                }
            }
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            BodyKind::Empty => "Empty",
            BodyKind::Bytes(_) => "Bytes",
            BodyKind::Text(..) => "Text",
            BodyKind::Engine(_) => "Engine",
            BodyKind::Factory { .. } => "Factory",
            BodyKind::Stream { .. } => "Stream",
        };
        match self.0 {
            BodyKind::Empty => f.write_str(kind),
            _ => show_body(f, kind, self.length()),
        }
    }
}

/// Writes the kind of a body and, if it is known, its length in bytes.
pub(crate) fn show_body(f: &mut fmt::Formatter<'_>, kind: &str, length: Option<u64>) -> fmt::Result {
    match length {
        Some(length) => write!(f, "{kind}({length} bytes)"),
        None => f.write_str(kind),
    }
}
