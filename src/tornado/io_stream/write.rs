//! The writes of a stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::state::{Link, State, broken};
use super::tasks::Role;
use super::{IoStream, Seat};
use crate::error::{Error, Result};

impl IoStream {
    /// Queues `bytes` behind all that was written before, and sends at once what the connection takes. The future completes
    /// when they have left: when the transport has taken and flushed them.
    ///
    /// # Errors
    /// [`StreamLimit::WriteBuffer`](super::StreamLimit::WriteBuffer) if more bytes would wait than may; then none of these
    /// is queued and the stream stays open. Otherwise the reason why the connection takes no more; what the peer has sent
    /// can still be read.
    ///
    /// # Cancellation
    /// The bytes are queued when this is called, not when it is polled: they are sent even if the future is dropped, as long as
    /// another future of the stream is polled.
    pub fn write(&self, bytes: impl Into<Bytes>) -> Write<'_> {
        let bytes = bytes.into();
        let queued = self.change(|state, cx| {
            if let Link::Closed(error) = &state.link {
                return Err(error.clone());
            }
            let end = state.output.push(bytes)?;
            // Whether it went well is told to whoever waits for it.
            let _ = state.poll_send(cx);
            Ok(end)
        });
        let (end, refused) = match queued {
            Ok(end) => (end, None),
            Err(error) => (0, Some(error)),
        };
        let role = Role::Writer(end, self.tasks.number());
        Write { seat: Seat { stream: self, role }, end, refused }
    }

    /// Completes when everything that was written has left.
    pub fn flush(&self) -> Write<'_> {
        self.write(Bytes::new())
    }

    /// Sends what is queued and closes the writing half, so that the peer sees the end; reading goes on.
    ///
    /// # Cancellation
    /// If it is dropped the half may be open or closed; calling it again is harmless.
    pub async fn shutdown(&self) -> Result<()> {
        let seat = Seat { stream: self, role: Role::Writer(u64::MAX, self.tasks.number()) };
        poll_fn(|cx| {
            self.drive(seat.role, cx, |state, cx| {
                if state.is_shut {
                    return Poll::Ready(Ok(()));
                }
                ready!(state.poll_send(cx))?;
                let outcome = ready!(state.poll_shut(cx));
                Poll::Ready(outcome.map_err(|error| broken("the stream's writing half could not be closed", error)))
            })
        })
        .await
    }
}

/// The wait of [`IoStream::write`] and [`IoStream::flush`]. The bytes are queued whether or not it is polled, and whoever
/// is polled sends for all.
#[must_use = "whether the bytes have left is known only to who awaits it"]
pub struct Write<'a> {
    seat: Seat<'a>,
    end: u64,
    refused: Option<Error>,
}

impl Write<'_> {
    fn poll_left(&self, state: &mut State, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let outcome = state.poll_send(cx);
        if state.output.sent() >= self.end {
            return Poll::Ready(Ok(()));
        }
        outcome
    }
}

impl Future for Write<'_> {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(error) = &self.refused {
            return Poll::Ready(Err(error.clone()));
        }
        self.seat.stream.drive(self.seat.role, cx, |state, cx| self.poll_left(state, cx))
    }
}

impl fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("end", &self.end).field("refused", &self.refused).finish_non_exhaustive()
    }
}
