//! Exchanges on a connection. The request is written while the response is already read.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures::AsyncWrite;
use http::{StatusCode, Version};

use super::body::{BodyDecoder, BodyEvent};
use super::buffer::ReadBuffer;
use super::decode::{HeadDecoder, HeadEvent, ResponseHead};
use super::encode::{self, HeadOptions, encode_head};
use super::exchange::{ExchangeRequest, ExchangeResponse, InformationalCallback, RemainingUpload};
use super::framing::{self, malformed, wants_more};
use super::keep_alive;
use super::limits::Http1Limits;
use super::read_turn::ReadTurn;
use super::upload::{Upload, WriteBuffer, Written};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::connection_info::ConnectionInfo;
use crate::message::progress::Progress;
use crate::transport::Transport;

/// Maximum bytes written before the connection is read again. A server that refuses an endless body is noticed.
const MAX_BYTES_PER_TURN: usize = 256 * 1024;

/// Maximum number of writes before the connection is read again: a body of small pieces takes time as well.
const MAX_WRITES_PER_TURN: usize = 64;

/// A connection, and how far the exchange on it has come.
pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    input: ReadBuffer,
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
    /// The facts of the transport, once a response needs them. All responses of the connection share them.
    info: Option<Arc<ConnectionInfo>>,
}

/// Why sending a request ended early.
enum SendError {
    /// The request cannot be sent: its body failed, or its trailers are refused.
    Request(Error),
    /// The connection accepts no more bytes. The server may have responded before it closed the connection.
    Connection(Error),
}

/// The final head of a response.
struct FinalHead {
    head: ResponseHead,
    /// Whether the connection still accepts bytes.
    can_write: bool,
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            input: ReadBuffer::new(),
            output: WriteBuffer::default(),
            response_begun: false,
            request_begun: false,
            body_taken: false,
            request_sent: true,
            keep_alive: true,
            idle_limit: None,
            idle_elapsed: Duration::ZERO,
            turn: ReadTurn::default(),
            info: None,
        }
    }

    /// Returns whether an idle connection can carry another request.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.input.data().is_empty() && self.transport.is_idle()
    }

    /// Waits until an idle connection can no longer carry a request.
    pub(crate) fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_unfit(cx)
    }

    /// Returns the addresses of the connection, its TLS session, and how long opening it took.
    pub(crate) fn connection_info(&mut self) -> Arc<ConnectionInfo> {
        self.info.get_or_insert_with(|| Arc::new(self.transport.connection_info())).clone()
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

    /// Sends a request, and returns the head of the response and the decoder of its body.
    ///
    /// A response with a status of 400 or above ends the sending of the request (RFC 9112, section 9.5). So does any
    /// final response to a request that waits for `100 Continue`. With another response, the rest of the request is
    /// returned, to be sent while the body is received.
    pub(crate) async fn exchange<W>(&mut self, request: ExchangeRequest<'_, W>) -> Result<ExchangeResponse>
    where
        W: Future<Output = ()> + Unpin,
    {
        self.response_begun = false;
        self.request_begun = false;
        self.body_taken = false;
        self.request_sent = false;
        self.idle_elapsed = Duration::ZERO;
        let ExchangeRequest { limits, head, body, trailers, progress, continue_wait, on_informational } = request;
        encode::check_head(&head)?;
        let framing = encode::framing(head.method, &body, trailers.as_ref());
        let mut upload = Upload::new(body, framing, trailers, continue_wait);
        // Before the head is written: a short body turns `chunked` into a length, which is in the head.
        self.body_taken = poll_fn(|cx| Poll::Ready(upload.read_ahead(cx))).await?;
        let options = HeadOptions {
            forwarding: self.transport.forwarding(),
            framing: upload.framing(),
            expects_continue: upload.is_waiting(),
        };
        encode_head(&mut self.output.lines, &head, &options);

        let FinalHead { head: response, can_write } =
            self.response(&mut upload, &limits, progress, on_informational).await?;
        let framing = framing::of_response(head.method, response.status, response.version, &response.headers)?;
        // A body that ends with the connection leaves none for another request. Either side may ask to close it.
        let closes = !(can_write && framing.is_certain && wants_more(response.version, &response.headers))
            // The skipped line may have been `connection: close`, or a sign that the server loses track of its bytes.
            || response.has_skipped_lines;
        // The caller may have set `connection: close`.
        self.keep_alive = !closes && wants_more(Version::HTTP_11, head.headers);
        // The limit is a property of the connection: a response that does not repeat it leaves it as it is.
        self.idle_limit = keep_alive::idle_limit(&response.headers).or(self.idle_limit);
        self.request_sent = upload.has_ended() && self.output.is_empty();
        // With a status of 400 or above, the server does not want the rest of the request (RFC 9112, section 9.5).
        let goes_on = can_write && response.status.as_u16() < 400 && !upload.is_waiting();
        let remaining = (!self.request_sent && goes_on).then(|| upload.into_remaining());
        let body = BodyDecoder::new(framing.body, limits);
        Ok(ExchangeResponse { head: response, body, upload: remaining, closes })
    }

    /// Writes the request and reads the response, until the final head is here.
    async fn response<W>(
        &mut self,
        upload: &mut Upload<W>,
        limits: &Http1Limits,
        progress: &Progress,
        on_informational: Option<InformationalCallback<'_>>,
    ) -> Result<FinalHead>
    where
        W: Future<Output = ()> + Unpin,
    {
        let mut decoder = HeadDecoder::default();
        let mut is_sending = true;
        let mut write_error = None;
        poll_fn(|cx| {
            'exchange: loop {
                // 1. Write as much as the connection accepts.
                if is_sending {
                    match self.poll_send(cx, upload, progress) {
                        Poll::Ready(Ok(())) => is_sending = false,
                        // The response may explain why the server closed the connection, so it is still read.
                        Poll::Ready(Err(SendError::Connection(error))) => {
                            write_error = Some(error);
                            upload.stop_waiting();
                            is_sending = false;
                        }
                        Poll::Ready(Err(SendError::Request(error))) => return Poll::Ready(Err(error)),
                        Poll::Pending => {}
                    }
                }
                // 2. Look for a head in what has been read.
                while !self.input.data().is_empty() {
                    match decoder.next(&mut self.input, limits)? {
                        HeadEvent::Final(head) if head.status == StatusCode::SWITCHING_PROTOCOLS => {
                            return Poll::Ready(Err(malformed(
                                "the server switched protocols, but the request did not ask for another protocol",
                            )));
                        }
                        HeadEvent::Final(head) => {
                            return Poll::Ready(Ok(FinalHead { head, can_write: write_error.is_none() }));
                        }
                        HeadEvent::Informational(head) => {
                            progress.add_informational();
                            if let Some(callback) = on_informational {
                                callback(head.status, &head.headers);
                            }
                            if head.status == StatusCode::CONTINUE && upload.is_waiting() {
                                upload.stop_waiting();
                                continue 'exchange;
                            }
                        }
                        HeadEvent::More => break,
                    }
                }
                // 3. Read more.
                match self.input.poll_fill(cx, &mut *self.transport) {
                    Poll::Ready(Ok(0)) => {
                        // Without a response, the failed write is the better explanation.
                        return Poll::Ready(Err(write_error.take().unwrap_or_else(|| self.closed_before_head())));
                    }
                    Poll::Ready(Ok(_)) => {
                        self.response_begun = true;
                        progress.exchange().answer();
                    }
                    Poll::Ready(Err(error)) => {
                        let error = io_error(Phase::Head, error);
                        // An alert of TLS says why the server closed the connection to the write.
                        let write_error = write_error.take().filter(|_| error.kind() != ErrorKind::Tls);
                        return Poll::Ready(Err(write_error.unwrap_or(error)));
                    }
                    // The wait for `100 Continue` is polled only after a read without data. A final response that came
                    // in time therefore wins over the clock, and the body is never touched.
                    Poll::Pending if upload.is_waiting() && self.output.is_empty() => {
                        ready!(upload.poll_continue_wait(cx));
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn closed_before_head(&self) -> Error {
        let message = if self.response_begun {
            "the server closed the connection in the middle of the response's head"
        } else {
            "the server closed the connection without a response"
        };
        Error::new(ErrorKind::ConnectionClosed, Phase::Head, message)
    }

    /// Writes until everything is written, the transport accepts no more, or the body has to wait. The body waits for
    /// its next piece, for `100 Continue`, or for the connection to be read.
    fn poll_send<W>(
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
            match self.input.poll_fill(cx, &mut *self.transport) {
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
    pub(crate) fn body_event(&mut self, body: &mut BodyDecoder) -> Result<BodyEvent> {
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
