//! What becomes of a stream's connection: made, upgraded, closed.

use std::future::{Future, poll_fn};
use std::task::{Poll, ready};

use super::read::refused;
use super::state::Link;
use super::tasks::Role;
use super::{IoStream, Seat};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::MaybeSend;
use crate::transport::Transport;

impl IoStream {
    /// Completes when the connection is there, at once if it is.
    ///
    /// # Errors
    /// Why it could not be made.
    ///
    /// # Cancellation
    /// If it is dropped the connection is made by whoever uses the stream next.
    pub async fn connected(&self) -> Result<()> {
        let seat = self.watch();
        poll_fn(|cx| {
            self.drive(seat.role, cx, |state, cx| {
                ready!(state.poll_connected(cx))?;
                let _ = state.poll_send(cx);
                Poll::Ready(Ok(()))
            })
        })
        .await
    }

    /// Completes when the peer closes the stream, although nobody reads: what comes in meanwhile is kept to be read, up
    /// to the limit of the read buffer, beyond which the peer has to wait for a read.
    ///
    /// # Errors
    /// If the stream did not end in order: it was reset, was closed here, or could not be connected.
    ///
    /// # Cancellation
    /// What has been received is kept.
    pub async fn closed(&self) -> Result<()> {
        let seat = self.watch();
        poll_fn(|cx| {
            self.drive(seat.role, cx, |state, cx| {
                let _ = state.poll_send(cx);
                while !state.input.ended {
                    if state.input.is_full() && matches!(state.link, Link::Open(_)) {
                        state.input.stalled = true;
                        return Poll::Pending;
                    }
                    ready!(state.poll_fill(cx))?;
                }
                Poll::Ready(Ok(()))
            })
        })
        .await
    }

    /// Closes the connection at once. What waits to be sent or to be read is gone, and every wait ends with an error of kind
    /// [`ConnectionClosed`](ErrorKind::ConnectionClosed). To part in order, await [`shutdown`](Self::shutdown) first.
    pub fn close(&self) {
        let error = Error::new(ErrorKind::ConnectionClosed, Phase::Stream, "the stream was closed here");
        self.change(|state, _| {
            if !matches!(state.link, Link::Closed(_)) {
                state.close(error);
            }
        });
    }

    /// Puts another connection in the place of this one, made over it: TLS, for instance. Reads and writes that follow wait
    /// for the new one; nothing more goes over the old one but what `upgrade` sends.
    ///
    /// It is made by whoever uses the stream next; await [`connected`](Self::connected) for the outcome. The future may not
    /// use the stream.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the stream is not idle: it is still connecting or is being read, or
    /// there are bytes that were received and not read, or written and not sent. Nothing is changed then.
    pub fn upgrade<F>(&self, upgrade: impl FnOnce(Box<dyn Transport>) -> F) -> Result<()>
    where
        F: Future<Output = Result<Box<dyn Transport>>> + MaybeSend + 'static,
    {
        let reading = self.tasks.is_reading();
        let transport = self.change(|state, _| {
            let reason = match &state.link {
                Link::Closed(error) => return Err(error.clone()),
                Link::Connecting(_) => Some("the stream is not idle: it is still connecting"),
                Link::Open(_) if reading => Some("the stream is not idle: it is being read"),
                Link::Open(_) if !state.input.data().is_empty() => {
                    Some("the stream is not idle: there are bytes that were received and not read")
                }
                Link::Open(_) if !state.output.is_empty() => {
                    Some("the stream is not idle: there are bytes that were written and not sent")
                }
                Link::Open(_) => None,
            };
            if let Some(reason) = reason {
                return Err(refused(reason));
            }
            let wait = Link::Connecting(Box::pin(std::future::pending()));
            Ok(std::mem::replace(&mut state.link, wait))
        })?;
        if let Link::Open(transport) = transport {
            let connection = upgrade(transport);
            self.change(|state, _| {
                // Unless it was closed meanwhile.
                if matches!(state.link, Link::Connecting(_)) {
                    state.link = Link::Connecting(Box::pin(connection));
                    state.news.heard = true;
                    state.news.sent = Some(u64::MAX);
                }
            });
        }
        Ok(())
    }

    fn watch(&self) -> Seat<'_> {
        Seat { stream: self, role: Role::Watcher(self.tasks.number()) }
    }
}
