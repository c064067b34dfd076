//! Decodes a body that has arrived, or a stream.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;

use super::pipeline::{DecodeEvent, Pipeline};
use crate::agent::pieces::Pieces;
use crate::error::{Error, Result};
use crate::message::body::Body;
use crate::runtime::MaybeSend;

/// Maximum bytes that are decoded before the body is read.
const MAX_EAGER: usize = 64 * 1024;

/// Maximum number of pieces in a row that decode to nothing before other tasks, and the time limits, get a turn.
const MAX_EMPTY_PIECES: usize = 16;

/// A body whose encoded bytes have all arrived.
pub(in crate::agent) struct CompleteBody {
    pub(in crate::agent) body: Body,
    /// Whether decoding has already failed. The body then ends in the error.
    pub(in crate::agent) has_failed: bool,
}

/// Decodes a body that has arrived completely: at once if it decodes to less than 64 KiB, otherwise while it is read.
pub(in crate::agent) fn decode_complete(encoded: Bytes, mut pipeline: Pipeline) -> CompleteBody {
    pipeline.feed(encoded);
    pipeline.end();
    let mut early = Pieces::default();
    let mut length = 0;
    let mut failure = None;
    while length < MAX_EAGER {
        match pipeline.next() {
            Ok(DecodeEvent::Data(piece)) => {
                length += piece.len();
                early.push(piece);
            }
            Ok(DecodeEvent::End) => {
                let body = early.concat().map_or_else(Body::empty, Body::from);
                return CompleteBody { body, has_failed: false };
            }
            // The rest is decoded while the body is read, so that other tasks run in between.
            Ok(DecodeEvent::Pause | DecodeEvent::More) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let has_failed = failure.is_some();
    // The whole encoded body is in the pipeline already, so the source is empty.
    let source = failure.is_none().then(|| Box::new(Body::empty()) as Box<dyn Encoded>);
    let body = Body::in_memory_stream(Box::pin(DecodedBody { early, source, pipeline, failure }));
    CompleteBody { body, has_failed }
}

/// Decodes a body while it arrives.
pub(in crate::agent) fn decode_stream(encoded: Box<dyn Encoded>, pipeline: Pipeline) -> Body {
    let body = DecodedBody { early: Pieces::default(), source: Some(encoded), pipeline, failure: None };
    Body::boxed_stream(Box::pin(body), None)
}

/// An encoded body that is being received.
pub(in crate::agent) trait Encoded: Stream<Item = Result<Bytes>> + MaybeSend + Unpin {
    /// Called after the end of the body, if the decoded body is complete too.
    fn on_decoded(&mut self) {}
}

impl Encoded for Body {}

/// The decoded body. Its end is also the end of the encoded body, whose connection can then be used again. If decoding
/// fails, the encoded body is dropped, which closes the connection.
struct DecodedBody {
    /// The pieces that have been decoded already.
    early: Pieces,
    source: Option<Box<dyn Encoded>>,
    pipeline: Pipeline,
    /// Why the encoded body ended early. The error follows the bytes that decode before it.
    failure: Option<Error>,
}

impl DecodedBody {
    /// Decodes a turn's work. Returns `Pending` without a wake-up only if the source waits.
    fn poll_decode(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(source) = &mut self.source else { return Poll::Ready(self.failure.take().map(Err)) };
        for _ in 0..MAX_EMPTY_PIECES {
            match self.pipeline.next() {
                Ok(DecodeEvent::Data(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(DecodeEvent::End) if self.failure.is_none() => {
                    source.on_decoded();
                    return Poll::Ready(None);
                }
                // The encoded body ended early, so the decoder's own complaint follows from that.
                Ok(DecodeEvent::End) => return Poll::Ready(self.failure.take().map(Err)),
                Err(error) => return Poll::Ready(Some(Err(self.failure.take().unwrap_or(error)))),
                Ok(DecodeEvent::Pause) => break,
                Ok(DecodeEvent::More) => match Pin::new(&mut *source).poll_next(cx) {
                    Poll::Ready(Some(Ok(piece))) => self.pipeline.feed(piece),
                    Poll::Ready(None) => self.pipeline.end(),
                    Poll::Ready(Some(Err(error))) => {
                        self.failure = Some(error);
                        self.pipeline.end();
                    }
                    Poll::Pending => {
                        self.pipeline.resume();
                        return Poll::Pending;
                    }
                },
            }
        }
        self.pipeline.resume();
        // The source may be ready, so it would not wake this task.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Stream for DecodedBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.early.next() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let item = ready!(this.poll_decode(cx));
        if !matches!(item, Some(Ok(_))) {
            this.source = None;
        }
        Poll::Ready(item)
    }
}
