//! One exchange on a connection: the request goes out while the response is already looked for.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures::{AsyncWrite, Stream};
use http::header::CONNECTION;
use http::{HeaderMap, Version};

use super::body::{BodyDecoder, BodyEvent};
use super::buffer::ReadBuffer;
use super::decode::{HeadDecoder, ResponseHead};
use super::encode::{self, RequestHead, encode_head};
use super::framing::{self, Framing, malformed};
use crate::body::Body;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::progress::Progress;
use crate::transport::Transport;

/// The most interim (1xx) responses before the real one.
const MOST_INTERIM: usize = 16;

/// A connection and what it has told us so far.
pub(crate) struct Connection {
    transport: Box<dyn Transport>,
    input: ReadBuffer,
    output: Output,
    /// Whether the present exchange has received a byte.
    pub(crate) answered: bool,
    /// Whether the present exchange has taken a byte of the request's body.
    pub(crate) body_taken: bool,
    /// Whether another request may follow.
    keep_alive: bool,
}

/// What waits to be written: a head or chunk-size line, a piece of the body, the line break after it.
#[derive(Default)]
struct Output {
    lines: Vec<u8>,
    written: usize,
    data: Bytes,
    tail: &'static [u8],
}

/// A request's body on its way out.
struct Upload<'a> {
    body: Body,
    framing: Option<Framing>,
    progress: &'a Progress,
    ended: bool,
}

impl Connection {
    pub(crate) fn new(transport: Box<dyn Transport>) -> Self {
        Self {
            transport,
            input: ReadBuffer::new(),
            output: Output::default(),
            answered: false,
            body_taken: false,
            keep_alive: true,
        }
    }

    /// Whether an idle connection can carry another request.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.input.data().is_empty() && self.transport.is_idle()
    }

    /// Whether the exchange that has just ended left the connection fit for another.
    pub(crate) fn is_reusable(&self) -> bool {
        self.keep_alive && self.input.data().is_empty()
    }

    /// Sends a request and returns the response's head and the decoder of its body.
    ///
    /// A final response that comes before the request has been sent ends the sending: the server has decided.
    pub(crate) async fn exchange(
        &mut self,
        head: RequestHead<'_>,
        body: Body,
        progress: &Progress,
    ) -> Result<(ResponseHead, BodyDecoder)> {
        self.answered = false;
        self.body_taken = false;
        let framing = encode::framing(head.method, &body);
        encode_head(&mut self.output.lines, &head, framing);
        let mut upload = Upload { body, framing, progress, ended: framing.is_none() };

        let response = self.response(&mut upload).await?;
        let framing = framing::of_response(head.method, response.status, response.version, &response.headers)?;
        let sent = upload.ended && self.output.is_empty();
        self.keep_alive = sent && framing != Framing::Close && wants_more(response.version, &response.headers);
        self.keep_alive &= wants_more(Version::HTTP_11, head.headers);
        Ok((response, BodyDecoder::new(framing)))
    }

    /// Writes what is to be sent and reads until there is a final head, whichever comes first.
    async fn response(&mut self, upload: &mut Upload<'_>) -> Result<ResponseHead> {
        let mut decoder = HeadDecoder::default();
        let mut interim = 0;
        let mut sending = true;
        let mut broken = None;
        poll_fn(|cx| {
            loop {
                if sending {
                    match self.poll_send(cx, upload) {
                        Poll::Ready(Ok(())) => sending = false,
                        // The server may have answered before it closed: read that first.
                        Poll::Ready(Err(error)) if error.kind() != ErrorKind::RequestBody => {
                            broken = Some(error);
                            self.keep_alive = false;
                            sending = false;
                        }
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {}
                    }
                }
                if !self.input.data().is_empty() {
                    match decoder.next(&mut self.input)? {
                        Some(head) if head.status.as_u16() == 101 => {
                            return Poll::Ready(Err(malformed("the server switched protocols without being asked")));
                        }
                        Some(head) if head.status.is_informational() => {
                            interim += 1;
                            if interim > MOST_INTERIM {
                                return Poll::Ready(Err(malformed("the server sends interim responses only")));
                            }
                            continue;
                        }
                        Some(head) => return Poll::Ready(Ok(head)),
                        None => {}
                    }
                }
                let outcome = ready!(self.input.poll_fill(cx, &mut *self.transport));
                match outcome {
                    Ok(0) => return Poll::Ready(Err(broken.take().unwrap_or_else(|| self.closed()))),
                    Ok(_) => self.answered = true,
                    Err(error) => {
                        return Poll::Ready(Err(broken.take().unwrap_or_else(|| io_error(Phase::Head, error))));
                    }
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

    fn poll_send(&mut self, cx: &mut Context<'_>, upload: &mut Upload<'_>) -> Poll<Result<()>> {
        loop {
            if !upload.ended && self.output.data.is_empty() && self.output.tail.is_empty() {
                // A body that is not ready does not hold up the head before it.
                if let Poll::Ready(outcome) = upload.poll_next(cx, &mut self.output) {
                    self.body_taken |= outcome?;
                } else if self.output.is_empty() {
                    return Poll::Pending;
                }
            }
            if self.output.is_empty() {
                let flushed = ready!(Pin::new(&mut self.transport).poll_flush(cx));
                return Poll::Ready(flushed.map_err(|error| io_error(Phase::Head, error)));
            }
            let wrote = ready!(self.output.poll_write(cx, &mut *self.transport));
            upload.progress.add(wrote.map_err(|error| io_error(Phase::Head, error))?);
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

impl Upload<'_> {
    /// Puts the body's next piece, or its end, into `output`; says whether it was a piece.
    fn poll_next(&mut self, cx: &mut Context<'_>, output: &mut Output) -> Poll<Result<bool>> {
        let data = loop {
            match ready!(Pin::new(&mut self.body).poll_next(cx)).transpose()? {
                // An empty chunk would end a chunked body.
                Some(data) if data.is_empty() => {}
                data => break data,
            }
        };
        let length = data.as_ref().map_or(0, |data| data.len() as u64);
        match &mut self.framing {
            Some(Framing::Length(left)) => match left.checked_sub(length) {
                Some(rest) if rest == 0 || data.is_some() => *left = rest,
                _ => return Poll::Ready(Err(wrong_length(*left, length))),
            },
            Some(Framing::Chunked) => {
                let line = if data.is_some() { format!("{length:x}\r\n") } else { "0\r\n\r\n".to_owned() };
                output.lines.extend_from_slice(line.as_bytes());
                output.tail = if data.is_some() { b"\r\n" } else { b"" };
            }
            Some(Framing::Close) | None => {}
        }
        self.ended = data.is_none();
        let is_piece = data.is_some();
        output.data = data.unwrap_or_default();
        Poll::Ready(Ok(is_piece))
    }
}

fn wrong_length(left: u64, length: u64) -> Error {
    let message = match length {
        0 => format!("the request's body ended {left} bytes before its declared length"),
        _ => format!("the request's body goes on for {} bytes beyond its declared length", length - left),
    };
    Error::new(ErrorKind::RequestBody, Phase::Head, message)
}

impl Output {
    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.data.is_empty() && self.tail.is_empty()
    }

    /// Writes once, as much as the transport takes of everything.
    fn poll_write(&mut self, cx: &mut Context<'_>, transport: &mut dyn Transport) -> Poll<io::Result<usize>> {
        let slices = [&self.lines[self.written..], &self.data, self.tail].map(IoSlice::new);
        let count = ready!(Pin::new(transport).poll_write_vectored(cx, &slices))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(count);
        Poll::Ready(Ok(count))
    }

    fn advance(&mut self, mut count: usize) {
        let lines = count.min(self.lines.len() - self.written);
        self.written += lines;
        count -= lines;
        if self.written == self.lines.len() {
            self.lines.clear();
            self.written = 0;
        }
        let data = count.min(self.data.len());
        self.data.advance(data);
        self.tail = &self.tail[count - data..];
    }
}

/// Whether a message's sender means to go on with the connection (RFC 9112, section 9.3).
fn wants_more(version: Version, headers: &HeaderMap) -> bool {
    let has = |name: &[u8]| {
        let mut options = headers.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|b| *b == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(name))
    };
    if version == Version::HTTP_10 { has(b"keep-alive") } else { !has(b"close") }
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
