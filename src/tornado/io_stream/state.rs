//! The state of a stream: its connection and its two buffers. Each method makes a single step and never waits.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::AsyncWrite;

use super::budget::StreamBudget;
use super::limit::StreamLimit;
use super::output::{StreamOutput, shut};
use super::search::{Find, Pattern};
use super::waiters::StreamChanges;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::BoxFuture;
use crate::transport::Transport;
use crate::transport::read_buffer::ReadBuffer;

/// How many bytes a single read from the transport may return.
const READ_SIZE: usize = 64 * 1024;

/// The default limit of each buffer in bytes.
pub(super) const DEFAULT_MAX_BUFFER: usize = 100 * 1024 * 1024;

/// The connection of a stream.
pub(super) enum StreamConnection {
    Connecting(BoxFuture<'static, Result<Box<dyn Transport>>>),
    Open(Box<dyn Transport>),
    /// The final state. Futures fail with this error. Exceptions: reads that buffered bytes complete, `closed` after the
    /// end of the peer, and `shutdown` if the writing half is shut.
    Closed(Error),
}

/// The bytes that were received and not read.
pub(super) struct StreamInput {
    buffer: ReadBuffer,
    /// The limit in bytes.
    pub(super) max: usize,
    /// Whether the peer has closed its half.
    pub(super) has_ended: bool,
    /// Whether a `closed` future stopped receiving because the input is full.
    pub(super) wait_for_room: bool,
    /// The search of the last read up to a delimiter or pattern. It restarts whenever bytes are taken.
    search: Option<Box<dyn Find>>,
    /// The work that is left to reads until a read yields.
    budget: StreamBudget,
}

impl StreamInput {
    pub(super) fn data(&self) -> &[u8] {
        self.buffer.data()
    }

    /// Takes `count` bytes, or all bytes if there are fewer.
    pub(super) fn take(&mut self, count: usize) -> Bytes {
        if let Some(search) = &mut self.search {
            search.restart();
        }
        let taken = self.buffer.take(count.min(self.data().len()));
        self.budget.spend(taken.len());
        taken
    }

    /// Goes on with the search of an earlier read if it is a search for `pattern`. Makes a search otherwise.
    pub(super) fn set_search(&mut self, pattern: Pattern<'_>, make: impl FnOnce() -> Box<dyn Find>) {
        if self.search.as_ref().is_none_or(|search| !search.is_for(pattern)) {
            self.search = Some(make());
        }
    }

    /// Returns the search, the bytes to search, and the budget to spend.
    pub(super) fn search_parts(&mut self) -> (Option<&mut Box<dyn Find>>, &[u8], &mut StreamBudget) {
        (self.search.as_mut(), self.buffer.data(), &mut self.budget)
    }

    /// Returns whether the input exceeds its limit by a byte. With exactly `max` bytes the stream may end in order.
    pub(super) fn is_full(&self) -> bool {
        self.data().len() > self.max
    }
}

pub(super) struct StreamState {
    pub(super) connection: StreamConnection,
    pub(super) input: StreamInput,
    pub(super) output: StreamOutput,
    /// The changes of the present step.
    pub(super) changes: StreamChanges,
    /// Whether the writing half was closed here.
    pub(super) is_shut: bool,
}

impl StreamState {
    pub(super) fn new(connection: StreamConnection) -> Self {
        let buffer = ReadBuffer::with_reads(READ_SIZE, READ_SIZE);
        let input = StreamInput {
            buffer,
            max: DEFAULT_MAX_BUFFER,
            has_ended: false,
            wait_for_room: false,
            search: None,
            budget: StreamBudget::new(),
        };
        Self {
            connection,
            input,
            output: StreamOutput::new(DEFAULT_MAX_BUFFER),
            changes: StreamChanges::default(),
            is_shut: false,
        }
    }

    /// Drops the connection. Received bytes can still be read.
    pub(super) fn fail(&mut self, error: Error) {
        self.connection = StreamConnection::Closed(error);
        self.output.clear();
        // Every task that waits for bytes, for the connection or for a flush has its result now.
        self.changes = StreamChanges { input: true, flushed: Some(u64::MAX) };
    }

    /// Drops the connection and the received bytes.
    pub(super) fn close(&mut self, error: Error) {
        self.fail(error);
        self.input.take(usize::MAX);
    }

    /// Returns the connection once it is open.
    pub(super) fn poll_connected(&mut self, cx: &mut Context<'_>) -> Poll<Result<&mut Box<dyn Transport>>> {
        if let StreamConnection::Connecting(connecting) = &mut self.connection {
            match ready!(connecting.as_mut().poll(cx)) {
                Ok(transport) => self.connection = StreamConnection::Open(transport),
                Err(error) => self.fail(error),
            }
            self.changes.input = true;
        }
        match &mut self.connection {
            StreamConnection::Open(transport) => Poll::Ready(Ok(transport)),
            StreamConnection::Closed(error) => Poll::Ready(Err(error.clone())),
            StreamConnection::Connecting(_) => Poll::Pending,
        }
    }

    /// Sends the output. Ready when all of it is flushed, or sending has failed.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_connected(cx))?;
        let StreamConnection::Open(transport) = &mut self.connection else { return Poll::Pending };
        let before = self.output.flushed();
        let outcome = self.output.poll_send(cx, transport);
        if outcome.is_ready() || self.output.flushed() > before {
            self.changes.flushed = self.changes.flushed.max(Some(self.output.settled()));
        }
        outcome
    }

    /// Closes the writing half. The output must be flushed.
    pub(super) fn poll_shut(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let StreamConnection::Open(transport) = &mut self.connection else { return Poll::Pending };
        let outcome = ready!(Pin::new(transport).poll_close(cx));
        self.is_shut = outcome.is_ok();
        self.output.end(shut());
        self.changes.flushed = Some(u64::MAX);
        Poll::Ready(outcome)
    }

    /// Reads from the transport once: more bytes are received, or the end is reached. Returns how many bytes came.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize>> {
        ready!(self.poll_connected(cx))?;
        let StreamConnection::Open(transport) = &mut self.connection else { return Poll::Pending };
        if self.input.has_ended {
            return Poll::Ready(Err(ended()));
        }
        // A byte more than the limit is read, because only that byte shows that the limit is exceeded.
        let room = self.input.max.saturating_add(1).saturating_sub(self.input.data().len());
        match ready!(self.input.buffer.poll_fill_within(cx, transport, room)) {
            Ok(count) => {
                self.input.has_ended = count == 0;
                self.changes.input = true;
                return Poll::Ready(Ok(count));
            }
            // An interrupted read is repeated by the caller, which reads until it has what it wants.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => self.fail(broken("reading from the stream failed", error)),
        }
        Poll::Ready(Ok(0))
    }

    /// Takes bytes from the input with `take`, and reads until it finds them. Ready with `None` if the budget of the
    /// reads is spent: the caller yields.
    pub(super) fn poll_take<T>(
        &mut self,
        cx: &mut Context<'_>,
        take: &mut dyn FnMut(&mut StreamInput) -> Result<Option<T>>,
    ) -> Poll<Result<Option<T>>> {
        loop {
            if self.input.budget.take_spent() {
                return Poll::Ready(Ok(None));
            }
            match take(&mut self.input) {
                // The search has not reached the end of the input.
                Ok(None) if self.input.budget.left() == 0 => continue,
                Ok(None) => {}
                Ok(Some(taken)) => {
                    self.input.budget.spend_call(0);
                    // A `closed` future that stopped for lack of room can receive again.
                    self.changes.input |= std::mem::take(&mut self.input.wait_for_room);
                    return Poll::Ready(Ok(Some(taken)));
                }
                Err(error) => return Poll::Ready(Err(self.exceed(error))),
            }
            if self.input.is_full() && !self.input.has_ended && matches!(self.connection, StreamConnection::Open(_)) {
                let error = StreamLimit::ReadBuffer(self.input.max).into();
                return Poll::Ready(Err(self.exceed(error)));
            }
            let Poll::Ready(received) = self.poll_fill(cx) else {
                self.input.budget.renew();
                return Poll::Pending;
            };
            // A failed read counts as well, because a task may go on reading after the end.
            self.input.budget.spend_call(*received.as_ref().unwrap_or(&0));
            received?;
        }
    }

    /// Closes the stream because a read has exceeded a limit. Later calls fail with that limit as the source.
    fn exceed(&mut self, error: Error) -> Error {
        let closed = Error::new(ErrorKind::ConnectionClosed, Phase::Stream, "the stream was closed at a limit");
        self.close(closed.with_source(error.clone()));
        error
    }
}

fn ended() -> Error {
    let message = "the peer closed the stream before the read was complete";
    Error::new(ErrorKind::ConnectionClosed, Phase::Stream, message)
}

/// Returns the error of a connection that failed: [`ConnectionClosed`](ErrorKind::ConnectionClosed) if the peer or the
/// system closed it, [`Tls`](ErrorKind::Tls) if TLS failed, and [`Io`](ErrorKind::Io) for any other failure.
pub(super) fn broken(message: &'static str, error: io::Error) -> Error {
    Error::new(ErrorKind::of_connection(&error), Phase::Stream, message).with_source(error)
}
