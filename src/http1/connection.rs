//! One exchange on a connection: the request goes out while the response is already looked for.

use std::future::{Future, Ready, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::AsyncWrite;
use http::{HeaderMap, StatusCode, Version};

use super::body::{BodyDecoder, BodyEvent};
use super::buffer::ReadBuffer;
use super::decode::{HeadDecoder, ResponseHead};
use super::encode::{self, RequestHead, encode_head};
use super::framing::{self, Framing, malformed, wants_more};
use super::limits::Limits;
use super::upload::{Output, Upload};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::connection_info::ConnectionInfo;
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;
use crate::transport::Transport;

/// How many bytes are written before the server's answer is looked for: one that refuses a body without end is heard.
const TURN: usize = 256 * 1024;

/// How many writes may be made before that: a body of small pieces takes its time as well.
const WRITES: usize = 64;

/// The part of a request that its response has overtaken.
pub(crate) type Rest = Upload<Ready<()>>;

/// What an exchange gives as soon as the final head is here.
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: BodyDecoder,
    /// The rest of the request, which the server still wants.
    pub(crate) rest: Option<Rest>,
}

/// A connection and what it has told us so far.
pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    limits: Limits,
    input: ReadBuffer,
    output: Output,
    /// Whether the present exchange has received a byte.
    pub(crate) answered: bool,
    /// Whether a byte of the present request has left.
    pub(crate) wrote: bool,
    /// Whether a byte of the request's body has been taken in the present exchange.
    pub(crate) body_taken: bool,
    /// Whether the whole request has been written.
    pub(crate) sent: bool,
    /// Whether another request may follow.
    keep_alive: bool,
}

/// A request as an exchange wants it.
pub(crate) struct Outgoing<'a, W> {
    pub(crate) head: RequestHead<'a>,
    pub(crate) body: Body,
    /// What to send after the body; with these it is chunked.
    pub(crate) trailers: Option<Trailers>,
    /// Where the bytes that leave are counted.
    pub(crate) progress: &'a Progress,
    /// If set, the server is asked whether it wants the body, and is given this long to say so.
    pub(crate) patience: Option<W>,
    /// Who is told of interim responses.
    pub(crate) on_informational: Option<OnInformational<'a>>,
}

/// Is given the status and headers of each interim response.
pub(crate) type OnInformational<'a> = &'a (dyn Fn(StatusCode, &HeaderMap) + Send + Sync);

/// Why sending ended early.
enum Unsent {
    /// The request cannot be sent: its body failed, or its trailers may not be.
    Request(Error),
    /// The connection takes no more. The server may have answered before it closed.
    Connection(Error),
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>, limits: Limits) -> Self {
        Self {
            transport,
            limits,
            input: ReadBuffer::new(),
            output: Output::default(),
            answered: false,
            wrote: false,
            body_taken: false,
            sent: true,
            keep_alive: true,
        }
    }

    /// Whether an idle connection can carry another request.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.input.data().is_empty() && self.transport.is_idle()
    }

    /// Ready once an idle connection can no longer carry a request.
    pub(crate) fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.transport.poll_unfit(cx)
    }

    /// Where it leads, and how long it took to make.
    pub(crate) fn connection_info(&self) -> ConnectionInfo {
        self.transport.connection_info()
    }

    /// Whether the exchange that has just ended left the connection fit for another.
    pub(crate) fn is_reusable(&self) -> bool {
        self.keep_alive && self.sent && self.input.data().is_empty()
    }

    /// Sends a request and returns the response's head and the decoder of its body.
    ///
    /// An error that comes before the request has been sent ends the sending (RFC 9112, section 9.5); so does any answer
    /// to the question whether the body is wanted. With another answer the rest of the request comes back, to be sent
    /// while the body is received.
    pub(crate) async fn exchange<W>(&mut self, request: Outgoing<'_, W>) -> Result<Answer>
    where
        W: Future<Output = ()> + Unpin,
    {
        self.answered = false;
        self.wrote = false;
        self.body_taken = false;
        self.sent = false;
        let Outgoing { head, body, trailers, progress, patience, on_informational } = request;
        encode::check_head(&head)?;
        let framing = encode::framing(head.method, &body, trailers.is_some());
        let mut upload = Upload::new(body, framing, trailers, patience);
        self.body_taken = poll_fn(|cx| Poll::Ready(upload.gather(cx))).await?;
        let forwarding = self.transport.forwarding();
        let proxy_authorization = forwarding.and_then(|forwarding| forwarding.authorization.as_ref());
        let as_written = RequestHead { is_forwarded: forwarding.is_some(), proxy_authorization, ..head };
        encode_head(&mut self.output.lines, &as_written, upload.framing(), upload.is_waiting());

        let (response, intact) = self.response(&mut upload, progress, on_informational).await?;
        let framing = framing::of_response(head.method, response.status, response.version, &response.headers)?;
        self.keep_alive = intact && framing != Framing::Close && wants_more(response.version, &response.headers);
        self.keep_alive &= wants_more(Version::HTTP_11, head.headers);
        self.sent = upload.has_ended() && self.output.is_empty();
        let goes_on = intact && response.status.as_u16() < 400 && !upload.is_waiting();
        let rest = (!self.sent && goes_on).then(|| upload.rest());
        Ok(Answer { head: response, body: BodyDecoder::new(framing, self.limits), rest })
    }

    /// Writes what is to be sent and reads until there is a final head, whichever comes first. Beside the head is
    /// whether the connection still takes what is written.
    async fn response<W>(
        &mut self,
        upload: &mut Upload<W>,
        progress: &Progress,
        on_informational: Option<OnInformational<'_>>,
    ) -> Result<(ResponseHead, bool)>
    where
        W: Future<Output = ()> + Unpin,
    {
        let mut decoder = HeadDecoder::default();
        let mut interim = 0;
        let mut sending = true;
        let mut broken = None;
        poll_fn(|cx| {
            loop {
                if sending {
                    match self.poll_send(cx, upload, progress) {
                        Poll::Ready(Ok(())) => sending = false,
                        Poll::Ready(Err(Unsent::Connection(error))) => {
                            broken = Some(error);
                            upload.go_ahead();
                            sending = false;
                        }
                        Poll::Ready(Err(Unsent::Request(error))) => return Poll::Ready(Err(error)),
                        Poll::Pending => {}
                    }
                }
                if !self.input.data().is_empty() {
                    match decoder.next(&mut self.input, &self.limits)? {
                        Some(head) if head.status == StatusCode::SWITCHING_PROTOCOLS => {
                            return Poll::Ready(Err(malformed("the server switched protocols without being asked")));
                        }
                        Some(head) if head.status.is_informational() => {
                            interim += 1;
                            if interim > self.limits.interim {
                                return Poll::Ready(Err(malformed("the server sends interim responses only")));
                            }
                            if let Some(tell) = on_informational {
                                tell(head.status, &head.headers);
                            }
                            if head.status == StatusCode::CONTINUE {
                                upload.go_ahead();
                            }
                            continue;
                        }
                        Some(head) => return Poll::Ready(Ok((head, broken.is_none()))),
                        None => {}
                    }
                }
                match self.input.poll_fill(cx, &mut *self.transport) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(broken.take().unwrap_or_else(|| self.closed()))),
                    Poll::Ready(Ok(_)) => {
                        self.answered = true;
                        progress.answer();
                    }
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Err(broken.take().unwrap_or_else(|| io_error(Phase::Head, error))));
                    }
                    // Only a server that has said nothing runs out of time.
                    Poll::Pending if upload.is_waiting() && self.output.is_empty() => ready!(upload.poll_patience(cx)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await
    }

    fn closed(&self) -> Error {
        let message = if self.answered {
            "the server closed the connection in the middle of the response's head"
        } else {
            "the server closed the connection without an answer"
        };
        Error::new(ErrorKind::ConnectionClosed, Phase::Head, message)
    }

    /// Writes until all has left, the transport takes no more, or the body has to wait: for its next piece, for the
    /// server, or for a look at the server's answer.
    fn poll_send<W>(
        &mut self,
        cx: &mut Context<'_>,
        upload: &mut Upload<W>,
        progress: &Progress,
    ) -> Poll<Result<(), Unsent>>
    where
        W: Future<Output = ()> + Unpin,
    {
        let broken = |error| Unsent::Connection(io_error(Phase::Head, error));
        let (mut written, mut writes) = (0, 0);
        loop {
            if !upload.is_waiting() && !upload.has_ended() && self.output.takes_data() {
                // A body that is not ready does not hold up the head before it.
                match upload.poll_next(cx, &mut self.output) {
                    Poll::Ready(outcome) => {
                        self.body_taken |= outcome.map_err(Unsent::Request)?;
                    }
                    Poll::Pending if self.output.is_empty() => return Poll::Pending,
                    Poll::Pending => {}
                }
            }
            if self.output.is_empty() {
                ready!(Pin::new(&mut self.transport).poll_flush(cx)).map_err(broken)?;
                self.sent = upload.has_ended();
                return if self.sent { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            if written >= TURN || writes >= WRITES {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let (count, of_body) = ready!(self.output.poll_write(cx, &mut *self.transport)).map_err(broken)?;
            self.wrote = true;
            progress.add(count);
            progress.send(of_body as u64);
            written += count;
            writes += 1;
        }
    }

    /// Sends what the response has overtaken. Ready once all has left or the server takes no more: what it has to say
    /// to that, it says in the response.
    pub(crate) fn poll_rest(&mut self, cx: &mut Context<'_>, rest: &mut Rest, progress: &Progress) -> Poll<Result<()>> {
        match ready!(self.poll_send(cx, rest, progress)) {
            Err(Unsent::Request(error)) => Poll::Ready(Err(error)),
            Ok(()) | Err(Unsent::Connection(_)) => Poll::Ready(Ok(())),
        }
    }

    /// The next piece of the response's body; `None` after the last.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>, body: &mut BodyDecoder) -> Poll<Result<Option<Bytes>>> {
        loop {
            match self.body_event(body)? {
                BodyEvent::Data(data) => return Poll::Ready(Ok(Some(data))),
                BodyEvent::End => return Poll::Ready(Ok(None)),
                BodyEvent::More => {}
            }
            match ready!(self.input.poll_fill(cx, &mut *self.transport)) {
                Ok(0) => return Poll::Ready(body.end().map(|()| None)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(io_error(Phase::Body, error))),
            }
        }
    }

    /// What the bytes that are already here say about the body.
    pub(crate) fn body_event(&mut self, body: &mut BodyDecoder) -> Result<BodyEvent> {
        body.next(&mut self.input)
    }
}

/// Names what the operating system says of a connection.
pub(crate) fn io_error(phase: Phase, error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, UnexpectedEof};
    match error.kind() {
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | UnexpectedEof => {
            Error::new(ErrorKind::ConnectionClosed, phase, "the server closed the connection")
        }
        _ => Error::new(ErrorKind::Io, phase, "the connection failed"),
    }
    .with_source(error)
}
