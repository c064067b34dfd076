//! A response's body on its way through the client: it holds the slot, and its time is limited.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::alarms::Alarms;
use super::send::Hold;
use crate::body::Body;
use crate::error::{Phase, Result};
use crate::progress::Progress;

/// The body of a response until it ends, fails or is dropped.
struct HeldBody {
    body: Body,
    hold: Option<Hold<Arc<Alarms>>>,
    /// Whether somebody waits for the next piece; only that time is silence.
    waiting: bool,
    /// Where it is told when the body ends; and how much of it has been handed out.
    progress: Progress,
    received: u64,
}

/// Ties `hold` to the end of `body`; a body that is already complete needs neither slot nor clock.
pub(crate) fn hold(body: Body, mut hold: Hold<Arc<Alarms>>, idle: Option<Duration>, progress: Progress) -> Body {
    if body.is_complete() {
        progress.end(hold.deadline.age());
        return body;
    }
    hold.deadline.enter(Phase::Body, "idle", idle);
    let length = body.length();
    Body::raw_stream(Box::pin(HeldBody { body, hold: Some(hold), waiting: false, progress, received: 0 }), length)
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
        if std::mem::take(&mut this.waiting) {
            hold.deadline.rest();
        }
        match &item {
            Some(Ok(chunk)) => this.received += chunk.len() as u64,
            // The end, or an error: the connection or fetch behind the body goes first, then the slot.
            Some(Err(_)) | None => {
                this.progress.end(hold.deadline.age());
                this.body = Body::empty();
                this.hold = None;
            }
        }
        let (sent, received) = (this.progress.bytes(), this.received);
        Poll::Ready(item.map(|item| item.map_err(|error| error.with_bytes(sent, received))))
    }
}
