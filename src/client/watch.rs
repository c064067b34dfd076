//! Telling how far a download is.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;

use crate::error::Result;
use crate::message::body::Body;
use crate::message::progress::Watcher;

/// Tells `watcher` of each piece of `body` that is read.
pub(crate) fn watch(body: Body, watcher: Option<Watcher>, total: Option<u64>) -> Body {
    let Some(watcher) = watcher else { return body };
    let (length, complete) = (body.length(), body.is_complete());
    let watched = Box::pin(WatchedBody { body, watcher, bytes: 0, total });
    if complete { Body::in_memory_stream(watched) } else { Body::boxed_stream(watched, length) }
}

struct WatchedBody {
    body: Body,
    watcher: Watcher,
    bytes: u64,
    total: Option<u64>,
}

impl Stream for WatchedBody {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let item = ready!(Pin::new(&mut this.body).poll_next(cx));
        if let Some(Ok(piece)) = &item {
            this.bytes += piece.len() as u64;
            // The length in the head may be that of a compressed body: a page is not told of another origin's.
            this.watcher.tell(this.bytes, this.total.filter(|total| *total >= this.bytes));
        }
        Poll::Ready(item)
    }
}
