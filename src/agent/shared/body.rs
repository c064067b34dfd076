//! Receives a response's body on a stream of a shared connection. At the end of the body, the stream is free.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;

use super::Share;
use crate::agent::body::{complete, failed};
use crate::agent::decode::{self, Encoded, Pipeline};
use crate::agent::pieces::Pieces;
use crate::error::Result;
use crate::http2::{Http2BodyEvent, RemainingHttp2Upload};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;

/// Maximum bytes that are taken together with the head.
const MAX_EARLY: usize = 64 * 1024;

/// A body that is being received. Dropping it before its end resets the stream.
struct StreamedBody {
    /// Pieces that arrived together with the head. The window does not count them until the caller takes them.
    early: Pieces,
    /// `None` once the body has ended or failed.
    share: Option<Share>,
    trailers: Trailers,
    /// The rest of the request, which is sent meanwhile, and where its bytes are counted.
    upload: Option<(Box<RemainingHttp2Upload>, Progress)>,
    /// Whether the response's body has ended. The request may still have to be sent.
    has_ended: bool,
}

/// Returns the body of a response, and the cell that its trailers are stored in. The body is decoded if there is a
/// `pipeline`.
///
/// If the whole body has arrived with the head, its stream is free when this function returns.
pub(super) fn receive(
    mut share: Share,
    length: Option<u64>,
    pipeline: Option<Pipeline>,
    upload: Option<(Box<RemainingHttp2Upload>, Progress)>,
) -> (Body, Trailers) {
    let trailers = Trailers::new();
    let mut early = Pieces::default();
    let mut bytes = 0;
    let mut failure = None;
    let mut cx = Context::from_waker(std::task::Waker::noop());
    while upload.is_none() && bytes < MAX_EARLY {
        match share.stream().poll_body_here(&mut cx) {
            Poll::Ready(Ok(Http2BodyEvent::Data(piece))) => {
                bytes += piece.len();
                early.push(piece);
            }
            Poll::Ready(Ok(Http2BodyEvent::End(fields))) => {
                fields.map(|fields| trailers.set(fields));
                drop(share);
                return (complete(early, pipeline).body, trailers);
            }
            Poll::Ready(Err(error)) => {
                failure = Some(error);
                break;
            }
            Poll::Pending => break,
        }
    }
    if let Some(error) = failure {
        // The caller still receives the pieces before the error.
        return (failed(early, error, length, pipeline), trailers);
    }
    let incoming = StreamedBody { early, share: Some(share), trailers: trailers.clone(), upload, has_ended: false };
    let body = match pipeline {
        None => Body::boxed_stream(Box::pin(incoming), length),
        Some(pipeline) => decode::decode_stream(Box::new(incoming), pipeline),
    };
    (body, trailers)
}

impl Stream for StreamedBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(share) = &mut this.share else { return Poll::Ready(None) };
        if let Some(piece) = this.early.next() {
            share.stream().take(piece.len());
            return Poll::Ready(Some(Ok(piece)));
        }
        loop {
            match ready!(share.stream().poll_body(cx, &mut this.upload, this.has_ended)) {
                Ok(Http2BodyEvent::Data(piece)) => {
                    share.stream().take(piece.len());
                    return Poll::Ready(Some(Ok(piece)));
                }
                // The caller stops polling at the end of the body, and that would stop the rest of the request.
                Ok(Http2BodyEvent::End(fields)) if !this.has_ended => {
                    fields.map(|fields| this.trailers.set(fields));
                    this.has_ended = true;
                }
                Ok(Http2BodyEvent::End(_)) => {
                    this.share = None;
                    return Poll::Ready(None);
                }
                Err(error) => {
                    this.share = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl Encoded for StreamedBody {}
