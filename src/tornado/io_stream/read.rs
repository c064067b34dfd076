//! The reads of a stream.

use std::future::poll_fn;
use std::task::{Poll, ready};

use bytes::Bytes;

use super::limit::StreamLimit;
use super::search::{Delimiter, Pattern};
use super::state::StreamInput;
use super::waiters::StreamWaiter;
use super::{IoStream, WaitGuard};
use crate::error::{Error, ErrorKind, Phase, Result};

impl IoStream {
    /// Reads up to and including the first `delimiter`, which must end within `max_bytes`.
    ///
    /// Each byte is examined once, independent of how the bytes are split, and also if a read for the same delimiter was
    /// dropped before.
    ///
    /// # Errors
    /// - [`StreamLimit::Delimiter`] as soon as `max_bytes` have arrived without a delimiter. The stream is then closed,
    ///   and its received bytes are discarded.
    /// - [`ConnectionClosed`](ErrorKind::ConnectionClosed) if the stream ends before. The received bytes can then be
    ///   read with another method.
    /// - [`InvalidRequest`](ErrorKind::InvalidRequest) if `delimiter` is empty, or if another read has not ended.
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    pub async fn read_until(&self, delimiter: impl AsRef<[u8]>, max_bytes: usize) -> Result<Bytes> {
        let delimiter = delimiter.as_ref();
        if delimiter.is_empty() {
            return Err(refused("the delimiter is empty: it would match before the first byte"));
        }
        self.read(|input| {
            input.set_search(Pattern::Delimiter(delimiter), || Box::new(Delimiter::new(delimiter)));
            up_to(input, max_bytes, StreamLimit::Delimiter)
        })
        .await
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// [`StreamLimit::ReadBuffer`] if `count` is more than the read buffer may hold; the stream stays open. Otherwise
    /// as [`read_until`](Self::read_until).
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::tornado::IoStream;
    /// use waterspout::{Connector, Url};
    ///
    /// # futures::executor::block_on(async {
    /// let server = ScriptedConnector::new([Script::new().send("\0\0\0\x05hello")]);
    /// let origin = Url::parse("http://frames.example")?.origin();
    /// let stream = IoStream::connecting(async move { server.connect(&origin).await });
    /// let mut length = [0; 4];
    /// stream.read_into(&mut length).await?;
    /// let frame = stream.read_exact(u32::from_be_bytes(length) as usize).await?;
    /// assert_eq!(frame, "hello");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub async fn read_exact(&self, count: usize) -> Result<Bytes> {
        self.check_room(count)?;
        self.read(move |input| Ok((input.data().len() >= count).then(|| input.take(count)))).await
    }

    /// Reads the bytes that have arrived, at most `max_bytes`, and waits only if there are none. Returns no byte at the
    /// end of the stream.
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    pub async fn read_partial(&self, max_bytes: usize) -> Result<Bytes> {
        let is_ready = |input: &StreamInput| max_bytes == 0 || input.has_ended || !input.data().is_empty();
        self.read(move |input| Ok(is_ready(input).then(|| input.take(max_bytes)))).await
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// As [`read_exact`](Self::read_exact).
    ///
    /// # Cancellation
    /// A dropped read has taken no byte: bytes stay in the stream until `buffer` can be filled.
    pub async fn read_into(&self, buffer: &mut [u8]) -> Result<()> {
        let bytes = self.read_exact(buffer.len()).await?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }

    /// Reads the bytes that have arrived into `buffer`, and waits only if there are none. Returns how many bytes were
    /// read; zero at the end of the stream.
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    pub async fn read_into_partial(&self, buffer: &mut [u8]) -> Result<usize> {
        let bytes = self.read_partial(buffer.len()).await?;
        buffer.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        Ok(bytes.len())
    }

    /// Reads all bytes until the peer closes the stream. Returns no byte if the end was reached before.
    ///
    /// # Errors
    /// [`StreamLimit::ReadBuffer`] if the read buffer may not hold so many bytes; the stream is then closed. To read
    /// more, call [`read_partial`](Self::read_partial) until it returns no byte.
    ///
    /// # Cancellation
    /// A dropped read has taken no byte.
    pub async fn read_until_close(&self) -> Result<Bytes> {
        self.read(|input| Ok(input.has_ended.then(|| input.take(usize::MAX)))).await
    }

    /// Reads until `take` finds the wanted bytes in the input and takes them. It takes bytes only when it returns them,
    /// so a dropped read loses none.
    pub(super) async fn read<T>(&self, mut take: impl FnMut(&mut StreamInput) -> Result<Option<T>>) -> Result<T> {
        // Two reads would each take bytes that the other needs.
        if !self.waiters.begin_reading() {
            return Err(refused("the stream is being read by another task"));
        }
        let _guard = WaitGuard { stream: self, waiter: StreamWaiter::Reader };
        poll_fn(|cx| {
            let mut yields = false;
            let outcome = self.drive(StreamWaiter::Reader, cx, |state, cx| {
                // An error of sending reaches the futures of the writes.
                let _ = state.poll_send(cx);
                match ready!(state.poll_take(cx, &mut take)) {
                    Ok(Some(taken)) => Poll::Ready(Ok(taken)),
                    Ok(None) => {
                        yields = true;
                        Poll::Pending
                    }
                    Err(error) => Poll::Ready(Err(error)),
                }
            });
            if yields {
                // Outside of the step, which holds the lock of the stream.
                cx.waker().wake_by_ref();
            }
            outcome
        })
        .await
    }

    fn check_room(&self, count: usize) -> Result<()> {
        let max = self.lock().input.max;
        if count > max { Err(StreamLimit::ReadBuffer(max).into()) } else { Ok(()) }
    }
}

/// Takes all bytes up to the end of the match that the input's search finds within `max` bytes.
pub(super) fn up_to(input: &mut StreamInput, max: usize, limit: fn(usize) -> StreamLimit) -> Result<Option<Bytes>> {
    let (search, data, budget) = input.search_parts();
    let Some(search) = search else { return Ok(None) };
    let within = data.get(..max).unwrap_or(data);
    if search.scanned() > within.len() {
        // An earlier read was dropped after it had searched beyond this read's `max`.
        search.restart();
    }
    let before = search.scanned();
    let found = search.find(within, budget.left());
    budget.spend(search.scanned() - before);
    let is_complete = search.scanned() >= within.len();
    match found {
        Some(end) => Ok(Some(input.take(end))),
        // Without this check a peer that never sends a delimiter would fill the buffer.
        None if is_complete && data.len() >= max => Err(limit(max).into()),
        None => Ok(None),
    }
}

pub(super) fn refused(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, Phase::Stream, reason)
}
