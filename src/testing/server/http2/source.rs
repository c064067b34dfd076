//! The body of a request on a stream, and the informational responses to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Response, StatusCode};

use crate::error::{Error, ErrorKind, Phase, Result};

/// The stream of a request, as far as its handler needs it.
pub(in crate::testing::server) struct StreamSource {
    body: RecvStream,
    response: SharedResponse,
    /// Whether the windows open again for the bytes that the handler has taken.
    opens_windows: bool,
    id: u32,
}

/// What sends the response of a stream. The handler sends informational responses by it, while the serving loop watches
/// whether the client resets the stream.
#[derive(Clone)]
pub(super) struct SharedResponse(Arc<Mutex<SendResponse<Bytes>>>);

impl SharedResponse {
    pub(super) fn new(response: SendResponse<Bytes>) -> Self {
        Self(Arc::new(Mutex::new(response)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, SendResponse<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamSource {
    pub(super) fn new(body: RecvStream, response: SharedResponse, opens_windows: bool) -> Self {
        let id = response.lock().stream_id().as_u32();
        Self { body, response, opens_windows, id }
    }

    pub(in crate::testing::server) fn id(&self) -> u32 {
        self.id
    }

    /// Returns whether the client has ended the stream.
    pub(in crate::testing::server) fn has_ended(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Returns the next chunk of the body.
    pub(in crate::testing::server) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            let Some(data) = ready!(self.body.poll_data(cx)) else { return Poll::Ready(Ok(None)) };
            let data = data.map_err(stream_error)?;
            if self.opens_windows {
                self.body.flow_control().release_capacity(data.len()).map_err(stream_error)?;
            }
            // A chunk is not empty, so that a handler can tell it from the end.
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }

    /// Returns the trailers after the body.
    pub(in crate::testing::server) fn poll_trailers(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<HeaderMap>>> {
        self.body.poll_trailers(cx).map_err(stream_error)
    }

    /// Sends an informational response.
    pub(in crate::testing::server) fn inform(&self, status: StatusCode, headers: HeaderMap) -> Result<()> {
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        self.response.lock().send_informational(response).map_err(stream_error)
    }
}

fn stream_error(error: h2::Error) -> Error {
    Error::new(ErrorKind::ConnectionClosed, Phase::Body, "the client ended the stream").with_source(error)
}
