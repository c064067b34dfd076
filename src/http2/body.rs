//! The body of a response: pieces and trailers of a stream. A piece opens the window again when it is taken.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::connection::Inside;
use super::failure::Http2Failure;
use super::response_fields::check_trailers;
use super::stream::Http2Stream;
use super::upload::RemainingHttp2Upload;
use crate::error::{Error, Phase, Result};
use crate::message::progress::Progress;

/// A part of a response's body.
pub(crate) enum Http2BodyEvent {
    Data(Bytes),
    /// The end, and the trailers.
    End(Option<HeaderMap>),
}

impl Http2Stream {
    /// Sends the rest of the request, if there is any, and returns the next piece of the body, or its end. The server may
    /// send more once [`take`](Self::take) says that the caller has the piece.
    ///
    /// After the end of the body (`has_ended`), the end is returned again once the request is sent. A request that is
    /// sent leaves `upload`.
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Option<(Box<RemainingHttp2Upload>, Progress)>,
        has_ended: bool,
    ) -> Poll<Result<Http2BodyEvent>> {
        // Both are polled in the same turn: the stream wakes no request that drives the connection, so a part that is not
        // polled after the drive would miss what the drive has read, such as an open window.
        let polled = self.poll(cx, |handles, stream_cx, cx| {
            if let Some((rest, progress)) = upload {
                match rest.poll_send(handles, stream_cx, cx, progress) {
                    Poll::Ready(Ok(())) => *upload = None,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(BodyStop::Upload(error))),
                    Poll::Pending if has_ended => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            match &mut handles.receive {
                Some(receive) if !has_ended => poll_receive(receive, stream_cx).map_err(BodyStop::Stream),
                _ => Poll::Ready(Ok(Http2BodyEvent::End(None))),
            }
        });
        match polled {
            Poll::Ready(Err(BodyStop::Upload(error))) => Poll::Ready(Err(error)),
            Poll::Ready(Err(BodyStop::Stream(error))) => {
                let failure = self.failure(error, Phase::Body);
                self.end_or(failure, has_ended)
            }
            Poll::Ready(Ok(event)) if has_ended => Poll::Ready(Ok(event)),
            Poll::Ready(Ok(event)) => Poll::Ready(self.checked(event)),
            Poll::Pending => match self.orphaned(Phase::Body) {
                Some(failure) => self.end_or(failure, has_ended),
                None => Poll::Pending,
            },
        }
    }

    /// Returns the end of a body if the connection has failed after the last byte of the body, and otherwise the failure.
    ///
    /// A server may answer before it has the whole request, and close the connection then. `h2` forgets that the response
    /// was complete if the request was not.
    fn end_or(&self, failure: Http2Failure, has_ended: bool) -> Poll<Result<Http2BodyEvent>> {
        let is_whole = has_ended || self.body.is_some_and(|(length, _)| length.left() == Some(0));
        if failure.is_connection && is_whole {
            return Poll::Ready(Ok(Http2BodyEvent::End(None)));
        }
        Poll::Ready(Err(failure.error))
    }

    /// Returns what has arrived of the body, without waiting and without driving the connection.
    pub(crate) fn poll_body_here(&mut self, cx: &mut Context<'_>) -> Poll<Result<Http2BodyEvent>> {
        let connection = self.connection.clone();
        let _inside = Inside::of(&connection);
        let Some(receive) = &mut self.handles.receive else { return Poll::Ready(Ok(Http2BodyEvent::End(None))) };
        let event = ready!(poll_receive(receive, cx));
        match event {
            Ok(event) => Poll::Ready(self.checked(event)),
            Err(error) => self.end_or(self.failure(error, Phase::Body), false),
        }
    }

    /// Checks the length of the body and the trailers.
    fn checked(&mut self, event: Http2BodyEvent) -> Result<Http2BodyEvent> {
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
}

/// Why a body stopped.
enum BodyStop {
    Upload(Error),
    Stream(h2::Error),
}

/// Returns the next piece that has arrived, or the end of the body. No piece is empty.
fn poll_receive(
    receive: &mut RecvStream,
    cx: &mut Context<'_>,
) -> Poll<std::result::Result<Http2BodyEvent, h2::Error>> {
    loop {
        match ready!(receive.poll_data(cx)) {
            // Many servers end a stream with an empty frame.
            Some(Ok(data)) if data.is_empty() => {}
            Some(data) => return Poll::Ready(data.map(Http2BodyEvent::Data)),
            None => return receive.poll_trailers(cx).map_ok(Http2BodyEvent::End),
        }
    }
}
