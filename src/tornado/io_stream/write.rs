//! The writes of a stream.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::state::{StreamConnection, StreamState, broken};
use super::waiters::StreamWaiter;
use super::{IoStream, WaitGuard};
use crate::error::{Error, Result};

impl IoStream {
    /// Queues `bytes` behind all earlier writes, and sends at once as much as the connection takes, up to 512 KiB. The
    /// future completes when the transport has taken and flushed the bytes.
    ///
    /// # Errors
    /// [`StreamLimit::WriteBuffer`](super::StreamLimit::WriteBuffer) if the write buffer has no room for all of
    /// `bytes`; then none is queued, and the stream stays open. Otherwise the reason why the connection takes no more
    /// bytes; received bytes can still be read.
    ///
    /// # Cancellation
    /// The bytes are queued by this call, not by the first poll. They are sent even if the future is dropped, when
    /// another future of the stream is polled.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::tornado::IoStream;
    /// use waterspout::{Connector, Url};
    ///
    /// # futures::executor::block_on(async {
    /// let server = ScriptedConnector::new([Script::new().send("250 ok\r\n")]);
    /// let origin = Url::parse("http://mail.example")?.origin();
    /// let connector = server.clone();
    /// let stream = IoStream::connecting(async move { connector.connect(&origin).await });
    /// // The first write is queued, although its future is dropped.
    /// drop(stream.write("NOOP\r\n"));
    /// stream.write("QUIT\r\n").await?;
    /// assert_eq!(server.written(0), "NOOP\r\nQUIT\r\n");
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn write(&self, bytes: impl Into<Bytes>) -> Write<'_> {
        let bytes = bytes.into();
        let queued = self.change(|state, cx| {
            if let StreamConnection::Closed(error) = &state.connection {
                return Err(error.clone());
            }
            let end = state.output.push(bytes)?;
            // An error reaches the caller through the returned future.
            let _ = state.poll_send(cx);
            Ok(end)
        });
        // A refused write has no position, and its future returns the error at the first poll.
        let (end, refused) = match queued {
            Ok(end) => (end, None),
            Err(error) => (0, Some(error)),
        };
        let waiter = StreamWaiter::Writer(end, self.waiters.next_number());
        Write { guard: WaitGuard { stream: self, waiter }, end, refused, has_yielded: false }
    }

    /// Completes when the transport has taken and flushed all earlier writes.
    pub fn flush(&self) -> Write<'_> {
        self.write(Bytes::new())
    }

    /// Sends the queued bytes and closes the writing half, so that the peer sees the end. Reads go on.
    ///
    /// # Errors
    /// The reason why the bytes could not be sent or the half not be closed.
    ///
    /// # Cancellation
    /// If the future is dropped, the half may be open or closed. Calling it again is harmless.
    pub async fn shutdown(&self) -> Result<()> {
        let guard = WaitGuard { stream: self, waiter: StreamWaiter::Writer(u64::MAX, self.waiters.next_number()) };
        poll_fn(|cx| {
            self.drive(guard.waiter, cx, |state, cx| {
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

/// The future of [`IoStream::write`] and [`IoStream::flush`]. The bytes are queued before the first poll, and any
/// polled future of the stream sends them.
#[must_use = "await it to learn whether the bytes were sent"]
pub struct Write<'a> {
    guard: WaitGuard<'a>,
    /// The position of the output at which the write ends.
    end: u64,
    /// Why the write was not queued.
    refused: Option<Error>,
    /// Whether it has let other tasks run. It does so once, because other writes may spend the budget again.
    has_yielded: bool,
}

impl Write<'_> {
    fn poll_flushed(&self, state: &mut StreamState, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let outcome = state.poll_send(cx);
        if state.output.flushed() >= self.end {
            return Poll::Ready(Ok(()));
        }
        outcome
    }
}

impl Future for Write<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(error) = &self.refused {
            return Poll::Ready(Err(error.clone()));
        }
        let mut yields = false;
        let outcome = self.guard.stream.drive(self.guard.waiter, cx, |state, cx| {
            let outcome = self.poll_flushed(state, cx);
            if outcome.is_pending() {
                state.output.budget.renew();
            } else if !self.has_yielded && state.output.budget.take_spent() {
                yields = true;
                return Poll::Pending;
            }
            outcome
        });
        if yields {
            self.has_yielded = true;
            // Outside of the step, which holds the lock of the stream.
            cx.waker().wake_by_ref();
        }
        outcome
    }
}

impl fmt::Debug for Write<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("end", &self.end).field("refused", &self.refused).finish_non_exhaustive()
    }
}
