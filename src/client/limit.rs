//! The limit of how much of a body can be read, chunk by chunk or whole.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, stream};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;

/// Lets at most `most` bytes of `body` through.
pub(crate) fn limit(body: Body, most: Option<u64>) -> Body {
    let Some(most) = most else { return body };
    match body.length() {
        Some(length) if length > most => Body::in_memory_stream(Box::pin(stream::iter([Err(too_large(most))]))),
        Some(_) if body.is_complete() => body,
        length => Body::boxed_stream(Box::pin(LimitedBody { body, most, left: most }), length),
    }
}

/// A body until it ends or its limit is passed; then it is dropped, which frees its slot and connection.
struct LimitedBody {
    body: Body,
    most: u64,
    left: u64,
}

impl Stream for LimitedBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = match ready!(Pin::new(&mut self.body).poll_next(cx)) {
            Some(Ok(chunk)) => match self.left.checked_sub(chunk.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Some(Ok(chunk))
                }
                None => {
                    self.body = Body::empty();
                    Some(Err(too_large(self.most)))
                }
            },
            item => item,
        };
        Poll::Ready(item)
    }
}

fn too_large(most: u64) -> Error {
    let message = format!("the body is larger than the limit of {most} bytes; raise `stream_limit`");
    Error::new(ErrorKind::LimitExceeded, Phase::Body, message)
}
