//! A response's body on its way through the client.
//!
//! The body holds the request's slot and deadline until it ends. It also enforces the stream limit and reports how far the
//! download is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;

use super::call::InFlight;
use super::request_trace::RequestTrace;
use crate::error::{Error, ErrorKind, Phase, Result, Timeout, Transfer};
use crate::message::body::Body;
use crate::message::call_times::CallTimes;
use crate::message::progress::{Progress, ProgressCallback};
use crate::message::request::{RateMeter, RatePolicy, RequestOptions};
use crate::runtime::Timer;

/// What a request's options say about its response's body.
pub(super) struct BodyOptions {
    idle_timeout: Option<Duration>,
    /// The maximum number of bytes of the body, however it is read.
    stream_limit: Option<u64>,
    min_rate: Option<Arc<dyn RatePolicy>>,
    download: Option<Download>,
}

impl BodyOptions {
    /// `total` is the length of the body as far as it is known, for `on_download`.
    pub(super) fn new(options: &RequestOptions, on_download: Option<ProgressCallback>, total: Option<u64>) -> Self {
        Self {
            idle_timeout: options.idle_timeout,
            stream_limit: options.stream_limit,
            min_rate: options.min_download_rate.clone(),
            download: on_download.map(|callback| Download { callback, total }),
        }
    }
}

/// Ties `in_flight` and `trace` to the end of `body`, and applies `options` to it.
///
/// A body that is complete has neither slot nor deadline: `in_flight` is `None`. It has a `trace` if it may fail while it is
/// read.
pub(super) fn wrap(
    body: Body,
    in_flight: Option<InFlight>,
    options: BodyOptions,
    progress: Progress,
    times: CallTimes,
    trace: Option<RequestTrace>,
) -> Body {
    let (length, is_complete) = (body.length(), in_flight.is_none());
    let mut this = ResponseBody {
        body,
        next: None,
        in_flight,
        rate: None,
        trace,
        is_waiting: false,
        progress,
        times,
        received: 0,
        limit: None,
        download: options.download,
    };
    if let Some(InFlight { slot, deadline }) = &mut this.in_flight {
        slot.record_reading(true);
        let now = deadline.clock().now();
        deadline.enter(Phase::Body, Timeout::Idle, options.idle_timeout, now);
        this.rate = options.min_rate.and_then(|policy| policy.start(deadline.clock()));
    }
    match (options.stream_limit, length) {
        (Some(max), Some(length)) if length > max => {
            let error = too_large(max);
            this.end(Some(&error));
            this.next = Some(Err(error));
            return Body::in_memory_stream(Box::pin(this));
        }
        // A complete body of known length within the limit needs no counting.
        (Some(_), Some(_)) if is_complete => {}
        (limit, _) => this.limit = limit,
    }
    if !is_complete || this.limit.is_some() {
        Body::boxed_stream(Box::pin(this), length)
    } else if this.download.is_some() || length.is_none() {
        Body::in_memory_stream(Box::pin(this))
    } else {
        this.body
    }
}

/// The body of a response until it ends, fails or is dropped.
struct ResponseBody {
    // Fields are dropped in this order: the connection or fetch behind the body first, then the slot that stands for it,
    // then the trace, which reports the end to the observer.
    body: Body,
    /// What the next poll gives: the error of a body that is too long, or what came after the last byte of a body of known
    /// length if that was not the end.
    next: Option<Result<Bytes>>,
    /// Present until the body ends; a body that was complete from the start has none.
    in_flight: Option<InFlight>,
    /// Measures the rate, if there is a minimum rate and the body was not complete from the start.
    rate: Option<Box<dyn RateMeter>>,
    trace: Option<RequestTrace>,
    /// Whether the reader waits for the next chunk. Only that time counts as silence of the server.
    is_waiting: bool,
    /// The progress of the attempt behind the body, for the bytes sent that an error has.
    progress: Progress,
    /// Where the end of the body is recorded.
    times: CallTimes,
    /// How many bytes of the body the stream has given.
    received: u64,
    /// The maximum number of bytes, unless a complete body is known to have no more.
    limit: Option<u64>,
    download: Option<Download>,
}

/// The callback for the progress of a download.
struct Download {
    callback: ProgressCallback,
    total: Option<u64>,
}

impl ResponseBody {
    /// Polls the next chunk, within the deadline unless the body was complete from the start.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let Some(InFlight { slot, deadline }) = &mut self.in_flight else {
            return poll_body(&mut self.body, &mut self.next, cx);
        };
        // Chunks that are always ready never look at the timer: the limits of the whole request and the closing of the
        // client are checked before each chunk.
        let stopped = deadline.overdue().or_else(|| slot.ended(Phase::Body));
        let item = match stopped {
            Some(error) => Some(Err(error)),
            None => match poll_body(&mut self.body, &mut self.next, cx) {
                Poll::Ready(item) => item,
                Poll::Pending => {
                    slot.record_reading(false);
                    if !self.is_waiting {
                        self.is_waiting = true;
                        deadline.touch();
                    }
                    let stopped = match slot.poll_ended(cx, Phase::Body) {
                        Poll::Ready(error) => Poll::Ready(error),
                        Poll::Pending => deadline.poll_expired_in(cx, slot),
                    };
                    match (stopped, &mut self.rate) {
                        (Poll::Ready(error), _) => Some(Err(error)),
                        (Poll::Pending, Some(rate)) => Some(Err(ready!(rate.poll_too_slow(cx)))),
                        (Poll::Pending, None) => return Poll::Pending,
                    }
                }
            },
        };
        slot.record_reading(true);
        // The reader has a chunk or the end, so a wake-up of the deadline would not help it.
        if self.is_waiting {
            self.is_waiting = false;
            deadline.pause();
        }
        Poll::Ready(item)
    }

    /// Counts the bytes of `chunk` and returns it, or an error if the body is too large.
    fn record(&mut self, chunk: Bytes) -> Result<Bytes> {
        let received = self.received + chunk.len() as u64;
        if let Some(max) = self.limit.filter(|max| received > *max) {
            return Err(too_large(max));
        }
        self.received = received;
        if let Some(rate) = &mut self.rate {
            rate.record(chunk.len());
        }
        if let Some(download) = &mut self.download {
            // The length in the head may be that of a compressed body, since a page does not see another origin's
            // coding: once more bytes have arrived, the total is unknown.
            let total = download.total.filter(|total| *total >= self.received);
            download.callback.tell(self.received, total);
        }
        Ok(chunk)
    }

    /// Ends the body after its last byte if its length is known and nothing more has to arrive.
    ///
    /// A caller that knows the length, such as a server that passes the body on, drops the body then. Without this, that
    /// would close the connection, and the request would count as cancelled. That still happens over HTTP/2 if the server
    /// ends the stream with an empty frame that comes later.
    fn end_after_last_byte(&mut self, cx: &mut Context<'_>) {
        // The length of a body that is being read is that of the rest.
        if self.body.length() == Some(0) && self.in_flight.is_some() {
            match Pin::new(&mut self.body).poll_next(cx) {
                Poll::Ready(None) => self.end(None),
                Poll::Ready(next) => self.next = next,
                Poll::Pending => {}
            }
        }
    }

    /// Records the end of the body, frees what it holds, and tells the observer.
    fn end(&mut self, error: Option<&Error>) {
        if let Some(in_flight) = &self.in_flight {
            self.times.end(in_flight.deadline.age());
        }
        let trace = self.trace.take();
        self.release();
        if let Some(trace) = trace {
            // Told last: the observer may use the client, and then finds the slot free.
            trace.end(error);
        }
    }

    /// Drops the body, then the slot: the next request must not start before the connection of this request is free.
    /// A trace that has not ended reports that the request was cancelled.
    fn release(&mut self) {
        self.body = Body::empty();
        self.next = None;
        self.in_flight = None;
        self.rate = None;
        self.trace = None;
    }
}

impl Stream for ResponseBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = ready!(this.poll_chunk(cx)).map(|item| item.and_then(|chunk| this.record(chunk)));
        Poll::Ready(match item {
            Some(Ok(chunk)) => {
                this.end_after_last_byte(cx);
                Some(Ok(chunk))
            }
            Some(Err(error)) => {
                let error = error.with_transfer(Transfer::bytes(this.progress.bytes(), this.received));
                this.end(Some(&error));
                Some(Err(error))
            }
            None => {
                this.end(None);
                None
            }
        })
    }
}

/// Returns the item that an earlier poll has kept in `next`, or else polls the body.
fn poll_body(body: &mut Body, next: &mut Option<Result<Bytes>>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
    match next.take() {
        Some(item) => Poll::Ready(Some(item)),
        None => Pin::new(body).poll_next(cx),
    }
}

fn too_large(max: u64) -> Error {
    let message = format!("the body is larger than the limit of {max} bytes; raise `stream_limit`");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}
