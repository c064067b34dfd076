//! A body as a reader of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::{AsyncBufRead, AsyncRead, Stream};

use super::Body;
use crate::error::{Error, ErrorKind};
use crate::message::url::Url;

/// A body as an [`AsyncRead`] and [`AsyncBufRead`] of `futures`, and with the feature `tokio` of `tokio` too.
///
/// [`Body::into_reader`] and [`Response::into_reader`](crate::Response::into_reader) make it. It has no buffer of its own: it
/// keeps the rest of a chunk that was read in part.
///
/// # Errors
/// An error of the body is an [`io::Error`] whose inner error is the [`Error`] of this crate. Its kind is `TimedOut` for a
/// time limit, `UnexpectedEof` for a connection that was closed too early, `InvalidData` for bytes that break the protocol or
/// cannot be decoded, and else `Other`. After an error the reader is at its end.
///
/// # Cancellation
/// Dropping the future of a read loses nothing. Dropping the reader stops the transfer, and frees the slot and the connection.
///
/// # Examples
///
/// ```
/// use futures::io::AsyncBufReadExt;
/// use futures::TryStreamExt;
/// use waterspout::Body;
///
/// # futures::executor::block_on(async {
/// let lines = Body::from("first\nsecond\n").into_reader().lines();
/// assert_eq!(lines.try_collect::<Vec<_>>().await?, ["first", "second"]);
/// # Ok::<(), std::io::Error>(())
/// # })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct BodyReader {
    body: Body,
    /// The unread rest of the last chunk.
    chunk: Bytes,
    /// The URL that errors name.
    url: Option<Url>,
}

impl Body {
    /// Returns a reader of the body's bytes.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::AsyncReadExt;
    /// use waterspout::Body;
    ///
    /// # futures::executor::block_on(async {
    /// let mut text = String::new();
    /// Body::from("hello").into_reader().read_to_string(&mut text).await?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), std::io::Error>(())
    /// # })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_reader(self) -> BodyReader {
        BodyReader { body: self, chunk: Bytes::new(), url: None }
    }
}

impl BodyReader {
    /// Returns the unread rest as a body.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::AsyncBufReadExt;
    /// use waterspout::Body;
    ///
    /// # futures::executor::block_on(async {
    /// let mut reader = Body::from("title\nthe text").into_reader();
    /// let mut title = String::new();
    /// reader.read_line(&mut title).await?;
    /// assert_eq!(reader.into_body().collect(100).await?, "the text");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_body(self) -> Body {
        if self.chunk.is_empty() {
            return self.body;
        }
        let trailers = self.body.trailers().cloned();
        let rest = Body::concat(vec![self.chunk.into(), self.body]);
        match trailers {
            Some(trailers) => rest.with_trailers(trailers),
            None => rest,
        }
    }

    /// Returns the same reader, whose errors name `url`.
    pub(crate) fn with_url(mut self, url: Url) -> Self {
        self.url = Some(url);
        self
    }

    /// Waits until there are unread bytes, or the body has ended.
    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        while self.chunk.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                None => {
                    // A read after the end must not poll a stream that has ended.
                    self.body = Body::empty();
                    break;
                }
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => {
                    self.body = Body::empty();
                    return Poll::Ready(Err(self.io_error(error)));
                }
            }
        }
        Poll::Ready(Ok(&self.chunk))
    }

    /// Marks `count` unread bytes as read.
    pub(super) fn advance(&mut self, count: usize) {
        self.chunk.advance(count.min(self.chunk.len()));
    }

    fn io_error(&self, error: Error) -> io::Error {
        let kind = match error.kind() {
            ErrorKind::Timeout => io::ErrorKind::TimedOut,
            ErrorKind::ConnectionClosed => io::ErrorKind::UnexpectedEof,
            ErrorKind::Protocol | ErrorKind::Decode => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(
            kind,
            match &self.url {
                Some(url) => error.with_url(url),
                None => error,
            },
        )
    }
}

impl AsyncRead for BodyReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if buffer.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let unread = ready!(self.poll_chunk(cx))?;
        let count = unread.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), unread.get(..count)) {
            to.copy_from_slice(from);
        }
        self.advance(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncBufRead for BodyReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_chunk(cx)
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.advance(count);
    }
}
