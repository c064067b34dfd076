//! A response's body on its way in: at its end the connection goes back to the pool.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::Stream;

use super::pool::Pool;
use crate::body::Body;
use crate::error::Result;
use crate::http1::{BodyDecoder, BodyEvent, Connection, Rest};
use crate::progress::Progress;
use crate::runtime::Timer;
use crate::trailers::Trailers;
use crate::url::Origin;

/// The rest of a body, and the connection it comes from. Dropped before the end, it closes the connection.
struct Receiving {
    /// Pieces that came together with the head.
    early: VecDeque<Bytes>,
    source: Option<Source>,
    decoder: BodyDecoder,
    trailers: Option<Trailers>,
    /// What is left of the request, sent meanwhile, and where that is told.
    rest: Option<(Rest, Progress)>,
    /// Whether the body has ended, and only the request is still to be sent.
    ended: bool,
}

/// The connection, and where it goes afterwards.
struct Source {
    connection: Connection,
    pool: Arc<Pool>,
    origin: Origin,
    timer: Arc<dyn Timer>,
}

impl Source {
    fn give_back(self) {
        self.pool.put(&self.origin, self.connection, self.timer.now());
    }
}

/// The body of the response whose head has just been read.
///
/// One that is here already is returned complete, and its connection is back in the pool. Beside it is the cell that
/// its trailers will be in.
pub(super) fn receive(
    mut connection: Connection,
    mut decoder: BodyDecoder,
    mut rest: Option<(Rest, Progress)>,
    pool: &Arc<Pool>,
    origin: Origin,
    timer: &Arc<dyn Timer>,
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
                pool.put(&origin, connection, timer.now());
                return (complete(early), trailers);
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
        return (Body::raw_stream(Box::pin(futures::stream::iter(pieces)), length), trailers);
    }
    let source = Source { connection, pool: pool.clone(), origin, timer: timer.clone() };
    let receiving = Receiving { early, source: Some(source), decoder, trailers: trailers.clone(), rest, ended: false };
    (Body::raw_stream(Box::pin(receiving), length), trailers)
}

/// Puts the trailers of a body that has ended where the response looks for them.
fn keep(decoder: &mut BodyDecoder, cell: Option<&Trailers>) {
    if let (Some(fields), Some(cell)) = (decoder.take_trailers(), cell) {
        cell.set(fields);
    }
}

fn complete(mut pieces: VecDeque<Bytes>) -> Body {
    match pieces.pop_front() {
        None => Body::empty(),
        Some(only) if pieces.is_empty() => Body::from(only),
        Some(first) => {
            let mut all = BytesMut::from(first);
            pieces.iter().for_each(|piece| all.extend_from_slice(piece));
            Body::from(all.freeze())
        }
    }
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
        if item.is_none() && this.rest.is_some() {
            this.ended = true;
            return Poll::Pending;
        }
        if !matches!(item, Some(Ok(_))) {
            let source = this.source.take();
            if item.is_none() {
                keep(&mut this.decoder, this.trailers.as_ref());
                source.into_iter().for_each(Source::give_back);
            }
        }
        Poll::Ready(item)
    }
}
