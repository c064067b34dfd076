//! Methods about a stream's connection: connected, closed, close, upgrade.

use std::future::{Future, poll_fn};
use std::task::{Poll, ready};

use super::budget::StreamBudget;
use super::read::refused;
use super::state::StreamConnection;
use super::waiters::StreamWaiter;
use super::{IoStream, WaitGuard};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::MaybeSend;
use crate::transport::Transport;

impl IoStream {
    /// Completes when the connection is open.
    ///
    /// # Errors
    /// The error of connecting.
    ///
    /// # Cancellation
    /// Dropping the future pauses connecting until another future of the stream is polled.
    pub async fn connected(&self) -> Result<()> {
        let guard = self.connection_guard();
        poll_fn(|cx| {
            self.drive(guard.waiter, cx, |state, cx| {
                ready!(state.poll_connected(cx))?;
                // The writes that were queued meanwhile leave now. An error of sending reaches the futures of the
                // writes.
                let _ = state.poll_send(cx);
                Poll::Ready(Ok(()))
            })
        })
        .await
    }

    /// Completes when the peer closes the stream, even if no task reads. Bytes that arrive meanwhile are kept for a
    /// read, up to the limit of the read buffer; then the peer has to wait until a read makes room.
    ///
    /// # Errors
    /// If the stream did not end in order: it was reset, was closed here, or could not be connected.
    ///
    /// # Cancellation
    /// Received bytes are kept.
    pub async fn closed(&self) -> Result<()> {
        let guard = self.connection_guard();
        poll_fn(|cx| {
            let mut budget = StreamBudget::new();
            let outcome = self.drive(guard.waiter, cx, |state, cx| {
                // Every future of the stream sends, because no task works in the background.
                let _ = state.poll_send(cx);
                while !state.input.has_ended && budget.left() > 0 {
                    if state.input.is_full() && matches!(state.connection, StreamConnection::Open(_)) {
                        state.input.wait_for_room = true;
                        return Poll::Pending;
                    }
                    budget.spend_call(ready!(state.poll_fill(cx))?);
                }
                if state.input.has_ended { Poll::Ready(Ok(())) } else { Poll::Pending }
            });
            if budget.left() == 0 {
                // Other tasks run before more is received. This is outside of the step, which holds the stream's lock.
                cx.waker().wake_by_ref();
            }
            outcome
        })
        .await
    }

    /// Closes the connection at once. Bytes that wait to be sent or read are discarded, and every pending future of the
    /// stream ends with an error of kind [`ConnectionClosed`](ErrorKind::ConnectionClosed). To close in order, await
    /// [`shutdown`](Self::shutdown) first.
    pub fn close(&self) {
        let error = Error::new(ErrorKind::ConnectionClosed, Phase::Stream, "the stream was closed here");
        self.change(|state, _| {
            if !matches!(state.connection, StreamConnection::Closed(_)) {
                state.close(error);
            }
        });
    }

    /// Replaces the connection by another connection made over it, TLS for instance. Later reads and writes wait for
    /// the new connection, so nothing can be sent in the clear after this call, except by `upgrade` itself.
    ///
    /// The future of `upgrade` is polled by the futures of the stream, so it must not use the stream. Await
    /// [`connected`](Self::connected) for the outcome.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the stream is not idle: it is still connecting, is being read,
    /// or holds bytes that were received and not read, or written and not sent. The stream is then unchanged.
    pub fn upgrade<F>(&self, upgrade: impl FnOnce(Box<dyn Transport>) -> F) -> Result<()>
    where
        F: Future<Output = Result<Box<dyn Transport>>> + MaybeSend + 'static,
    {
        let is_reading = self.waiters.is_reading();
        let transport = self.change(|state, _| {
            let reason = match &state.connection {
                StreamConnection::Closed(error) => return Err(error.clone()),
                StreamConnection::Connecting(_) => Some("the stream is not idle: it is still connecting"),
                StreamConnection::Open(_) if is_reading => Some("the stream is not idle: it is being read"),
                StreamConnection::Open(_) if !state.input.data().is_empty() => {
                    Some("the stream is not idle: it holds bytes that were received and not read")
                }
                StreamConnection::Open(_) if !state.output.is_empty() => {
                    Some("the stream is not idle: it holds bytes that were written and not sent")
                }
                StreamConnection::Open(_) => None,
            };
            if let Some(reason) = reason {
                return Err(refused(reason));
            }
            // `upgrade` is foreign code, which is called without the lock. Until it returns, all futures wait.
            let wait = StreamConnection::Connecting(Box::pin(std::future::pending()));
            Ok(std::mem::replace(&mut state.connection, wait))
        })?;
        if let StreamConnection::Open(transport) = transport {
            let connection = upgrade(transport);
            self.change(|state, _| {
                // The stream may have been closed meanwhile, and then stays closed.
                if matches!(state.connection, StreamConnection::Connecting(_)) {
                    // All waiting tasks are woken below: they have to poll the future of the new connection.
                    state.connection = StreamConnection::Connecting(Box::pin(connection));
                    state.changes.input = true;
                    state.changes.flushed = Some(u64::MAX);
                }
            });
        }
        Ok(())
    }

    fn connection_guard(&self) -> WaitGuard<'_> {
        WaitGuard { stream: self, waiter: StreamWaiter::Connection(self.waiters.next_number()) }
    }
}
