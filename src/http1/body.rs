//! Decodes a response's body: buffered bytes in, pieces and the end out.

use bytes::Bytes;
use http::HeaderMap;

use super::buffer::ReadBuffer;
use super::chunked::{ChunkedDecoder, take_some};
use super::framing::Framing;
use super::limits::Http1Limits;
use crate::error::{Error, ErrorKind, Phase, Result};

/// What the bytes received so far contain.
#[derive(Debug)]
pub(crate) enum BodyEvent {
    /// A piece of the body.
    Data(Bytes),
    /// No piece yet: receive more.
    More,
    /// The body is complete.
    End,
}

/// Takes a body out of a read buffer, by its framing.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    /// A body with a declared length. The number is how many bytes are still to come.
    Length(u64),
    /// A chunked body. The decoder is boxed, because the state of the other framings is a single number.
    Chunked(Box<ChunkedDecoder>),
    /// A body that ends with the connection.
    Close,
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing, limits: &Http1Limits) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Box::new(ChunkedDecoder::new(*limits))),
            Framing::Close => Self::Close,
        }
    }

    /// Returns how many bytes are still to come, if the length is declared.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::Close => None,
        }
    }

    /// Returns whether trailers may follow the body.
    pub(crate) fn may_have_trailers(&self) -> bool {
        matches!(self, Self::Chunked(_))
    }

    /// Takes the trailers of a body that has ended, if it has any.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self {
            Self::Chunked(chunks) => chunks.take_trailers(),
            Self::Length(_) | Self::Close => None,
        }
    }

    /// Returns whether a malformed line of the trailers was skipped.
    pub(crate) fn has_skipped_lines(&self) -> bool {
        matches!(self, Self::Chunked(chunks) if chunks.has_skipped_lines)
    }

    /// Returns the next event that the buffered bytes contain.
    pub(crate) fn next(&mut self, buffer: &mut ReadBuffer) -> Result<BodyEvent> {
        match self {
            Self::Length(0) => Ok(BodyEvent::End),
            Self::Length(left) => Ok(match take_some(buffer, *left) {
                Some((data, rest)) => {
                    *left = rest;
                    BodyEvent::Data(data)
                }
                None => BodyEvent::More,
            }),
            Self::Chunked(chunks) => chunks.next(buffer),
            Self::Close => Ok(match take_some(buffer, u64::MAX) {
                Some((data, _)) => BodyEvent::Data(data),
                None => BodyEvent::More,
            }),
        }
    }

    /// Checks that the body is complete when the connection has ended and the buffer is empty.
    pub(crate) fn end(&self) -> Result<()> {
        let message = match self {
            Self::Close => return Ok(()),
            Self::Length(left) => format!("the server closed the connection {left} bytes before the end of the body"),
            Self::Chunked(_) => "the server closed the connection before the last chunk".to_owned(),
        };
        Err(Error::new(ErrorKind::ConnectionClosed, Phase::Body, message))
    }
}
