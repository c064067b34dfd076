//! A body on its way through the pipeline.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;

use super::pipeline::{Event, Pipeline};
use crate::agent::body::joined;
use crate::error::Result;
use crate::message::body::Body;
use crate::runtime::MaybeSend;

/// The most that is decoded of a body before anybody reads it.
const LARGEST_EAGER: usize = 64 * 1024;

/// How many pieces in a row may decode to nothing before others have their turn, and the time limits theirs.
const MOST_SILENT: usize = 16;

/// Decodes a body that is here already, at once if it is small. Nothing is left to be received, whatever its size.
///
/// # Errors
/// If the beginning, up to 64 KiB, is malformed; beyond, reading the body fails.
pub(in crate::agent) fn decode_complete(encoded: Bytes, mut pipeline: Pipeline) -> Result<Body> {
    pipeline.feed(encoded);
    let (mut early, mut length) = (VecDeque::new(), 0);
    while length < LARGEST_EAGER {
        match pipeline.next()? {
            Event::Data(piece) => {
                length += piece.len();
                early.push_back(piece);
            }
            Event::More => pipeline.end(),
            Event::End => return Ok(joined(early).map_or_else(Body::empty, Body::from)),
        }
    }
    Ok(Body::in_memory_stream(Box::pin(Decoding { early, source: Some(Box::new(Body::empty())), pipeline })))
}

/// Decodes a body as it comes.
pub(in crate::agent) fn decode_stream(encoded: Box<dyn Encoded>, pipeline: Pipeline) -> Body {
    Body::boxed_stream(Box::pin(Decoding { early: VecDeque::new(), source: Some(encoded), pipeline }), None)
}

/// An encoded body on its way in.
pub(in crate::agent) trait Encoded: Stream<Item = Result<Bytes>> + MaybeSend + Unpin {
    /// Called after its end, if what came was whole in its coding too.
    fn decoded(&mut self) {}
}

impl Encoded for Body {}

/// The decoded body. At its end the encoded one has ended too, so its connection can be used again; if it cannot be
/// decoded, the encoded one is dropped, which closes the connection.
struct Decoding {
    /// What has been decoded already.
    early: VecDeque<Bytes>,
    source: Option<Box<dyn Encoded>>,
    pipeline: Pipeline,
}

impl Stream for Decoding {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.early.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        for _ in 0..MOST_SILENT {
            let item = match this.pipeline.next() {
                Ok(Event::Data(piece)) => return Poll::Ready(Some(Ok(piece))),
                Ok(Event::End) => {
                    source.decoded();
                    None
                }
                Err(error) => Some(Err(error)),
                Ok(Event::More) => match ready!(Pin::new(&mut *source).poll_next(cx)) {
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
