//! A request's stream on a shared connection: its poll drives the connection for all streams.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{RecvStream, SendStream};
use http::Request;

use super::connection::{Http2Connection, Inside, ended_early};
use super::failure::Http2Failure;
use super::response_fields::BodyLength;
use crate::error::{Error, ErrorKind, Phase};
use crate::http1::Http1Limits;

/// A stream, from the request to the end of the response. Dropping it before both have ended resets the stream (CANCEL).
pub(crate) struct Http2Stream {
    pub(super) connection: Arc<Http2Connection>,
    /// The request's number at the connection's driver.
    id: usize,
    /// The stream's waker, for `h2`.
    waker: Waker,
    pub(super) handles: Handles,
    /// The stream's number; 0 before it is known.
    number: u32,
    /// Whether the connection had ended before the last poll of a part.
    has_ended: bool,
    /// How many bytes of the response's body may follow, and the limits of its trailers.
    pub(super) body: Option<(BodyLength, Http1Limits)>,
}

/// The stream's parts in `h2`.
#[derive(Default)]
pub(super) struct Handles {
    /// Present until the head of the response is here.
    pub(super) response: Option<ResponseFuture>,
    /// Present while the request's body is being sent.
    pub(super) send: Option<SendStream<Bytes>>,
    /// Present while the response's body is being received.
    pub(super) receive: Option<RecvStream>,
}

impl Handles {
    /// Returns whether both the request and the response have ended.
    fn is_complete(&self) -> bool {
        let has_ended = self.receive.as_ref().is_some_and(RecvStream::is_end_stream);
        self.response.is_none() && self.send.is_none() && has_ended
    }
}

/// How many requests are written together at most. With a single write for 64 requests, a client and a server on two
/// processors would take turns.
const MAX_UNWRITTEN: usize = 16;

impl Http2Stream {
    /// Joins a connection. The caller has reserved a stream of it.
    pub(crate) fn new(connection: Arc<Http2Connection>) -> Self {
        let id = connection.driver.join();
        let waker = connection.driver.stream_waker(id);
        Self { connection, id, waker, handles: Handles::default(), number: 0, has_ended: false, body: None }
    }

    /// Opens the stream: queues the request's head, and polls a part of the stream as [`poll`](Self::poll) does.
    pub(super) fn open<T>(
        &mut self,
        cx: &mut Context<'_>,
        request: Request<()>,
        ends: bool,
        poll: impl FnMut(&mut Handles, &mut Context<'_>, &mut Context<'_>) -> Poll<T>,
    ) -> Result<Poll<T>, Http2Failure> {
        let connection = self.connection.clone();
        let _inside = Inside::of(&connection);
        connection.driver.begin(self.id, cx.waker());
        let mut requests = connection.requests();
        match requests.poll_ready(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Err(self.unsent(Http2Failure::of(error, Phase::Head))),
            // Only a handle that has opened a stream waits, and this handle is new.
            Poll::Pending => return Err(Http2Failure::unsent(ended_early(Phase::Head))),
        }
        let opened = requests.send_request(request, ends);
        let (response, send) = opened.map_err(|error| self.unsent(Http2Failure::of(error, Phase::Head)))?;
        self.number = response.stream_id().as_u32();
        self.handles.response = Some(response);
        self.handles.send = (!ends).then_some(send);
        // Other tasks may have requests too. The next poll writes them together. A request without others is written at
        // once, because the wait for the next poll costs a turn of the reactor. So are many requests, because the server
        // would wait for them.
        let drives = connection.active() == 1 || connection.count_unwritten() >= MAX_UNWRITTEN;
        Ok(self.poll_inside(cx, drives, poll))
    }

    /// Sets how long the response's body may be, and the limits of its trailers.
    pub(super) fn expect_body(&mut self, length: BodyLength, limits: Http1Limits) {
        self.body = Some((length, limits));
    }

    /// Polls a part of the stream, and drives the connection if that part is not ready. `poll` gets the stream's context
    /// for `h2` first, and the caller's context for everything else.
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnMut(&mut Handles, &mut Context<'_>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let connection = self.connection.clone();
        let _inside = Inside::of(&connection);
        connection.driver.begin(self.id, cx.waker());
        self.poll_inside(cx, true, poll)
    }

    /// Polls a part of the stream after [`ConnectionDriver::begin`](super::driver::ConnectionDriver::begin).
    fn poll_inside<T>(
        &mut self,
        cx: &mut Context<'_>,
        drives: bool,
        mut poll: impl FnMut(&mut Handles, &mut Context<'_>, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let driver = &self.connection.driver;
        let mut stream_cx = Context::from_waker(&self.waker);
        let mut polled = Poll::Pending;
        if drives {
            // A stream that is ready does not drive the connection: other streams may be ready, too, and their next
            // requests are then written together.
            polled = poll(&mut self.handles, &mut stream_cx, cx);
            if polled.is_pending() {
                self.connection.drive();
            }
        }
        if polled.is_pending() {
            driver.wait(self.id);
            // Before the poll: another thread may read the rest of the response and the end at any time after it.
            self.has_ended = self.connection.end().is_some();
            polled = poll(&mut self.handles, &mut stream_cx, cx);
        }
        if polled.is_ready() {
            driver.stop_waiting(self.id);
        }
        polled
    }

    /// Drives the connection for a request that has no stream yet.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) {
        let _ = self.poll(cx, |_, _, _| Poll::<()>::Pending);
    }

    /// Makes the failure that an error of `h2` about this stream stands for.
    pub(super) fn failure(&self, error: h2::Error, phase: Phase) -> Http2Failure {
        let mut failure = Http2Failure::of(error, phase);
        if let Some(flood) = self.connection.seen().flood() {
            failure.error = flood.error(phase);
        }
        self.judge(&mut failure);
        failure
    }

    /// Makes the failure of a request that was not sent, because its connection takes no more requests.
    fn unsent(&self, mut failure: Http2Failure) -> Http2Failure {
        failure.is_connection = true;
        failure.is_unprocessed = true;
        self.judge(&mut failure);
        // The server has not refused this request, so it counts as a request that lost its connection to other requests.
        failure.has_progress = !failure.is_calm;
        if failure.is_calm {
            let message = "the server closed the HTTP/2 connection: ENHANCE_YOUR_CALM";
            failure.error = Error::new(ErrorKind::ConnectionClosed, Phase::Head, message);
        }
        failure
    }

    /// Returns the failure of a stream that is still open although its connection has ended.
    pub(super) fn orphaned(&self, phase: Phase) -> Option<Http2Failure> {
        let end = self.connection.end().filter(|_| self.has_ended)?;
        let mut failure = end.clone().unwrap_or_else(|| Http2Failure::unsent(ended_early(phase)));
        if let Some(flood) = self.connection.seen().flood() {
            failure.error = flood.error(phase);
        }
        failure.is_unprocessed = false;
        self.judge(&mut failure);
        Some(failure)
    }

    /// Adds to a failure what the connection knows about this stream.
    fn judge(&self, failure: &mut Http2Failure) {
        let seen = self.connection.seen();
        failure.is_calm |= seen.is_calm();
        failure.is_unprocessed = (failure.is_unprocessed || self.is_unprocessed()) && !failure.is_calm;
        failure.has_progress = failure.is_unprocessed && seen.last_stream().is_some_and(|last| last > 0);
    }

    /// Returns whether the server has not seen this stream, or has said with GOAWAY that it does not process it (RFC
    /// 9113, section 6.8).
    fn is_unprocessed(&self) -> bool {
        let seen = self.connection.seen();
        !seen.is_sent(self.number) || seen.last_stream().is_some_and(|last| self.number > last)
    }
}

impl Drop for Http2Stream {
    fn drop(&mut self) {
        let _inside = Inside::of(&self.connection);
        // Dropped inside, because `h2` wakes the connection under its lock.
        let is_complete = self.handles.is_complete();
        let handles = std::mem::take(&mut self.handles);
        if self.number != 0 && self.connection.end().is_none() && !self.connection.seen().is_sent(self.number) {
            self.connection.abandoned.add(self.number, handles);
            self.connection.driver.add_work();
        } else {
            drop(handles);
        }
        // A reset leaves at once: the request may be the last, and then no other poll would write it.
        if !is_complete {
            self.connection.drive();
        }
        self.connection.driver.leave(self.id);
    }
}
