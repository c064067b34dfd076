//! Receives a response's body. At the end of the body, its connection goes back to the pool.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use super::decode::{self, CompleteBody, Encoded, Pipeline};
use super::pieces::Pieces;
use super::pool::handle::{PoolAccess, PoolHandle};
use crate::error::{Error, Result};
use crate::http1::{BodyDecoder, BodyEvent, Connection, RemainingUpload};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;
use crate::runtime::Instant;

/// A body that is being received. Dropping it before its end closes the connection.
struct IncomingBody {
    /// Pieces that arrived together with the head.
    early: Pieces,
    /// `None` once the connection has been given back or closed.
    source: Option<PooledSource>,
    decoder: BodyDecoder,
    /// Whether the body has a content coding. Its connection is then given back only when decoding has succeeded.
    is_encoded: bool,
    trailers: Option<Trailers>,
    /// The rest of the request, which is sent meanwhile, and where its bytes are counted.
    upload: Option<(Box<RemainingUpload>, Progress)>,
    /// Whether the response's body has ended. The request may still have to be sent.
    ended: bool,
    /// When the last piece arrived that had to be waited for. Later pieces may have arrived at the same time: the
    /// caller has not asked for them since.
    arrived_at: Instant,
    /// Whether the last poll had to wait for a piece.
    is_waiting: bool,
}

/// A connection, and the pool it goes back to.
struct PooledSource {
    connection: Box<Connection>,
    pool: PoolHandle,
}

/// Returns the body of a response, and the cell that its trailers are stored in. The body is decoded if there is a
/// `pipeline`. The head arrived at `arrived_at`.
///
/// If the whole body has arrived with the head, its connection is already back in the pool when this function returns.
pub(super) fn receive(
    mut connection: Box<Connection>,
    mut decoder: BodyDecoder,
    pipeline: Option<Pipeline>,
    mut upload: Option<(Box<RemainingUpload>, Progress)>,
    pool: PoolAccess<'_>,
    arrived_at: Instant,
) -> (Body, Option<Trailers>) {
    // A cell, because the body is boxed and wrapped on its way to the caller, and the trailers arrive at its end.
    let trailers = decoder.may_have_trailers().then(Trailers::new);
    let length = decoder.length();
    let mut early = Pieces::default();
    let mut failure = None;
    loop {
        match connection.body_event(&mut decoder) {
            Ok(BodyEvent::Data(data)) => early.push(data),
            Ok(BodyEvent::More) => break,
            // The rest of the request is sent only while the body is polled, so the body stays open.
            Ok(BodyEvent::End) if upload.is_some() => break,
            Ok(BodyEvent::End) => {
                if let Some(cell) = &trailers {
                    store_trailers(&mut decoder, cell);
                }
                let CompleteBody { body, has_failed } = complete(early, pipeline);
                // The head is valid, so a failure belongs to the body: reading it fails. The connection closes, because
                // it is not given back.
                if !has_failed {
                    connection.shrink();
                    pool.give_back(connection, arrived_at);
                }
                return (body, trailers);
            }
            Err(error) => {
                // The caller still receives the pieces before the malformed bytes. The connection closes at the end of
                // this function.
                upload = None;
                failure = Some(error);
                break;
            }
        }
    }
    if let Some(error) = failure {
        return (failed(early, error, length, pipeline), trailers);
    }
    let incoming = IncomingBody {
        arrived_at,
        is_waiting: false,
        early,
        source: Some(PooledSource { connection, pool: pool.to_handle() }),
        decoder,
        is_encoded: pipeline.is_some(),
        trailers: trailers.clone(),
        upload,
        ended: false,
    };
    let body = match pipeline {
        None => Body::boxed_stream(Box::pin(incoming), length),
        Some(pipeline) => decode::decode_stream(Box::new(incoming), pipeline),
    };
    (body, trailers)
}

/// Stores the trailers of a body that has ended in the cell of its response.
fn store_trailers(decoder: &mut BodyDecoder, cell: &Trailers) {
    if let Some(fields) = decoder.take_trailers() {
        cell.set(fields);
    }
}

/// Makes a body that ends in an error after the pieces that came before it.
pub(super) fn failed(early: Pieces, error: Error, length: Option<u64>, pipeline: Option<Pipeline>) -> Body {
    let pieces = early.map(Ok).chain([Err(error)]);
    let received = Body::boxed_stream(Box::pin(futures::stream::iter(pieces)), length);
    match pipeline {
        None => received,
        Some(pipeline) => decode::decode_stream(Box::new(received), pipeline),
    }
}

/// Makes a body of all its pieces.
pub(super) fn complete(pieces: Pieces, pipeline: Option<Pipeline>) -> CompleteBody {
    match (pieces.concat(), pipeline) {
        (Some(encoded), Some(pipeline)) => decode::decode_complete(encoded, pipeline),
        (bytes, _) => CompleteBody { body: bytes.map_or_else(Body::empty, Body::from), has_failed: false },
    }
}

impl Stream for IncomingBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.early.next() {
            return Poll::Ready(Some(Ok(piece)));
        }
        let Some(source) = &mut this.source else { return Poll::Ready(None) };
        if let Some((upload, progress)) = &mut this.upload {
            match source.connection.poll_upload(cx, upload, progress) {
                Poll::Ready(Ok(())) => this.upload = None,
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
            false => match source.connection.poll_body(cx, &mut this.decoder) {
                Poll::Ready(item) => item.transpose(),
                Poll::Pending => {
                    this.is_waiting = true;
                    return Poll::Pending;
                }
            },
        };
        if std::mem::take(&mut this.is_waiting) {
            this.arrived_at = source.pool.timer.now();
        }
        match item {
            Some(Ok(_)) => {}
            Some(Err(_)) => this.source = None,
            // The caller stops polling at the end of the body, and that would stop the rest of the request.
            None if this.upload.is_some() => {
                this.ended = true;
                return Poll::Pending;
            }
            None => {
                this.ended = true;
                if let Some(cell) = &this.trailers {
                    store_trailers(&mut this.decoder, cell);
                }
                if !this.is_encoded {
                    this.give_back();
                }
            }
        }
        Poll::Ready(item)
    }
}

impl Encoded for IncomingBody {
    fn on_decoded(&mut self) {
        self.give_back();
    }
}

impl IncomingBody {
    fn give_back(&mut self) {
        if let Some(PooledSource { mut connection, pool }) = self.source.take() {
            // The server has counted the idle time since it sent the end of the body, not since the caller read it.
            connection.set_idle_elapsed(pool.timer.now().since(self.arrived_at));
            connection.shrink();
            pool.give_back(connection);
        }
    }
}
