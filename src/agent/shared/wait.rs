//! How a request waits for a stream of a connection that has no stream left.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::channel::oneshot::{Canceled, Receiver};
use futures::future::{Either, Shared, select};

use super::ReservedStream;
use super::places::ConnectOutcome;
use crate::http2::Http2Stream;
use crate::runtime::StoredFuture;

/// The wait for a stream. The outcome is an error if the request has to look again.
///
/// It drives the connections: the requests that have their streams may be held, and then no other reads that the server
/// allows more streams, or that it closes the connection.
pub(super) struct StreamWait {
    receiver: Receiver<ReservedStream>,
    watched: Vec<Http2Stream>,
}

impl StreamWait {
    pub(super) fn new(receiver: Receiver<ReservedStream>, watched: Vec<Http2Stream>) -> Self {
        Self { receiver, watched }
    }

    /// Waits for a stream and for a new connection at the same time.
    pub(super) async fn or_connect(wait: Option<Self>, connect: Shared<StoredFuture<ConnectOutcome>>) -> Awaited {
        let Some(wait) = wait else { return Awaited::Connection(connect.await) };
        match select(wait, connect).await {
            Either::Left((reserved, _)) => Awaited::Stream(reserved),
            Either::Right((outcome, _)) => Awaited::Connection(outcome),
        }
    }
}

impl Future for StreamWait {
    type Output = Result<ReservedStream, Canceled>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Registered first: what the connections read may end the wait.
        if let Poll::Ready(outcome) = self.receiver.poll_unpin(cx) {
            return Poll::Ready(outcome);
        }
        self.watched.iter_mut().for_each(|stream| stream.drive(cx));
        self.receiver.poll_unpin(cx)
    }
}

/// What came first.
pub(super) enum Awaited {
    Stream(Result<ReservedStream, Canceled>),
    Connection(ConnectOutcome),
}
