//! A stream's connection and its two buffers, and how they are driven.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::AsyncWrite;

use super::limit::StreamLimit;
use super::output::{Output, shut};
use super::tasks::News;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::BoxFuture;
use crate::transport::Transport;
use crate::transport::read_buffer::ReadBuffer;

/// The room that a read is given.
const READ: usize = 64 * 1024;

/// The most bytes that either buffer may hold, unless told otherwise.
pub(super) const DEFAULT_BUFFER: usize = 100 * 1024 * 1024;

/// Where a stream is in its life.
pub(super) enum Link {
    Connecting(BoxFuture<'static, Result<Box<dyn Transport>>>),
    Open(Box<dyn Transport>),
    /// For good; every wait ends with this error.
    Closed(Error),
}

/// What has been received and not been read.
pub(super) struct Input {
    buffer: ReadBuffer,
    pub(super) most: usize,
    /// Whether the peer has closed its half.
    pub(super) ended: bool,
    /// Whether somebody who waits for the end waits for room.
    pub(super) stalled: bool,
}

impl Input {
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.data()
    }

    /// Takes `count` bytes, or as many as there are.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        self.buffer.take(count.min(self.data().len()))
    }

    /// Whether there is a byte more than may be held: only then is it known that there are too many.
    pub(super) fn is_full(&self) -> bool {
        self.data().len() > self.most
    }
}

pub(super) struct State {
    pub(super) link: Link,
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) news: News,
    /// Whether the writing half was closed here.
    pub(super) is_shut: bool,
}

impl State {
    pub(super) fn new(link: Link) -> Self {
        let buffer = ReadBuffer::with_reads(READ, READ);
        let input = Input { buffer, most: DEFAULT_BUFFER, ended: false, stalled: false };
        Self { link, input, output: Output::new(DEFAULT_BUFFER), news: News::default(), is_shut: false }
    }

    /// Gives up the connection. What has been received can still be read.
    pub(super) fn fail(&mut self, error: Error) {
        self.link = Link::Closed(error);
        self.output.clear();
        self.news = News { heard: true, sent: Some(u64::MAX) };
    }

    /// Gives up the connection and what has been received.
    pub(super) fn close(&mut self, error: Error) {
        self.fail(error);
        self.input.take(usize::MAX);
    }

    /// The connection, once there is one.
    pub(super) fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<Result<&mut Box<dyn Transport>>> {
        if let Link::Connecting(connecting) = &mut self.link {
            match ready!(connecting.as_mut().poll(cx)) {
                Ok(transport) => self.link = Link::Open(transport),
                Err(error) => self.fail(error),
            }
            self.news.heard = true;
        }
        match &mut self.link {
            Link::Open(transport) => Poll::Ready(Ok(transport)),
            Link::Closed(error) => Poll::Ready(Err(error.clone())),
            Link::Connecting(_) => Poll::Pending,
        }
    }

    /// Sends what is queued. Ready when all of it has left.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_connected(cx))?;
        let Link::Open(transport) = &mut self.link else { return Poll::Pending };
        let before = self.output.sent();
        let outcome = self.output.poll_send(cx, transport);
        if outcome.is_ready() || self.output.sent() > before {
            self.news.sent = self.news.sent.max(Some(self.output.settled()));
        }
        outcome
    }

    /// Closes the writing half; all that was written must have left.
    pub(super) fn poll_shut(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Link::Open(transport) = &mut self.link else { return Poll::Pending };
        let outcome = ready!(Pin::new(transport).poll_close(cx));
        self.is_shut = outcome.is_ok();
        self.output.end(shut());
        self.news.sent = Some(u64::MAX);
        Poll::Ready(outcome)
    }

    /// Reads once: there are then more bytes, or it is the end.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_connected(cx))?;
        let Link::Open(transport) = &mut self.link else { return Poll::Pending };
        if self.input.ended {
            return Poll::Ready(Err(ended()));
        }
        let room = self.input.most.saturating_add(1).saturating_sub(self.input.data().len());
        match ready!(self.input.buffer.poll_fill_within(cx, transport, room)) {
            Ok(count) => {
                self.input.ended = count == 0;
                self.news.heard = true;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.fail(broken("reading from the stream failed", error)),
        }
        Poll::Ready(Ok(()))
    }

    /// Takes from the input what `want` wants, reading until it is there. Ready, too, if `budget` reads were not enough:
    /// then with nothing.
    pub(super) fn poll_take<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut budget: usize,
        want: &mut dyn FnMut(&mut Input) -> Result<Option<T>>,
    ) -> Poll<Result<Option<T>>> {
        loop {
            match want(&mut self.input) {
                Ok(None) => {}
                Ok(Some(taken)) => {
                    self.news.heard |= std::mem::take(&mut self.input.stalled);
                    return Poll::Ready(Ok(Some(taken)));
                }
                Err(error) => return Poll::Ready(Err(self.overrun(error))),
            }
            if self.input.is_full() && !self.input.ended && matches!(self.link, Link::Open(_)) {
                let error = StreamLimit::ReadBuffer(self.input.most).into();
                return Poll::Ready(Err(self.overrun(error)));
            }
            if budget == 0 {
                return Poll::Ready(Ok(None));
            }
            budget -= 1;
            ready!(self.poll_fill(cx))?;
        }
    }

    /// Closes the stream because of a limit; who comes later is told that it is closed, and why.
    fn overrun(&mut self, error: Error) -> Error {
        let closed = Error::new(ErrorKind::ConnectionClosed, Phase::Stream, "the stream was closed at a limit");
        self.close(closed.with_source(error.clone()));
        error
    }
}

fn ended() -> Error {
    let message = "the peer closed the stream before all was received that was waited for";
    Error::new(ErrorKind::ConnectionClosed, Phase::Stream, message)
}

/// A connection that was taken away is closed; anything else is a failure.
pub(super) fn broken(message: &'static str, error: io::Error) -> Error {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    let gone = matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected);
    let kind = if gone { ErrorKind::ConnectionClosed } else { ErrorKind::Io };
    Error::new(kind, Phase::Stream, message).with_source(error)
}
