//! An exchange on a connection: its request, the future that drives it, and its response. The request is written while
//! the response is already read.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, StatusCode, Version};

use super::body::BodyDecoder;
use super::connection::{Connection, SendError, io_error};
use super::decode::{HeadDecoder, HeadEvent};
use super::encode::{self, RequestHead};
use super::framing::{malformed, wants_more};
use super::limits::Http1Limits;
use super::upload::{RemainingUpload, Upload};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;

/// A request as an exchange needs it.
pub(crate) struct ExchangeRequest<'a, W> {
    /// The limits of this request's response. A request may have limits of its own on a connection that is reused.
    pub(crate) limits: &'a Http1Limits,
    pub(crate) head: RequestHead<'a>,
    pub(crate) body: Body,
    /// The trailers to send after the body. With trailers the body is chunked.
    pub(crate) trailers: Option<Trailers>,
    /// Counts the bytes that are written, and records that the response has begun.
    pub(crate) progress: &'a Progress,
    /// If set, the request has `Expect: 100-continue`. The body is sent at the end of this future at the latest.
    pub(crate) continue_wait: Option<W>,
    /// Called with each informational response.
    pub(crate) on_informational: Option<InformationalCallback<'a>>,
}

/// Receives the status and headers of each informational response.
pub(crate) type InformationalCallback<'a> = &'a (dyn Fn(StatusCode, &HeaderMap) + Send + Sync);

/// The result of an exchange as soon as the final head is here, which is the head of the connection.
pub(crate) struct ExchangeResponse {
    /// Takes the body out of the connection.
    pub(crate) body: BodyDecoder,
    /// The rest of the request, if the server still wants it.
    pub(crate) upload: Option<Box<RemainingUpload>>,
    /// Whether the server closes the connection after the response.
    pub(crate) closes: bool,
}

/// An exchange that is under way. It is ready once the final head is here.
///
/// A response with a status of 400 or above ends the sending of the request (RFC 9112, section 9.5). So does any final
/// response to a request that waits for `100 Continue`. With another response, the rest of the request is returned, to
/// be sent while the body is received.
// Written by hand: an `async` function would move the request and the response several times.
pub(crate) struct Exchange<'a, W> {
    connection: &'a mut Connection,
    head: RequestHead<'a>,
    limits: &'a Http1Limits,
    progress: &'a Progress,
    on_informational: Option<InformationalCallback<'a>>,
    upload: Upload<W>,
    decoder: HeadDecoder,
    stage: SendStage,
    /// Why the connection accepts no more bytes.
    write_error: Option<Error>,
}

/// How far the request of an exchange is.
#[derive(PartialEq)]
enum SendStage {
    /// Nothing has been written.
    New,
    Sending,
    /// Nothing is left to write, or the connection accepts no more.
    Sent,
}

impl<'a, W: Future<Output = ()> + Unpin> Exchange<'a, W> {
    pub(crate) fn new(connection: &'a mut Connection, request: ExchangeRequest<'a, W>) -> Self {
        let ExchangeRequest { limits, head, body, trailers, progress, continue_wait, on_informational } = request;
        let framing = encode::framing(head.method, &body, trailers.as_ref());
        let upload = Upload::new(body, framing, trailers, continue_wait);
        Self {
            connection,
            head,
            limits,
            progress,
            on_informational,
            upload,
            decoder: HeadDecoder::default(),
            stage: SendStage::New,
            write_error: None,
        }
    }

    /// Checks the request, and puts its head into the write buffer.
    fn begin(&mut self, cx: &mut Context<'_>) -> Result<()> {
        self.connection.reset();
        encode::check_head(&self.head)?;
        // Before the head is written: a short body turns `chunked` into a length, which is in the head.
        self.connection.body_taken = self.upload.read_ahead(cx)?;
        self.connection.write_head(&self.head, self.upload.framing(), self.upload.is_waiting());
        self.stage = SendStage::Sending;
        Ok(())
    }

    /// Writes as much of the request as the connection accepts.
    fn send(&mut self, cx: &mut Context<'_>) -> Result<()> {
        match self.connection.poll_send(cx, &mut self.upload, self.progress) {
            Poll::Ready(Ok(())) => self.stage = SendStage::Sent,
            // The response may explain why the server closed the connection, so it is still read.
            Poll::Ready(Err(SendError::Connection(error))) => {
                self.write_error = Some(error);
                self.upload.stop_waiting();
                self.stage = SendStage::Sent;
            }
            Poll::Ready(Err(SendError::Request(error))) => return Err(error),
            Poll::Pending => {}
        }
        Ok(())
    }

    /// Looks for the final head in what has been read. Calls the callback of informational heads. `Pending` means that
    /// more has to be read.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<ExchangeResponse>> {
        while !self.connection.input.data().is_empty() {
            let connection = &mut *self.connection;
            match self.decoder.next(&mut connection.input, self.limits, &mut connection.head)? {
                HeadEvent::Final if connection.head.status == StatusCode::SWITCHING_PROTOCOLS => {
                    return Poll::Ready(Err(malformed(
                        "the server switched protocols, but the request did not ask for another protocol",
                    )));
                }
                HeadEvent::Final => return Poll::Ready(self.finish()),
                HeadEvent::Informational => {
                    let head = &connection.head;
                    self.progress.add_informational();
                    if let Some(callback) = self.on_informational {
                        callback(head.status, &head.headers.to_map());
                    }
                    if head.status == StatusCode::CONTINUE && self.upload.is_waiting() {
                        // The body is written before the next head is looked for.
                        self.upload.stop_waiting();
                        if self.stage == SendStage::Sending {
                            self.send(cx)?;
                        }
                    }
                }
                HeadEvent::More => break,
            }
        }
        Poll::Pending
    }

    /// Decides what follows from the final head: where the body ends, and whether another request may follow.
    fn finish(&mut self) -> Result<ExchangeResponse> {
        let response = &mut self.connection.head;
        let can_write = self.write_error.is_none();
        let framing = response.framing.of_response(self.head.method, response.status)?;
        // A body that ends with the connection leaves none for another request. Either side may ask to close it.
        let closes = !(can_write && framing.is_certain && response.framing.wants_more)
            // The skipped line may have been `connection: close`, or a sign that the server loses track of its bytes.
            || response.has_skipped_lines;
        // The caller may have set `connection: close`. A look-up in an empty map would hash the name.
        let headers = self.head.headers;
        let keep_alive = !closes && (headers.is_empty() || wants_more(Version::HTTP_11, headers));
        let idle_limit = response.framing.idle_limit;
        let is_accepted = response.status.as_u16() < 400;
        self.connection.set_keep_alive(keep_alive, idle_limit);
        let request_sent = self.upload.has_ended() && self.connection.has_written_all();
        self.connection.request_sent = request_sent;
        // With a status of 400 or above, the server does not want the rest of the request (RFC 9112, section 9.5).
        let goes_on = can_write && is_accepted && !self.upload.is_waiting();
        let upload = (!request_sent && goes_on).then(|| Box::new(self.upload.take_remaining()));
        let body = BodyDecoder::new(framing.body, self.limits);
        Ok(ExchangeResponse { body, upload, closes })
    }
}

impl<W: Future<Output = ()> + Unpin> Future for Exchange<'_, W> {
    type Output = Result<ExchangeResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<ExchangeResponse>> {
        let this = &mut *self;
        if this.stage == SendStage::New {
            this.begin(cx)?;
        }
        loop {
            // 1. Write as much as the connection accepts.
            if this.stage == SendStage::Sending {
                this.send(cx)?;
            }
            // 2. Look for a head in what has been read.
            let response = this.poll_head(cx);
            if response.is_ready() {
                return response;
            }
            // 3. Read more.
            match this.connection.poll_fill(cx) {
                Poll::Ready(Ok(0)) => {
                    // Without a response, the failed write is the better explanation.
                    let closed = this.write_error.take();
                    return Poll::Ready(Err(closed.unwrap_or_else(|| this.connection.closed_before_head())));
                }
                Poll::Ready(Ok(_)) => {
                    this.connection.response_begun = true;
                    this.progress.exchange().answer();
                }
                Poll::Ready(Err(error)) => {
                    let error = io_error(Phase::Head, error);
                    // An alert of TLS says why the server closed the connection to the write.
                    let write_error = this.write_error.take().filter(|_| error.kind() != ErrorKind::Tls);
                    return Poll::Ready(Err(write_error.unwrap_or(error)));
                }
                // The wait for `100 Continue` is polled only after a read without data. A final response that came in
                // time therefore wins over the clock, and the body is never touched.
                Poll::Pending if this.upload.is_waiting() && this.connection.has_written_all() => {
                    ready!(this.upload.poll_continue_wait(cx));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
