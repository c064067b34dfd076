//! A request's body on its way into its stream, within the windows of the server.

use std::future::{Future, Ready};
use std::task::{Context, Poll, ready};

use bytes::Bytes;

use super::request_fields::trailers;
use super::send_window::{WindowGrants, poll_window};
use super::stream::Handles;
use crate::error::Result;
use crate::http1::upload::Upload;
use crate::message::body::Body;
use crate::message::progress::Progress;

/// A body that is being sent.
pub(crate) struct Http2Upload<W> {
    source: Upload<W>,
    /// The part of a piece that the window has not accepted yet.
    piece: Bytes,
    /// Whether a piece of the body was taken from its source.
    has_taken: bool,
    grants: WindowGrants,
}

/// The rest of a body, once the head of the response is here.
pub(crate) type RemainingHttp2Upload = Http2Upload<Ready<()>>;

impl<W: Future<Output = ()> + Unpin> Http2Upload<W> {
    pub(crate) fn new(source: Upload<W>) -> Self {
        Self { source, piece: Bytes::new(), has_taken: false, grants: WindowGrants::default() }
    }

    /// Returns whether the body waits for `100 Continue`.
    pub(super) fn is_waiting(&self) -> bool {
        self.source.is_waiting()
    }

    /// Ends the wait for `100 Continue`.
    pub(super) fn stop_waiting(&mut self) {
        self.source.stop_waiting();
    }

    /// Waits until the time for `100 Continue` is over.
    pub(super) fn poll_continue_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.source.poll_continue_wait(cx)
    }

    /// Takes the rest of the upload after the final head.
    pub(super) fn take_remaining(&mut self) -> RemainingHttp2Upload {
        let piece = std::mem::take(&mut self.piece);
        let grants = std::mem::take(&mut self.grants);
        Http2Upload { source: self.source.take_remaining(), piece, has_taken: self.has_taken, grants }
    }

    /// Returns the body if nothing of it was taken.
    pub(crate) fn into_untouched(self) -> Option<Body> {
        (!self.has_taken).then(|| self.source.into_body())
    }

    /// Sends as much of the body as the windows accept. Ready once everything is queued, or once the server accepts no
    /// more: the response says then why.
    pub(super) fn poll_send(
        &mut self,
        handles: &mut Handles,
        stream_cx: &mut Context<'_>,
        cx: &mut Context<'_>,
        progress: &Progress,
    ) -> Poll<Result<()>> {
        while let Some(send) = &mut handles.send {
            if self.piece.is_empty() {
                match ready!(self.source.poll_data(cx))? {
                    Some(piece) => {
                        self.has_taken = true;
                        self.piece = piece;
                    }
                    None => {
                        // An error means that the server accepts no more.
                        let _ = match self.source.trailers()? {
                            Some(fields) => send.send_trailers(trailers(fields)?),
                            None => send.send_data(Bytes::new(), true),
                        };
                        handles.send = None;
                        break;
                    }
                }
            }
            let Some(capacity) = ready!(poll_window(send, self.piece.len(), stream_cx)) else {
                handles.send = None;
                break;
            };
            let part = self.piece.split_to(capacity.min(self.piece.len()));
            let length = part.len();
            if !self.piece.is_empty() {
                self.grants.count(length)?;
            }
            let is_last = self.piece.is_empty() && self.source.is_complete();
            if send.send_data(part, is_last).is_err() {
                handles.send = None;
                break;
            }
            progress.add(length);
            progress.exchange().send(length as u64);
            if is_last {
                handles.send = None;
            }
        }
        Poll::Ready(Ok(()))
    }
}
