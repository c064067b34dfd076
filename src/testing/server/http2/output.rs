//! Writes a reply to a stream, and makes its faults happen at their positions.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::StreamExt;
use h2::{Reason, SendStream};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, Response, StatusCode};

use super::action_queue::ActionQueue;
use super::source::SharedResponse;
use super::{Http2Action, Http2ErrorCode};
use crate::message::body::Body;
use crate::testing::server::Reply;
use crate::testing::server::fault::{Fault, FaultAction, FaultPosition};
use crate::testing::server::reply::ReplyContent;

/// The headers that HTTP/2 does not have (RFC 9113, section 8.2.2).
const CONNECTION_HEADERS: [HeaderName; 5] = [
    CONNECTION,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The reason why a reply was not sent completely.
pub(super) enum StreamStop {
    /// The client has reset the stream.
    Reset(Http2ErrorCode),
    /// The stream or its connection has ended.
    Ended,
}

impl StreamStop {
    pub(super) fn of(reset: Result<Reason, h2::Error>) -> Self {
        match reset {
            Ok(reason) => Self::Reset(Http2ErrorCode(reason.into())),
            Err(_) => Self::Ended,
        }
    }
}

impl From<h2::Error> for StreamStop {
    fn from(error: h2::Error) -> Self {
        match error.reason() {
            Some(reason) if error.is_reset() && error.is_remote() => Self::of(Ok(reason)),
            _ => Self::Ended,
        }
    }
}

/// Writes a reply.
pub(super) struct ReplyStream {
    response: SharedResponse,
    /// What sends the body, once the head is sent. A raw reply has none.
    stream: Option<SendStream<Bytes>>,
    queue: ActionQueue,
    is_head: bool,
    faults: Vec<Fault>,
    /// How many bytes of the body were sent; `None` before the body.
    sent: Option<u64>,
}

impl ReplyStream {
    pub(super) fn new(response: SharedResponse, queue: ActionQueue, is_head: bool) -> Self {
        Self { response, stream: None, queue, is_head, faults: Vec::new(), sent: None }
    }

    pub(super) async fn send(mut self, reply: Reply) -> Result<(), StreamStop> {
        self.faults = reply.faults;
        self.run_faults().await?;
        match reply.content {
            ReplyContent::Raw(bytes) => self.send_raw(bytes).await,
            ReplyContent::Response { status, headers, body, trailers } => {
                self.send_head(status, headers, &body, &trailers)?;
                self.send_body(body, trailers).await
            }
        }
    }

    /// Sends bytes that need not be frames, and closes the connection.
    async fn send_raw(mut self, mut bytes: Body) -> Result<(), StreamStop> {
        self.sent = Some(0);
        while let Some(chunk) = self.next_chunk(&mut bytes).await? {
            self.data(chunk, false).await?;
        }
        self.run_faults().await?;
        self.queue.run(Some(Http2Action::Close)).await;
        Err(StreamStop::Ended)
    }

    fn send_head(
        &mut self,
        status: StatusCode,
        mut headers: HeaderMap,
        body: &Body,
        trailers: &HeaderMap,
    ) -> Result<(), StreamStop> {
        for name in &CONNECTION_HEADERS {
            headers.remove(name);
        }
        let length = body.length().filter(|_| trailers.is_empty() && status != StatusCode::NO_CONTENT);
        if let (false, Some(length)) = (headers.contains_key(CONTENT_LENGTH), length) {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        let bodiless = self.is_head || [204, 304].contains(&status.as_u16());
        let is_whole = bodiless || (body.length() == Some(0) && trailers.is_empty());
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        // A fault after the head needs an open stream.
        let ends = is_whole && self.faults.is_empty();
        self.stream = Some(self.response.lock().send_response(response, ends)?);
        self.sent = Some(0);
        if bodiless {
            self.is_head = true;
        }
        if ends {
            self.stream = None;
        }
        Ok(())
    }

    async fn send_body(mut self, mut body: Body, trailers: HeaderMap) -> Result<(), StreamStop> {
        if self.stream.is_none() {
            return Ok(());
        }
        while !self.is_head {
            let Some(chunk) = self.next_chunk(&mut body).await? else { break };
            let is_last = body.length() == Some(0) && trailers.is_empty() && self.faults.is_empty();
            self.data(chunk, is_last).await?;
            if is_last {
                return Ok(());
            }
        }
        self.run_faults().await?;
        match &mut self.stream {
            Some(stream) if trailers.is_empty() || self.is_head => stream.send_data(Bytes::new(), true)?,
            Some(stream) => stream.send_trailers(trailers)?,
            None => {}
        }
        Ok(())
    }

    /// Returns the next chunk of a body. If the body fails, the stream is reset.
    async fn next_chunk(&mut self, body: &mut Body) -> Result<Option<Bytes>, StreamStop> {
        match self.or_reset(body.next()).await? {
            Some(Ok(chunk)) => Ok(Some(chunk)),
            None => Ok(None),
            Some(Err(_)) => Err(self.reset(Http2ErrorCode::INTERNAL_ERROR).await),
        }
    }

    /// Sends a piece of the body, and stops at each fault on the way. `ends` tells whether it ends the stream.
    async fn data(&mut self, mut bytes: Bytes, ends: bool) -> Result<(), StreamStop> {
        loop {
            self.run_faults().await?;
            if bytes.is_empty() {
                return Ok(());
            }
            let next = (0..self.faults.len()).filter_map(|index| self.bytes_before(index)).min();
            let max = next.map_or(usize::MAX, |distance| usize::try_from(distance).unwrap_or(usize::MAX));
            let piece = bytes.split_to(bytes.len().min(max));
            self.sent = self.sent.map(|sent| sent + piece.len() as u64);
            self.send_piece(piece, ends && bytes.is_empty()).await?;
        }
    }

    async fn send_piece(&mut self, mut piece: Bytes, ends: bool) -> Result<(), StreamStop> {
        let Some(stream) = &mut self.stream else {
            self.queue.run(Some(Http2Action::Bytes(piece))).await;
            return Ok(());
        };
        while !piece.is_empty() {
            stream.reserve_capacity(piece.len());
            if stream.capacity() == 0 {
                match poll_fn(|cx| stream.poll_capacity(cx)).await {
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => return Err(error.into()),
                    None => return Err(StreamStop::of(poll_fn(|cx| stream.poll_reset(cx)).await)),
                }
            }
            let part = piece.split_to(piece.len().min(stream.capacity()));
            stream.send_data(part, ends && piece.is_empty())?;
        }
        Ok(())
    }

    /// Makes the faults at the present position happen, in the order in which they were added.
    async fn run_faults(&mut self) -> Result<(), StreamStop> {
        while let Some(index) = (0..self.faults.len()).find(|index| self.bytes_before(*index) == Some(0)) {
            let fault = self.faults.remove(index);
            self.perform(fault.action).await?;
        }
        Ok(())
    }

    /// Returns how many bytes of the body are left before a fault. Before the body only faults at the beginning of the
    /// reply have a distance.
    fn bytes_before(&self, index: usize) -> Option<u64> {
        match self.faults.get(index)?.position {
            FaultPosition::Written(0) => Some(0),
            // The compression of a head hides its size, so bytes are counted from the end of the head.
            FaultPosition::Written(at) | FaultPosition::Body(at) => Some(at.saturating_sub(self.sent?)),
        }
    }

    async fn perform(&mut self, action: FaultAction) -> Result<(), StreamStop> {
        match action {
            FaultAction::Delay(timer, delay) => self.or_reset(timer.sleep_until(timer.now() + delay)).await,
            FaultAction::Silence => self.or_reset(std::future::pending()).await,
            FaultAction::StreamReset(code) => Err(self.reset(code).await),
            FaultAction::Close => self.run_action(Http2Action::Close).await,
            FaultAction::Reset => self.run_action(Http2Action::Reset).await,
            FaultAction::Garbage(bytes) => self.run_action(Http2Action::Bytes(bytes)).await,
            FaultAction::Http2(action) => self.run_action(action).await,
        }
    }

    async fn run_action(&mut self, action: Http2Action) -> Result<(), StreamStop> {
        let queue = self.queue.clone();
        self.or_reset(queue.run(Some(action))).await
    }

    /// Resets the stream after the frames so far: h2 would drop frames that are not sent.
    async fn reset(&mut self, code: Http2ErrorCode) -> StreamStop {
        self.queue.run(None).await;
        match &mut self.stream {
            Some(stream) => stream.send_reset(code.into()),
            None => self.response.lock().send_reset(code.into()),
        }
        StreamStop::Ended
    }

    /// Waits for `future`, unless the client resets the stream.
    async fn or_reset<T>(&mut self, future: impl Future<Output = T>) -> Result<T, StreamStop> {
        let mut future = pin!(future);
        poll_fn(|cx| match self.poll_reset(cx) {
            Poll::Ready(reset) => Poll::Ready(Err(StreamStop::of(reset))),
            Poll::Pending => future.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reason, h2::Error>> {
        match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.response.lock().poll_reset(cx),
        }
    }
}
