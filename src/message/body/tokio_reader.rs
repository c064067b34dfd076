//! Readers of `tokio`: as the source of a request body, and over the body of a response. Behind the feature `tokio`.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::AsyncRead;
use tokio::io::ReadBuf;

use super::Body;
use super::reader::BodyReader;
use crate::runtime::MaybeSend;

impl Body {
    /// Returns a body that reads `reader`, an `AsyncRead` of `tokio`, once, in chunks of at most 64 KiB. It exists with
    /// the feature `tokio`.
    ///
    /// Without a [length](Self::with_length) the body is sent chunked. For a body that each attempt reads from the
    /// beginning, see [`factory`](Self::factory).
    ///
    /// # Errors
    /// On sending: [`RequestBody`](crate::ErrorKind::RequestBody) with the reader's error as its source.
    ///
    /// # Platform
    /// A reader that needs the runtime of `tokio`, such as its file or its socket, must
    /// be polled within that runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Body;
    ///
    /// // A slice of bytes is a reader of `tokio`.
    /// let body = Body::tokio_reader(&b"hello"[..]).with_length(5);
    /// # futures::executor::block_on(async {
    /// assert_eq!(body.collect(100).await?, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn tokio_reader(reader: impl tokio::io::AsyncRead + MaybeSend + Unpin + 'static) -> Self {
        Self::reader(TokioReader(reader))
    }
}

/// A reader of `tokio` as a reader of `futures`.
struct TokioReader<R>(R);

impl<R: tokio::io::AsyncRead + Unpin> AsyncRead for TokioReader<R> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.0).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }
}

impl tokio::io::AsyncRead for BodyReader {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let unread = ready!(self.poll_chunk(cx))?;
        let count = unread.len().min(buffer.remaining());
        buffer.put_slice(unread.get(..count).unwrap_or_default());
        self.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl tokio::io::AsyncBufRead for BodyReader {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_chunk(cx)
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        self.advance(count);
    }
}
