//! The reads of a stream.

use std::future::poll_fn;
use std::task::Poll;

use bytes::Bytes;

use super::limit::StreamLimit;
use super::search::{Delimiter, Find};
use super::state::Input;
use super::tasks::Role;
use super::{IoStream, Seat};
use crate::error::{Error, ErrorKind, Phase, Result};

/// How many times a read may read before other tasks have their turn.
const READS: usize = 16;

impl IoStream {
    /// Reads up to the end of the first `delimiter`, which must end within `max_bytes`; gives everything up to there.
    ///
    /// Each byte is looked at once, however many pieces it comes in.
    ///
    /// # Errors
    /// [`StreamLimit::Delimiter`] as soon as `max_bytes` have come without it; the stream is then closed and what it has
    /// received is gone. If it ends earlier, [`ConnectionClosed`](ErrorKind::ConnectionClosed); what has come can then be
    /// read in another way. [`InvalidRequest`](ErrorKind::InvalidRequest) if `delimiter` is empty, or if there is another
    /// read under way.
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    pub async fn read_until(&self, delimiter: impl AsRef<[u8]>, max_bytes: usize) -> Result<Bytes> {
        let delimiter = delimiter.as_ref();
        if delimiter.is_empty() {
            return Err(refused("an empty delimiter is everywhere"));
        }
        let mut search = Delimiter::new(delimiter);
        self.read(move |input| up_to(input, &mut search, max_bytes, StreamLimit::Delimiter)).await
    }

    /// Reads `count` bytes.
    ///
    /// # Errors
    /// [`StreamLimit::ReadBuffer`] if the read buffer may not hold so many; the stream stays open. Otherwise as
    /// [`read_until`](Self::read_until).
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    pub async fn read_exact(&self, count: usize) -> Result<Bytes> {
        self.check_room(count)?;
        self.read(move |input| Ok((input.data().len() >= count).then(|| input.take(count)))).await
    }

    /// Reads what is there, `max_bytes` at most, and waits only if there is nothing. Empty at the end of the stream.
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    pub async fn read_partial(&self, max_bytes: usize) -> Result<Bytes> {
        let there = |input: &Input| max_bytes == 0 || input.ended || !input.data().is_empty();
        self.read(move |input| Ok(there(input).then(|| input.take(max_bytes)))).await
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// As [`read_exact`](Self::read_exact).
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing: the bytes wait in the stream until all are there.
    pub async fn read_into(&self, buffer: &mut [u8]) -> Result<()> {
        let bytes = self.read_exact(buffer.len()).await?;
        buffer.copy_from_slice(&bytes);
        Ok(())
    }

    /// Reads what is there into `buffer` and says how many bytes that is; waits only if there is nothing. None at the end
    /// of the stream.
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    pub async fn read_into_partial(&self, buffer: &mut [u8]) -> Result<usize> {
        let bytes = self.read_partial(buffer.len()).await?;
        buffer.iter_mut().zip(&bytes).for_each(|(place, byte)| *place = *byte);
        Ok(bytes.len())
    }

    /// Reads everything until the peer closes the stream: nothing, if that has been read before.
    ///
    /// # Errors
    /// [`StreamLimit::ReadBuffer`] if the read buffer may not hold so much; the stream is then closed. To read more, call
    /// [`read_partial`](Self::read_partial) until it gives nothing.
    ///
    /// # Cancellation
    /// A read that is dropped has taken nothing.
    pub async fn read_until_close(&self) -> Result<Bytes> {
        self.read(|input| Ok(input.ended.then(|| input.take(usize::MAX)))).await
    }

    /// Reads until `want` finds in the input what it wants. It takes only what it gives, so a dropped read loses nothing.
    pub(super) async fn read<T>(&self, mut want: impl FnMut(&mut Input) -> Result<Option<T>>) -> Result<T> {
        if !self.tasks.begin_reading() {
            return Err(refused("the stream is being read already"));
        }
        let _seat = Seat { stream: self, role: Role::Reader };
        poll_fn(|cx| {
            self.drive(Role::Reader, cx, |state, cx| {
                // Those who wrote are told by themselves.
                let _ = state.poll_send(cx);
                match state.poll_take(cx, READS, &mut want) {
                    Poll::Ready(Ok(None)) => {
                        cx.waker().wake_by_ref();
                        Poll::Pending
                    }
                    Poll::Ready(Ok(Some(taken))) => Poll::Ready(Ok(taken)),
                    Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                    Poll::Pending => Poll::Pending,
                }
            })
        })
        .await
    }

    fn check_room(&self, count: usize) -> Result<()> {
        let most = self.lock().input.most;
        if count > most { Err(StreamLimit::ReadBuffer(most).into()) } else { Ok(()) }
    }
}

/// Takes everything up to the end of what `search` finds within `most` bytes.
pub(super) fn up_to(
    input: &mut Input,
    search: &mut impl Find,
    most: usize,
    limit: fn(usize) -> StreamLimit,
) -> Result<Option<Bytes>> {
    let data = input.data();
    let within = data.get(..most).unwrap_or(data);
    match search.find(within) {
        Some(end) => Ok(Some(input.take(end))),
        None if data.len() >= most => Err(limit(most).into()),
        None => Ok(None),
    }
}

pub(super) fn refused(reason: &'static str) -> Error {
    Error::new(ErrorKind::InvalidRequest, Phase::Stream, reason)
}
