//! A response's body on its way in: at its end the connection goes back to the pool.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::Stream;

use super::decode::{self, Encoded, Pipeline};
use super::pool::handle::PoolHandle;
use crate::error::Result;
use crate::http1::{BodyDecoder, BodyEvent, Connection, Rest};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;

/// The rest of a body, and the connection it comes from. Dropped before the end, it closes the connection.
struct Receiving {
    /// Pieces that came together with the head.
    early: VecDeque<Bytes>,
    source: Option<Source>,
    decoder: BodyDecoder,
    /// Whether its end is the end only once it has been decoded.
    is_encoded: bool,
    trailers: Option<Trailers>,
    /// What is left of the request, sent meanwhile, and where that is told.
    rest: Option<(Rest, Progress)>,
    /// Whether the body has ended, and only the request is still to be sent.
    ended: bool,
}

/// The connection, and where it goes afterwards.
struct Source {
    connection: Connection,
    pool: PoolHandle,
}

impl Source {
    fn give_back(self) {
        self.pool.give_back(self.connection);
    }
}

/// The body of the response whose head has just been read, decoded if there is a `pipeline`.
///
/// One that is here already is returned complete, and its connection is back in the pool. Beside it is the cell that
/// its trailers will be in.
pub(super) fn receive(
    mut connection: Connection,
    mut decoder: BodyDecoder,
    pipeline: Option<Pipeline>,
    mut rest: Option<(Rest, Progress)>,
    pool: PoolHandle,
) -> (Body, Option<Trailers>) {
    let trailers = decoder.may_have_trailers().then(Trailers::new);
    let length = decoder.length();
    let mut early = VecDeque::new();
    let mut failed = None;
    loop {
        match connection.body_event(&mut decoder) {
            Ok(BodyEvent::Data(data)) => early.push_back(data),
            Ok(BodyEvent::More) => break,
            // The body waits for the end of the request, or nobody would see to that.
            Ok(BodyEvent::End) if rest.is_some() => break,
            Ok(BodyEvent::End) => {
                keep(&mut decoder, trailers.as_ref());
                let body = match complete(early, pipeline) {
                    Ok(body) => {
                        pool.give_back(connection);
                        body
                    }
                    Err(error) => Body::in_memory_stream(Box::pin(futures::stream::iter([Err(error)]))),
                };
                return (body, trailers);
            }
            Err(error) => {
                rest = None;
                failed = Some(error);
                break;
            }
        }
    }
    if let Some(error) = failed {
        let pieces = early.into_iter().map(Ok).chain([Err(error)]);
        let received = Body::boxed_stream(Box::pin(futures::stream::iter(pieces)), length);
        let body = match pipeline {
            None => received,
            Some(pipeline) => decode::decode_stream(Box::new(received), pipeline),
        };
        return (body, trailers);
    }
    let source = Source { connection, pool };
    let is_encoded = pipeline.is_some();
    let cell = trailers.clone();
    let received = Receiving { early, source: Some(source), decoder, is_encoded, trailers: cell, rest, ended: false };
    let body = match pipeline {
        None => Body::boxed_stream(Box::pin(received), length),
        Some(pipeline) => decode::decode_stream(Box::new(received), pipeline),
    };
    (body, trailers)
}

/// Puts the trailers of a body that has ended where the response looks for them.
fn keep(decoder: &mut BodyDecoder, cell: Option<&Trailers>) {
    if let (Some(fields), Some(cell)) = (decoder.take_trailers(), cell) {
        cell.set(fields);
    }
}

fn complete(pieces: VecDeque<Bytes>, pipeline: Option<Pipeline>) -> Result<Body> {
    match (joined(pieces), pipeline) {
        (Some(encoded), Some(pipeline)) => decode::decode_complete(encoded, pipeline),
        (bytes, _) => Ok(bytes.map_or_else(Body::empty, Body::from)),
    }
}

/// All the pieces as one, if there are any.
pub(super) fn joined(mut pieces: VecDeque<Bytes>) -> Option<Bytes> {
    let first = pieces.pop_front()?;
    if pieces.is_empty() {
        return Some(first);
    }
    let mut all = BytesMut::from(first);
    pieces.iter().for_each(|piece| all.extend_from_slice(piece));
    Some(all.freeze())
}

impl Stream for Receiving {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.early.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        if let Some((rest, progress)) = &mut this.rest {
            match source.connection.poll_rest(cx, rest, progress) {
                Poll::Ready(Ok(())) => this.rest = None,
                Poll::Ready(Err(error)) => {
                    this.source = None;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Pending if this.ended => return Poll::Pending,
                Poll::Pending => {}
            }
        }
        let item = match this.ended {
            true => None,
            false => ready!(source.connection.poll_body(cx, &mut this.decoder)).transpose(),
        };
        match item {
            Some(Ok(_)) => {}
            Some(Err(_)) => this.source = None,
            None if this.rest.is_some() => {
                this.ended = true;
                return Poll::Pending;
            }
            None => {
                this.ended = true;
                keep(&mut this.decoder, this.trailers.as_ref());
                if !this.is_encoded {
                    this.give_back();
                }
            }
        }
        Poll::Ready(item)
    }
}

impl Encoded for Receiving {
    fn decoded(&mut self) {
        self.give_back();
    }
}

impl Receiving {
    fn give_back(&mut self) {
        self.source.take().into_iter().for_each(Source::give_back);
    }
}
