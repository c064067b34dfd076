//! Decodes a body that has arrived, or a stream.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;

use super::pipeline::{DecodeEvent, Pipeline};
use crate::agent::body::concat;
use crate::error::Result;
use crate::message::body::Body;
use crate::runtime::MaybeSend;

/// Maximum bytes that are decoded before the body is read.
const MAX_EAGER: usize = 64 * 1024;

/// Maximum number of pieces in a row that decode to nothing before other tasks, and the time limits, get a turn.
const MAX_EMPTY_PIECES: usize = 16;

/// Decodes a body that has arrived completely: at once if it decodes to less than 64 KiB, otherwise while it is read.
///
/// # Errors
/// If the first 64 KiB are malformed. Beyond them, reading the body fails.
pub(in crate::agent) fn decode_complete(encoded: Bytes, mut pipeline: Pipeline) -> Result<Body> {
    pipeline.feed(encoded);
    let mut early = VecDeque::new();
    let mut length = 0;
    while length < MAX_EAGER {
        match pipeline.next()? {
            DecodeEvent::Data(piece) => {
                length += piece.len();
                early.push_back(piece);
            }
            DecodeEvent::More => pipeline.end(),
            DecodeEvent::End => return Ok(concat(early).map_or_else(Body::empty, Body::from)),
        }
    }
    Ok(Body::in_memory_stream(Box::pin(DecodedBody { early, source: Some(Box::new(Body::empty())), pipeline })))
}

/// Decodes a body while it arrives.
pub(in crate::agent) fn decode_stream(encoded: Box<dyn Encoded>, pipeline: Pipeline) -> Body {
    Body::boxed_stream(Box::pin(DecodedBody { early: VecDeque::new(), source: Some(encoded), pipeline }), None)
}

/// An encoded body that is being received.
pub(in crate::agent) trait Encoded: Stream<Item = Result<Bytes>> + MaybeSend + Unpin {
    /// Called after the end of the body, if the decoded body is complete too.
    fn decoded(&mut self) {}
}

impl Encoded for Body {}

/// The decoded body. Its end is also the end of the encoded body, whose connection can then be used again. If decoding
/// fails, the encoded body is dropped, which closes the connection.
struct DecodedBody {
    /// The pieces that have been decoded already.
    early: VecDeque<Bytes>,
    source: Option<Box<dyn Encoded>>,
    pipeline: Pipeline,
}

impl Stream for DecodedBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.early.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        for _ in 0..MAX_EMPTY_PIECES {
            let item = match this.pipeline.next() {
                Ok(DecodeEvent::Data(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(DecodeEvent::End) => {
                    source.decoded();
                    None
                }
                Err(error) => Some(Err(error)),
                Ok(DecodeEvent::More) => match ready!(Pin::new(&mut *source).poll_next(cx)) {
                    Some(Ok(piece)) => {
                        this.pipeline.feed(piece);
                        continue;
                    }
                    None => {
                        this.pipeline.end();
                        continue;
                    }
                    Some(Err(error)) => Some(Err(error)),
                },
            };
            this.source = None;
            return Poll::Ready(item);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
