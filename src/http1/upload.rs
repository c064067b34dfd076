//! A request on its way out: how its body is delimited, when it may go, and the bytes that wait to be written.

use std::collections::VecDeque;
use std::future::{Future, Ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::{AsyncWrite, Stream};

use super::encode;
use super::framing::Framing;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::trailers::Trailers;

/// A body of unknown length is sent with its length if it turns out to be no larger than this.
const SMALL: usize = 4 * 1024;

/// How many pieces a body may give before anything else gets a turn.
const MOST_PIECES: usize = 64;

/// A request's body on its way out.
pub(crate) struct Upload<W> {
    body: Body,
    /// Pieces taken from the body to see whether it is small.
    early: VecDeque<Bytes>,
    framing: Option<Framing>,
    /// The declared bytes that are still to come.
    left: Option<u64>,
    trailers: Option<Trailers>,
    /// Until this ends, or `100 Continue` comes, the body is not touched.
    patience: Option<W>,
    ended: bool,
}

impl<W: Future<Output = ()> + Unpin> Upload<W> {
    pub(super) fn new(body: Body, framing: Option<Framing>, trailers: Option<Trailers>, patience: Option<W>) -> Self {
        let has_body = !matches!(framing, None | Some(Framing::Length(0)));
        let left = body.length();
        // Nothing may be expected for a request without content (RFC 9110, section 10.1.1).
        let patience = patience.filter(|_| has_body);
        Self { body, early: VecDeque::new(), framing, left, trailers, patience, ended: framing.is_none() }
    }

    /// What is left of the upload, now that the server has said what it had to say: nothing to be patient for.
    pub(super) fn rest(self) -> Upload<Ready<()>> {
        let Self { body, early, framing, left, trailers, patience: _, ended } = self;
        Upload { body, early, framing, left, trailers, patience: None, ended }
    }

    /// How the body will be delimited; `None` if there is none.
    pub(super) fn framing(&self) -> Option<Framing> {
        self.framing
    }

    /// Whether all of the body has been handed out.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Whether the body has to wait for a word of the server.
    pub(super) fn is_waiting(&self) -> bool {
        self.patience.is_some()
    }

    /// The server wants the body.
    pub(super) fn go_ahead(&mut self) {
        self.patience = None;
    }

    /// Ready once the server has been silent for so long that the body may go without its word.
    pub(super) fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(patience) = &mut self.patience {
            ready!(Pin::new(patience).poll(cx));
        }
        self.patience = None;
        Poll::Ready(())
    }

    /// Takes what a body of unknown length has at hand. If that is all, and not much, its length is known: servers that
    /// do not understand a chunked request understand this one. Says whether a piece was taken.
    pub(super) fn gather(&mut self, cx: &mut Context<'_>) -> Result<bool> {
        if self.framing != Some(Framing::Chunked) || self.left.is_some() || self.is_waiting() || self.trailers.is_some()
        {
            return Ok(false);
        }
        let mut size = 0;
        for _ in 0..MOST_PIECES {
            match Pin::new(&mut self.body).poll_next(cx) {
                Poll::Ready(Some(piece)) => {
                    let piece = piece.map_err(body_failed)?;
                    size += piece.len();
                    self.early.push_back(piece);
                }
                Poll::Ready(None) => {
                    self.body = Body::empty();
                    self.framing = Some(Framing::Length(size as u64));
                    self.left = Some(size as u64);
                    // One piece, so that it leaves together with the head.
                    let whole: BytesMut = self.early.drain(..).flatten().collect();
                    self.early.extend((size > 0).then(|| whole.freeze()));
                    return Ok(size > 0);
                }
                Poll::Pending => break,
            }
            if size > SMALL {
                break;
            }
        }
        Ok(size > 0)
    }

    /// Puts the body's next piece, or its end, into `output`; says whether it was a piece.
    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>, output: &mut Output) -> Poll<Result<bool>> {
        let data = ready!(self.poll_piece(cx)).transpose()?;
        let length = data.as_ref().map_or(0, |data| data.len() as u64);
        if let Some(left) = &mut self.left {
            match left.checked_sub(length) {
                Some(rest) if rest == 0 || data.is_some() => *left = rest,
                _ => return Poll::Ready(Err(wrong_length(*left, length))),
            }
        }
        self.ended = data.is_none();
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

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        for _ in 0..MOST_PIECES {
            let piece = match self.early.pop_front() {
                Some(piece) => Some(Ok(piece)),
                None => ready!(Pin::new(&mut self.body).poll_next(cx)),
            };
            match piece {
                // An empty chunk would end a chunked body.
                Some(Ok(piece)) if piece.is_empty() => {}
                piece => return Poll::Ready(piece.map(|piece| piece.map_err(body_failed))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn encode_end(&self, lines: &mut Vec<u8>) -> Result<()> {
        let fields = self.trailers.as_ref().and_then(Trailers::get);
        fields.map_or(Ok(()), encode::check_trailers)?;
        lines.extend_from_slice(b"0\r\n");
        fields.into_iter().for_each(|fields| encode::encode_headers(lines, fields));
        lines.extend_from_slice(b"\r\n");
        Ok(())
    }
}

/// What waits to be written: a head or chunk-size line, a piece of the body, the line break after it.
#[derive(Default)]
pub(super) struct Output {
    pub(super) lines: Vec<u8>,
    written: usize,
    data: Bytes,
    tail: &'static [u8],
}

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.takes_data()
    }

    /// Whether the piece of the body before the next has been written.
    pub(super) fn takes_data(&self) -> bool {
        self.data.is_empty() && self.tail.is_empty()
    }

    /// Writes once, as much as `sink` takes of everything; says how many bytes went, and how many of them were the body's.
    pub(super) fn poll_write<S>(&mut self, cx: &mut Context<'_>, sink: &mut S) -> Poll<io::Result<(usize, usize)>>
    where
        S: AsyncWrite + Unpin + ?Sized,
    {
        let slices = [&self.lines[self.written..], &self.data, self.tail].map(IoSlice::new);
        let count = ready!(Pin::new(sink).poll_write_vectored(cx, &slices))?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        Poll::Ready(Ok((count, self.advance(count))))
    }

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

/// Whatever a body fails with, another response's body say: it is this request's body that failed.
fn body_failed(error: Error) -> Error {
    if error.kind() == ErrorKind::RequestBody {
        return error;
    }
    Error::new(ErrorKind::RequestBody, Phase::Head, "the request's body failed").with_source(error)
}

fn wrong_length(left: u64, length: u64) -> Error {
    let message = match length {
        0 => format!("the request's body ended {left} bytes before its declared length"),
        _ => format!("the request's body goes on for {} bytes beyond its declared length", length - left),
    };
    Error::new(ErrorKind::RequestBody, Phase::Head, message)
}
