//! The body of a request on a connection of HTTP/1.1.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::AsyncWriteExt;
use http::{HeaderMap, StatusCode};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::http1::buffer::ReadBuffer;
use crate::http1::framing::Framing;
use crate::http1::{BodyDecoder, BodyEvent, Http1Limits};
use crate::transport::Transport;

/// The connection of a request, which has it for itself.
pub(super) struct Http1Source {
    transport: Box<dyn Transport>,
    input: ReadBuffer,
    body: BodyDecoder,
    /// Whether the request has no body.
    is_empty: bool,
}

impl Http1Source {
    pub(super) fn new(transport: Box<dyn Transport>, input: ReadBuffer, framing: Framing) -> Self {
        let body = BodyDecoder::new(framing, &Http1Limits::default());
        Self { transport, input, body, is_empty: framing == Framing::Length(0) }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.is_empty
    }

    /// Returns how many bytes of the body are still to come, if it is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.length()
    }

    pub(super) fn transport(&mut self) -> &mut Box<dyn Transport> {
        &mut self.transport
    }

    pub(super) fn into_connection(self) -> (Box<dyn Transport>, ReadBuffer) {
        (self.transport, self.input)
    }

    pub(super) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            match self.body.next(&mut self.input)? {
                BodyEvent::Data(data) => return Poll::Ready(Ok(Some(data))),
                BodyEvent::End => return Poll::Ready(Ok(None)),
                BodyEvent::More => {}
            }
            // A connection that fails is treated as ended: the decoder knows whether the body is complete.
            if ready!(self.input.poll_fill(cx, &mut *self.transport)).unwrap_or(0) == 0 {
                return Poll::Ready(self.body.end().map(|()| None));
            }
        }
    }

    /// Takes the trailers of a body that has ended.
    pub(super) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.body.take_trailers()
    }

    /// Sends an informational response.
    pub(super) async fn inform(&mut self, status: StatusCode, headers: &HeaderMap) -> Result<()> {
        let head = super::output::head_lines(status, headers);
        let sent = self.transport.write_all(&head).await;
        sent.map_err(|error| {
            Error::new(ErrorKind::ConnectionClosed, Phase::Body, "the client closed the connection").with_source(error)
        })
    }
}
