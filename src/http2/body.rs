//! The body of a response: pieces and trailers of a stream. A piece opens the window again when it is taken.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::connection::Inside;
use super::response_fields::check_trailers;
use super::stream::Http2Stream;
use super::upload::RemainingHttp2Upload;
use crate::error::{Phase, Result};
use crate::message::progress::Progress;

/// A part of a response's body.
pub(crate) enum Http2BodyEvent {
    Data(Bytes),
    /// The end, and the trailers.
    End(Option<HeaderMap>),
}

impl Http2Stream {
    /// Returns the next piece of the body, or its end. The server may send more once [`take`](Self::take) says that the
    /// caller has the piece.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Http2BodyEvent>> {
        let polled = self.poll(cx, |handles, stream_cx, _| {
            let Some(receive) = &mut handles.receive else { return Poll::Ready(Ok(Http2BodyEvent::End(None))) };
            poll_receive(receive, stream_cx)
        });
        match polled {
            Poll::Ready(event) => Poll::Ready(self.checked(event)),
            Poll::Pending => {
                self.orphaned(Phase::Body).map_or(Poll::Pending, |failure| Poll::Ready(Err(failure.error)))
            }
        }
    }

    /// Returns what has arrived of the body, without waiting and without driving the connection.
    pub(crate) fn poll_body_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<Http2BodyEvent>> {
        let connection = self.connection.clone();
        let _inside = Inside::of(&connection);
        let Some(receive) = &mut self.handles.receive else { return Poll::Ready(Ok(Http2BodyEvent::End(None))) };
        let event = ready!(poll_receive(receive, cx));
        Poll::Ready(self.checked(event))
    }

    /// Checks the length of the body and the trailers.
    fn checked(&mut self, event: std::result::Result<Http2BodyEvent, h2::Error>) -> Result<Http2BodyEvent> {
        let event = event.map_err(|error| self.failure(error, Phase::Body).error)?;
        if let Some((length, limits)) = &mut self.body {
            match &event {
                Http2BodyEvent::Data(piece) => length.count(piece.len())?,
                Http2BodyEvent::End(trailers) => {
                    length.end()?;
                    trailers.as_ref().map_or(Ok(()), |trailers| check_trailers(trailers, limits))?;
                }
            }
        }
        Ok(event)
    }

    /// Opens the window by the bytes of a piece that the caller has taken.
    pub(crate) fn take(&mut self, bytes: usize) {
        let connection = self.connection.clone();
        let _inside = Inside::of(&connection);
        if let Some(receive) = &mut self.handles.receive {
            // It fails only for more bytes than have arrived.
            let _ = receive.flow_control().release_capacity(bytes);
        }
    }

    /// Sends the rest of a request while the response is received.
    pub(crate) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut RemainingHttp2Upload,
        progress: &Progress,
    ) -> Poll<Result<()>> {
        self.poll(cx, |handles, stream_cx, cx| upload.poll_send(handles, stream_cx, cx, progress))
    }
}

/// Returns the next piece that has arrived, or the end of the body.
fn poll_receive(
    receive: &mut RecvStream,
    cx: &mut Context<'_>,
) -> Poll<std::result::Result<Http2BodyEvent, h2::Error>> {
    match ready!(receive.poll_data(cx)) {
        Some(data) => Poll::Ready(data.map(Http2BodyEvent::Data)),
        None => receive.poll_trailers(cx).map_ok(Http2BodyEvent::End),
    }
}
