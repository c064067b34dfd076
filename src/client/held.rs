//! A response's body on its way through the client: it holds the slot, and its time is limited.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::deadline::Which;
use super::observer::{RequestTrace, Stage};
use super::send::Hold;
use super::stop::Stop;
use crate::error::{Error, Phase, Result};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::platform::ClientSleep;

/// The body of a response until it ends, fails or is dropped.
struct HeldBody {
    body: Body,
    hold: Option<Hold<ClientSleep>>,
    trace: Option<RequestTrace>,
    /// Whether somebody waits for the next piece; only that time is silence.
    waiting: bool,
    /// Where it is told when the body ends; and how much of it has been handed out.
    progress: Progress,
    received: u64,
}

/// Ties `hold` to the end of `body`; a body that is already complete needs neither slot nor clock.
pub(crate) fn hold(
    body: Body,
    mut hold: Hold<ClientSleep>,
    idle: Option<Duration>,
    progress: Progress,
    trace: Option<RequestTrace>,
) -> Body {
    trace.iter().for_each(|trace| trace.step(Stage::Head));
    if body.is_complete() {
        progress.end(hold.deadline.age());
        drop(hold);
        trace.into_iter().for_each(|trace| trace.end(None));
        return body;
    }
    hold.deadline.enter(Phase::Body, Which::Idle, idle);
    let length = body.length();
    let held = HeldBody { body, hold: Some(hold), trace, waiting: false, progress, received: 0 };
    Body::raw_stream(Box::pin(held), length)
}

impl Stream for HeldBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(hold) = &mut this.hold else { return Poll::Ready(None) };
        let item = match hold.deadline.overdue().map(Stop::Overdue).or_else(|| hold.slot.ended(Phase::Body)) {
            // However fast the pieces come, the total limit ends them, and so does the end of the client.
            Some(stop) => Some(Err(hold.slot.error(stop))),
            None => match Pin::new(&mut this.body).poll_next(cx) {
                Poll::Ready(item) => item,
                Poll::Pending => {
                    if !std::mem::replace(&mut this.waiting, true) {
                        hold.deadline.touch();
                    }
                    let stop = match hold.slot.poll_ended(cx, Phase::Body) {
                        Poll::Ready(stop) => stop,
                        Poll::Pending => Stop::Overdue(ready!(hold.deadline.poll_expired(cx))),
                    };
                    Some(Err(hold.slot.error(stop)))
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
                let error = item.as_ref().and_then(|item| item.as_ref().err()).map(Error::kind);
                this.trace.take().into_iter().for_each(|trace| trace.end(error));
            }
        }
        let (sent, received) = (this.progress.bytes(), this.received);
        Poll::Ready(item.map(|item| item.map_err(|error| error.with_bytes(sent, received))))
    }
}
