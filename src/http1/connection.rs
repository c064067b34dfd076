//! A connection: it writes requests, and reads responses and their bodies.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::AsyncWrite;
use http::Version;

use super::body::{BodyDecoder, BodyEvent};
use super::buffer::ReadBuffer;
use super::decode::ResponseHead;
use super::encode::{HeadOptions, RequestHead, encode_head};
use super::framing::Framing;
use super::read_turn::ReadTurn;
use super::upload::{RemainingUpload, Upload, WriteBuffer, Written};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::connection_info::ConnectionInfo;
use crate::message::progress::Progress;
use crate::transport::Transport;

/// Maximum bytes written before the connection is read again. A server that refuses an endless body is noticed.
const MAX_BYTES_PER_TURN: usize = 256 * 1024;

/// Maximum number of writes before the connection is read again: a body of small pieces takes time as well.
const MAX_WRITES_PER_TURN: usize = 64;

/// Is shared by the open connections to an origin, so that they can be counted.
pub(crate) type OpenToken = Arc<()>;

/// A connection, and how far the exchange on it has come.
pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    pub(super) input: ReadBuffer,
    /// The head of the last response. It stands here so that it is not moved on its way to the caller.
    pub(crate) head: ResponseHead,
    output: WriteBuffer,
    /// Whether a byte of the response has been received.
    pub(crate) response_begun: bool,
    /// Whether a byte of the request has been written.
    pub(crate) request_begun: bool,
    /// Whether a piece of the request's body has been taken from its source.
    pub(crate) body_taken: bool,
    /// Whether the whole request has been written.
    pub(crate) request_sent: bool,
    /// Whether client and server agree that another request may follow.
    keep_alive: bool,
    /// How long the server lets the connection be idle; `None` if it has not said so.
    idle_limit: Option<Duration>,
    /// How much of that time has passed before the response was read to its end.
    idle_elapsed: Duration,
    turn: ReadTurn,
    /// Counts the connection as open, if it is counted.
    _open: Option<OpenToken>,
    /// The facts of the transport, once a response needs them. All responses of the connection share them.
    info: Option<Arc<ConnectionInfo>>,
}

/// Why sending a request ended early.
pub(super) enum SendError {
    /// The request cannot be sent: its body failed, or its trailers are refused.
    Request(Error),
    /// The connection accepts no more bytes. The server may have responded before it closed the connection.
    Connection(Error),
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            input: ReadBuffer::new(),
            head: ResponseHead::default(),
            output: WriteBuffer::default(),
            response_begun: false,
            request_begun: false,
            body_taken: false,
            request_sent: true,
            keep_alive: true,
            idle_limit: None,
            idle_elapsed: Duration::ZERO,
            turn: ReadTurn::default(),
            _open: None,
            info: None,
        }
    }

    /// Counts the connection as open until it is dropped.
    pub(crate) fn counted(mut self, token: OpenToken) -> Self {
        self._open = Some(token);
        self
    }

    /// Returns whether an idle connection can carry another request.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.input.data().is_empty() && self.transport.is_idle()
    }

    /// Waits until an idle connection can no longer carry a request. Frees its read buffer, most of its memory: the pool
    /// waits only for a connection that has been idle for some time.
    pub(crate) fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.input.release();
        self.transport.poll_unfit(cx)
    }

    /// Returns the version, the addresses and the TLS session of the connection, and how long opening it took.
    pub(crate) fn connection_info(&mut self) -> Arc<ConnectionInfo> {
        self.info
            .get_or_insert_with(|| {
                let version = Some(Version::HTTP_11);
                Arc::new(ConnectionInfo { version, ..self.transport.connection_info() })
            })
            .clone()
    }

    /// Returns whether another request can follow the exchange that has ended.
    pub(crate) fn is_reusable(&self) -> bool {
        // A byte beyond the response's end would be taken for the start of the next response.
        self.keep_alive
            && self.request_sent
            && self.input.data().is_empty()
            && self.idle_limit().is_none_or(|limit| !limit.is_zero())
    }

    /// Returns how long the connection may be idle from now on, as far as the server has announced it.
    pub(crate) fn idle_limit(&self) -> Option<Duration> {
        self.idle_limit.map(|limit| limit.saturating_sub(self.idle_elapsed))
    }

    /// Records that the end of the response may have waited for this long before it was read.
    pub(crate) fn set_idle_elapsed(&mut self, elapsed: Duration) {
        self.idle_elapsed = elapsed;
    }

    /// Begins an exchange: nothing of it has been written or received.
    pub(super) fn reset(&mut self) {
        self.response_begun = false;
        self.request_begun = false;
        self.body_taken = false;
        self.request_sent = false;
        self.idle_elapsed = Duration::ZERO;
    }

    /// Puts the head of a request into the write buffer.
    pub(super) fn write_head(&mut self, head: &RequestHead<'_>, framing: Option<Framing>, expects_continue: bool) {
        let options = HeadOptions { forwarding: self.transport.forwarding(), framing, expects_continue };
        encode_head(&mut self.output.lines, head, &options);
    }

    /// Returns whether the write buffer is empty.
    pub(super) fn has_written_all(&self) -> bool {
        self.output.is_empty()
    }

    /// Reads once. Returns how many bytes were read; 0 at the end of the connection.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.input.poll_fill(cx, &mut *self.transport)
    }

    /// Records what the head of a response says about the connection.
    pub(super) fn set_keep_alive(&mut self, keep_alive: bool, idle_limit: Option<Duration>) {
        self.keep_alive = keep_alive;
        // The limit is a property of the connection: a response that does not repeat it leaves it as it is.
        self.idle_limit = idle_limit.or(self.idle_limit);
    }

    /// Frees the memory that large heads and bodies have needed. The connection is idle from now on.
    pub(crate) fn shrink(&mut self) {
        self.input.shrink();
        self.output.shrink();
        self.transport.shrink();
    }

    pub(super) fn closed_before_head(&self) -> Error {
        let message = if self.response_begun {
            "the server closed the connection in the middle of the response's head"
        } else {
            "the server closed the connection without a response"
        };
        Error::new(ErrorKind::ConnectionClosed, Phase::Head, message)
    }

    /// Writes until everything is written, the transport accepts no more, or the body has to wait. The body waits for
    /// its next piece, for `100 Continue`, or for the connection to be read.
    pub(super) fn poll_send<W>(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Upload<W>,
        progress: &Progress,
    ) -> Poll<std::result::Result<(), SendError>>
    where
        W: Future<Output = ()> + Unpin,
    {
        let write_failed = |error| SendError::Connection(io_error(Phase::Head, error));
        let mut bytes_written = 0;
        let mut writes = 0;
        loop {
            if !upload.is_waiting() && !upload.has_ended() && self.output.accepts_piece() {
                // A body that is not ready does not delay the head before it.
                match upload.poll_next(cx, &mut self.output) {
                    Poll::Ready(is_piece) => {
                        self.body_taken |= is_piece.map_err(SendError::Request)?;
                    }
                    Poll::Pending if self.output.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.output.is_empty() {
                // Also between two pieces of a body: what has been written must not wait in a transport for a piece
                // that comes late.
                ready!(Pin::new(&mut self.transport).poll_flush(cx)).map_err(write_failed)?;
                self.request_sent = upload.has_ended();
                return if self.request_sent { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            if bytes_written >= MAX_BYTES_PER_TURN || writes >= MAX_WRITES_PER_TURN {
                // The transport accepts more, so it will not wake this task.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Written { total, body } =
                ready!(self.output.poll_write(cx, &mut *self.transport)).map_err(write_failed)?;
            self.request_begun = true;
            progress.add(total);
            progress.exchange().send(body as u64);
            bytes_written += total;
            writes += 1;
        }
    }

    /// Sends the rest of a request while the response is received. Ready once everything is written or the server
    /// accepts no more: the response says then why.
    pub(crate) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut RemainingUpload,
        progress: &Progress,
    ) -> Poll<Result<()>> {
        match ready!(self.poll_send(cx, upload, progress)) {
            Err(SendError::Request(error)) => Poll::Ready(Err(error)),
            Ok(()) | Err(SendError::Connection(_)) => Poll::Ready(Ok(())),
        }
    }

    /// Returns the next piece of the response's body, or `None` after the last piece. After a bounded number of bytes
    /// and reads it wakes the task and returns `Pending` once, so that other tasks run.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>, body: &mut BodyDecoder) -> Poll<Result<Option<Bytes>>> {
        loop {
            match self.body_event(body)? {
                BodyEvent::Data(data) => return Poll::Ready(Ok(Some(data))),
                BodyEvent::End => return Poll::Ready(Ok(None)),
                BodyEvent::More => {}
            }
            // A server that is faster than this task would hold the thread for as long as the body lasts.
            if self.turn.is_over() {
                self.turn = ReadTurn::default();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.poll_fill(cx) {
                Poll::Ready(Ok(0)) => return Poll::Ready(body.end().map(|()| None)),
                Poll::Ready(Ok(bytes)) => self.turn.add(bytes),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(io_error(Phase::Body, error))),
                Poll::Pending => {
                    self.turn = ReadTurn::default();
                    return Poll::Pending;
                }
            }
        }
    }

    /// Returns the next event of the body that follows from the bytes already read.
    #[inline]
    pub(crate) fn body_event(&mut self, body: &mut BodyDecoder) -> Result<BodyEvent> {
        match body {
            // Inlined, because each body of a declared length ends like this.
            BodyDecoder::Length(0) => Ok(BodyEvent::End),
            body => self.decode_body(body),
        }
    }

    fn decode_body(&mut self, body: &mut BodyDecoder) -> Result<BodyEvent> {
        let event = body.next(&mut self.input)?;
        self.keep_alive &= !body.has_skipped_lines();
        Ok(event)
    }
}

/// Converts an error of the operating system or of TLS about a connection.
pub(crate) fn io_error(phase: Phase, error: io::Error) -> Error {
    let kind = match ErrorKind::of_connection(&error) {
        // The error of TLS over a connection that ends without `close_notify` (RFC 8446, section 6.1).
        ErrorKind::Io if error.kind() == io::ErrorKind::UnexpectedEof => ErrorKind::ConnectionClosed,
        kind => kind,
    };
    let message = match kind {
        ErrorKind::ConnectionClosed => "the server closed the connection",
        ErrorKind::Tls => "the TLS connection failed",
        _ => "the connection failed",
    };
    Error::new(kind, phase, message).with_source(error)
}
