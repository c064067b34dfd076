//! A response's body on its way through the client: it holds the slot, and its time is limited.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::send::Hold;
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase, Result};

/// The body of a response until it ends, fails or is dropped.
struct HeldBody {
    body: Body,
    hold: Option<Hold>,
    limit: Option<u64>,
    received: u64,
    /// Whether somebody waits for the next piece; only that time is silence.
    waiting: bool,
}

/// Ties `hold` to the end of `body`; a body that is already complete needs neither slot nor clock.
///
/// A body of more than `limit` bytes fails, at once if it says how long it is.
pub(crate) fn hold(body: Body, mut hold: Hold, idle: Option<Duration>, limit: Option<u64>) -> Body {
    if let Some(limit) = limit.filter(|limit| body.length().is_some_and(|length| length > *limit)) {
        let length = body.length();
        return Body::raw_stream(Box::pin(futures::stream::iter([Err(too_large(limit))])), length);
    }
    if body.is_complete() {
        return body;
    }
    hold.deadline.enter(Phase::Body, "idle", idle);
    let length = body.length();
    Body::raw_stream(Box::pin(HeldBody { body, hold: Some(hold), limit, received: 0, waiting: false }), length)
}

fn too_large(limit: u64) -> Error {
    let message = format!("the body is larger than the limit of {limit} bytes that `stream_limit` sets");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}

impl Stream for HeldBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(hold) = &mut this.hold else { return Poll::Ready(None) };
        let item = match hold.deadline.overdue() {
            // However fast the pieces come, the total limit ends them.
            Some(error) => Some(Err(error)),
            None => match Pin::new(&mut this.body).poll_next(cx) {
                Poll::Ready(item) => item,
                Poll::Pending => {
                    if !std::mem::replace(&mut this.waiting, true) {
                        hold.deadline.touch();
                    }
                    Some(Err(ready!(hold.deadline.poll_expired(cx))))
                }
            },
        };
        this.waiting = false;
        if let Some(Ok(chunk)) = &item {
            this.received += chunk.len() as u64;
        }
        let item = match this.limit.filter(|limit| this.received > *limit) {
            Some(limit) => Some(Err(too_large(limit))),
            None => item,
        };
        match item {
            Some(Ok(_)) => {}
            // The end, or an error: the connection or fetch behind the body goes first, then the slot.
            Some(Err(_)) | None => {
                this.body = Body::empty();
                this.hold = None;
            }
        }
        Poll::Ready(item)
    }
}
