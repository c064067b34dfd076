//! A connection in memory with two ends. Each direction is a bounded buffer.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};

use crate::transport::{LOOK, Transport};

/// The state that both ends share.
type SharedPipe = Arc<Mutex<PipeState>>;

struct PipeState {
    /// The direction to the client, and the direction to the server.
    directions: [PipeDirection; 2],
    capacity: usize,
    is_reset: bool,
}

#[derive(Default)]
struct PipeDirection {
    bytes: VecDeque<u8>,
    /// Whether the writer has closed the direction.
    is_closed: bool,
    /// Whether the reader was dropped.
    is_abandoned: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl PipeState {
    fn wakers(&mut self) -> Vec<Waker> {
        self.directions
            .iter_mut()
            .flat_map(|direction| [direction.reader.take(), direction.writer.take()])
            .flatten()
            .collect()
    }
}

/// An end of the connection.
pub(super) struct PipeEnd {
    shared: SharedPipe,
    is_client: bool,
    /// The limit of a single read or write in bytes. If it is set, each of them is deferred once.
    pub(super) pieces: Option<usize>,
    /// Whether the next read was deferred, so it is not deferred again; the same for the next write.
    read_was_deferred: bool,
    write_was_deferred: bool,
    /// Whether the last call was deferred.
    has_deferred: bool,
}

/// Resets a connection.
pub(super) struct ResetHandle(SharedPipe);

/// Makes a connection. Returns the end of the client and the end of the server.
pub(super) fn pipe(capacity: usize) -> (PipeEnd, PipeEnd) {
    let shared = Arc::new(Mutex::new(PipeState { directions: Default::default(), capacity, is_reset: false }));
    let end = |is_client| PipeEnd {
        shared: shared.clone(),
        is_client,
        pieces: None,
        read_was_deferred: false,
        write_was_deferred: false,
        has_deferred: false,
    };
    (end(true), end(false))
}

fn lock(shared: &SharedPipe) -> MutexGuard<'_, PipeState> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ResetHandle {
    /// Resets the connection: every later read and write of both ends fails.
    pub(super) fn reset(&self) {
        let wakers = {
            let mut state = lock(&self.0);
            state.is_reset = true;
            state.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl PipeEnd {
    pub(super) fn reset_handle(&self) -> ResetHandle {
        ResetHandle(self.shared.clone())
    }

    /// Returns whether the last call was pending because it was deferred, and not because it has to wait.
    pub(super) fn has_deferred(&self) -> bool {
        self.has_deferred
    }

    /// Defers a call once if `pieces` is set. Returns whether this call is deferred.
    fn defer(&mut self, cx: &Context<'_>, was_deferred: fn(&mut Self) -> &mut bool) -> bool {
        // A look at an idle connection asks for the present state: a deferred look would miss bytes and a close.
        let is_look = cx.waker().data() == LOOK.data();
        self.has_deferred = self.pieces.is_some() && !is_look && !std::mem::replace(was_deferred(self), true);
        if self.has_deferred {
            cx.waker().wake_by_ref();
        }
        self.has_deferred
    }

    /// Changes the direction that this end reads, or the direction that it writes, and wakes the task that waits at the
    /// other end.
    fn change<T>(&self, reads: bool, change: impl FnOnce(&mut PipeDirection, usize) -> Poll<T>) -> Poll<io::Result<T>> {
        let (outcome, wakers) = {
            let mut state = lock(&self.shared);
            if state.is_reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let PipeState { directions: [to_client, to_server], capacity, .. } = &mut *state;
            let direction = if self.is_client == reads { to_client } else { to_server };
            let outcome = change(direction, *capacity);
            let waker = if reads { direction.writer.take() } else { direction.reader.take() };
            (outcome, waker)
        };
        wakers.into_iter().for_each(Waker::wake);
        outcome.map(Ok)
    }
}

impl Transport for PipeEnd {}

impl AsyncRead for PipeEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.defer(cx, |end| &mut end.read_was_deferred) {
            return Poll::Pending;
        }
        let max = buffer.len().min(self.pieces.unwrap_or(usize::MAX));
        let mut replaced = None;
        let poll = self.change(true, |direction, _| {
            let count = max.min(direction.bytes.len());
            // Bytes that were written before the close can still be read.
            if count == 0 && !direction.is_closed {
                replaced = direction.reader.replace(cx.waker().clone());
                return Poll::Pending;
            }
            buffer.iter_mut().zip(direction.bytes.drain(..count)).for_each(|(place, byte)| *place = byte);
            Poll::Ready(count)
        });
        // A replaced waker may own a task with the other end, so it is dropped outside of the lock.
        drop(replaced);
        self.read_was_deferred &= poll.is_pending();
        poll
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.defer(cx, |end| &mut end.write_was_deferred) {
            return Poll::Pending;
        }
        let max = bytes.len().min(self.pieces.unwrap_or(usize::MAX));
        let mut replaced = None;
        let poll = self.change(false, |direction, capacity| {
            // A closed direction takes no bytes, as a socket after `shutdown` or a peer that is gone.
            if direction.is_abandoned || direction.is_closed {
                return Poll::Ready(None);
            }
            let count = max.min(capacity.saturating_sub(direction.bytes.len()));
            if count == 0 && max > 0 {
                replaced = direction.writer.replace(cx.waker().clone());
                return Poll::Pending;
            }
            direction.bytes.extend(bytes.iter().take(count));
            Poll::Ready(Some(count))
        });
        // As in `poll_read`.
        drop(replaced);
        self.write_was_deferred &= poll.is_pending();
        poll.map(|count| count?.ok_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.change(false, |direction, _| {
            direction.is_closed = true;
            Poll::Ready(())
        })
    }
}

impl Drop for PipeEnd {
    fn drop(&mut self) {
        let wakers = {
            let mut state = lock(&self.shared);
            let PipeState { directions: [to_client, to_server], .. } = &mut *state;
            let (read, written) = if self.is_client { (to_client, to_server) } else { (to_server, to_client) };
            read.is_abandoned = true;
            written.is_closed = true;
            state.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}
