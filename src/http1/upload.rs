//! A request on its way out: how its body is delimited, when the body may be sent, and the bytes that wait to be
//! written.

use std::collections::VecDeque;
use std::future::{Future, Ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::{AsyncWrite, Stream};
use http::HeaderMap;

use super::encode;
use super::framing::Framing;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::trailers::Trailers;

/// Maximum bytes that are read ahead of a body of unknown length. A body that ends within them is sent with its length.
const READ_AHEAD: usize = 4 * 1024;

/// Maximum number of pieces that are taken from a body before other work gets a turn.
const MAX_PIECES_PER_TURN: usize = 64;

/// Maximum bytes of memory that an idle connection keeps for the heads of requests.
const MAX_KEPT: usize = 1024;

/// A request's body on its way out.
pub(crate) struct Upload<W> {
    body: Body,
    /// Pieces that have been read ahead. They are boxed, because few requests have them and each is moved.
    early: Option<Box<EarlyPieces>>,
    framing: Option<Framing>,
    /// How many bytes of the declared length are still to come.
    left: Option<u64>,
    trailers: Option<Trailers>,
    /// The body is not touched until this future ends or `100 Continue` arrives.
    continue_wait: Option<W>,
    /// Whether the end of the body has been handed out.
    ended: bool,
}

/// Pieces that have been read ahead, in their order.
struct EarlyPieces(VecDeque<Bytes>);

/// The part of a request's body that is still to be sent when the response's head is here.
pub(crate) type RemainingUpload = Upload<Ready<()>>;

impl<W: Future<Output = ()> + Unpin> Upload<W> {
    pub(crate) fn new(
        body: Body,
        framing: Option<Framing>,
        trailers: Option<Trailers>,
        continue_wait: Option<W>,
    ) -> Self {
        let has_body = !matches!(framing, None | Some(Framing::Length(0)));
        let left = body.length();
        // A request without content may not expect `100 Continue` (RFC 9110, section 10.1.1).
        let continue_wait = continue_wait.filter(|_| has_body);
        Self { body, early: None, framing, left, trailers, continue_wait, ended: framing.is_none() }
    }

    /// Returns the body. The caller knows that nothing of it was taken.
    #[allow(dead_code, reason = "only the feature `http2` calls it")]
    pub(crate) fn into_body(self) -> Body {
        self.body
    }

    /// Takes the rest of the upload after the final head. It never waits for `100 Continue`.
    pub(crate) fn take_remaining(&mut self) -> RemainingUpload {
        Upload {
            body: std::mem::take(&mut self.body),
            early: self.early.take(),
            framing: self.framing,
            left: self.left,
            trailers: self.trailers.take(),
            continue_wait: None,
            ended: self.ended,
        }
    }

    /// Returns how the body is delimited; `None` without a body.
    pub(crate) fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Returns whether the whole body has been handed out.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Returns whether the body waits for `100 Continue`.
    pub(crate) fn is_waiting(&self) -> bool {
        self.continue_wait.is_some()
    }

    /// Ends the wait for `100 Continue`.
    pub(crate) fn stop_waiting(&mut self) {
        self.continue_wait = None;
    }

    /// Waits until the time for `100 Continue` is over. The body is then sent without it.
    pub(crate) fn poll_continue_wait(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.continue_wait {
            ready!(Pin::new(wait).poll(cx));
        }
        self.continue_wait = None;
        Poll::Ready(())
    }

    /// Reads a body of unknown length ahead, up to 4 KiB and without waiting. Returns whether a piece was taken.
    ///
    /// If the body ends within that, it is sent with its length: more servers understand a length than chunks.
    pub(crate) fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.framing != Some(Framing::Chunked) || self.left.is_some() || self.is_waiting() || self.trailers.is_some()
        {
            return Ok(false);
        }
        let mut size = 0;
        let mut early = VecDeque::new();
        for _ in 0..MAX_PIECES_PER_TURN {
            match Pin::new(&mut self.body).poll_next(cx) {
                Poll::Ready(Some(piece)) => {
                    let piece = piece.map_err(body_failed)?;
                    size += piece.len();
                    early.push_back(piece);
                }
                Poll::Ready(None) => {
                    self.body = Body::empty();
                    self.framing = Some(Framing::Length(size as u64));
                    self.left = Some(size as u64);
                    // As a single piece it is written together with the head.
                    let whole: BytesMut = early.into_iter().flatten().collect();
                    self.early = (size > 0).then(|| Box::new(EarlyPieces([whole.freeze()].into())));
                    return Ok(size > 0);
                }
                Poll::Pending => break,
            }
            if size > READ_AHEAD {
                break;
            }
        }
        if !early.is_empty() {
            self.early = Some(Box::new(EarlyPieces(early)));
        }
        Ok(size > 0)
    }

    /// Puts the body's next piece, or its end, into `output`. Returns whether it was a piece.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, output: &mut WriteBuffer) -> Poll<Result<bool>> {
        let data = ready!(self.poll_data(cx))?;
        let length = data.as_ref().map_or(0, |data| data.len() as u64);
        if self.framing == Some(Framing::Chunked) {
            match &data {
                Some(_) => {
                    output.lines.extend_from_slice(format!("{length:x}\r\n").as_bytes());
                    output.tail = b"\r\n";
                }
                None => self.encode_end(&mut output.lines)?,
            }
        }
        let is_piece = data.is_some();
        output.data = data.unwrap_or_default();
        Poll::Ready(Ok(is_piece))
    }

    /// Returns the body's next piece, or `None` at its end. Checks the declared length.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        let data = ready!(self.poll_piece(cx)).transpose()?;
        let length = data.as_ref().map_or(0, |data| data.len() as u64);
        if let Some(left) = &mut self.left {
            // Too many bytes would be read as the next request. Too few would leave the server waiting.
            match left.checked_sub(length) {
                Some(rest) if rest == 0 || data.is_some() => *left = rest,
                _ => return Poll::Ready(Err(wrong_length(*left, length))),
            }
        }
        self.ended = data.is_none();
        Poll::Ready(Ok(data))
    }

    /// Returns the body's next piece that is not empty.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        for _ in 0..MAX_PIECES_PER_TURN {
            let piece = match self.early.as_mut().and_then(|early| early.0.pop_front()) {
                Some(piece) => Some(Ok(piece)),
                None => ready!(Pin::new(&mut self.body).poll_next(cx)),
            };
            match piece {
                // An empty chunk would end a chunked body.
                Some(Ok(piece)) if piece.is_empty() => {}
                piece => return Poll::Ready(piece.map(|piece| piece.map_err(body_failed))),
            }
        }
        // The body is ready, so it will not wake this task.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Returns the trailers to send after the body, which has ended.
    pub(crate) fn trailers(&self) -> Result<Option<&HeaderMap>> {
        let fields = self.trailers.as_ref().and_then(Trailers::get);
        // Checked only here, because the trailers may be computed while the body is read.
        fields.map_or(Ok(()), encode::check_trailers)?;
        Ok(fields)
    }

    /// Returns whether the body's declared length has been handed out, and no trailers follow.
    #[allow(dead_code, reason = "only the feature `http2` calls it")]
    pub(crate) fn is_complete(&self) -> bool {
        self.left == Some(0) && self.trailers.is_none()
    }

    /// Appends the last chunk and the trailers to `lines`.
    fn encode_end(&self, lines: &mut Vec<u8>) -> Result<()> {
        let fields = self.trailers()?;
        lines.extend_from_slice(b"0\r\n");
        fields.into_iter().for_each(|fields| encode::encode_headers(lines, fields));
        lines.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// The bytes that wait to be written, in the order of the fields.
#[derive(Default)]
pub(super) struct WriteBuffer {
    /// The request's head, the line before a chunk, or the trailers.
    pub(super) lines: Vec<u8>,
    /// How many bytes of `lines` have been written.
    written: usize,
    /// A piece of the body.
    data: Bytes,
    /// The line break after a chunk.
    tail: &'static [u8],
}

/// How many bytes a write has written.
pub(super) struct Written {
    /// All bytes.
    pub(super) total: usize,
    /// The bytes of the body among them.
    pub(super) body: usize,
}

impl WriteBuffer {
    /// Returns whether everything has been written.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.accepts_piece()
    }

    /// Frees the memory of a large head, if it has been written.
    pub(super) fn shrink(&mut self) {
        if self.lines.is_empty() && self.lines.capacity() > MAX_KEPT {
            self.lines = Vec::new();
        }
    }

    /// Returns whether the previous piece of the body has been written.
    pub(super) fn accepts_piece(&self) -> bool {
        self.data.is_empty() && self.tail.is_empty()
    }

    /// Writes once, as many bytes as `sink` accepts.
    pub(super) fn poll_write<S>(&mut self, cx: &mut Context<'_>, sink: &mut S) -> Poll<io::Result<Written>>
    where
        S: AsyncWrite + Unpin + ?Sized,
    {
        let lines = &self.lines[self.written..];
        let sink = Pin::new(sink);
        let total = if self.accepts_piece() {
            // The system copies a single slice with less work.
            ready!(sink.poll_write(cx, lines))?
        } else {
            // Head, piece and line break leave in a single call, and the piece is not copied.
            let slices = [lines, &self.data, self.tail].map(IoSlice::new);
            ready!(sink.poll_write_vectored(cx, &slices))?
        };
        if total == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        let body = self.advance(total);
        Poll::Ready(Ok(Written { total, body }))
    }

    /// Removes the first `count` bytes. Returns how many of them belong to the body.
    fn advance(&mut self, mut count: usize) -> usize {
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
        data
    }
}

/// Converts an error of a request's body. The body may be another response's body, whose error has another kind: the
/// error becomes the source of a `RequestBody` error.
fn body_failed(error: Error) -> Error {
    if error.kind() == ErrorKind::RequestBody {
        return error;
    }
    Error::new(ErrorKind::RequestBody, Phase::Head, "the request's body failed").with_source(error)
}

fn wrong_length(left: u64, length: u64) -> Error {
    let message = match length {
        0 => format!("the request's body ended {left} bytes before its declared length"),
        _ => format!("the request's body is at least {} bytes longer than its declared length", length - left),
    };
    Error::new(ErrorKind::RequestBody, Phase::Head, message)
}
