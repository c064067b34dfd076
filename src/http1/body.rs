//! A response's body, received: buffered bytes in, chunks and the end out.

use bytes::Bytes;
use http::HeaderMap;

use super::buffer::ReadBuffer;
use super::chunked::{ChunkedDecoder, take_some};
use super::framing::Framing;
use super::limits::Limits;
use crate::error::{Error, ErrorKind, Phase, Result};

/// What the bytes received so far amount to.
#[derive(Debug)]
pub(crate) enum BodyEvent {
    /// A piece of the body.
    Data(Bytes),
    /// Nothing yet: receive more.
    More,
    /// The body is complete.
    End,
}

/// Takes a body out of a read buffer.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    /// A body with a declared length, of which this much is still to come.
    Length(u64),
    Chunked(ChunkedDecoder),
    Close,
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing, limits: Limits) -> Self {
        match framing {
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkedDecoder::new(limits)),
            Framing::Close => Self::Close,
        }
    }

    /// The length that is still to come, where it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::Close => None,
        }
    }

    /// Whether trailers may follow.
    pub(crate) fn may_have_trailers(&self) -> bool {
        matches!(self, Self::Chunked(_))
    }

    /// The trailers, once, after the end of a body that has some.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        match self {
            Self::Chunked(chunks) => chunks.take_trailers(),
            Self::Length(_) | Self::Close => None,
        }
    }

    /// The next event that the buffered bytes give.
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

    /// The connection has ended with nothing left in the buffer: is the body complete?
    pub(crate) fn end(&self) -> Result<()> {
        let message = match self {
            Self::Close => return Ok(()),
            Self::Length(left) => format!("the server closed the connection {left} bytes before the end of the body"),
            Self::Chunked(_) => "the server closed the connection before the last chunk".to_owned(),
        };
        Err(Error::new(ErrorKind::ConnectionClosed, Phase::Body, message))
    }
}
