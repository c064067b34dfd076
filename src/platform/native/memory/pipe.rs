//! Two ends of a connection in memory.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};

use crate::transport::Transport;

/// What both ends share.
type Shared = Arc<Mutex<State>>;

struct State {
    /// What flows to the client, and to the server.
    lanes: [Lane; 2],
    capacity: usize,
    is_broken: bool,
}

#[derive(Default)]
struct Lane {
    bytes: VecDeque<u8>,
    /// Whether nothing more is written.
    ended: bool,
    /// Whether nothing more is read.
    left: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn wakers(&mut self) -> Vec<Waker> {
        self.lanes.iter_mut().flat_map(|lane| [lane.reader.take(), lane.writer.take()]).flatten().collect()
    }
}

/// One end.
pub(super) struct End {
    shared: Shared,
    is_client: bool,
    /// How many bytes go at a time; then each read and each write waits once.
    pub(super) pieces: Option<usize>,
    /// Whether the next read, and the next write, is not put off.
    reads: bool,
    writes: bool,
    rests: bool,
}

/// Breaks a connection.
pub(super) struct Breaker(Shared);

/// The client's end and the server's.
pub(super) fn pipe(capacity: usize) -> (End, End) {
    let shared = Arc::new(Mutex::new(State { lanes: Default::default(), capacity, is_broken: false }));
    let end =
        |is_client| End { shared: shared.clone(), is_client, pieces: None, reads: false, writes: false, rests: false };
    (end(true), end(false))
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Breaker {
    /// Both ends are told of an error from now on.
    pub(super) fn break_off(&self) {
        let wakers = {
            let mut state = lock(&self.0);
            state.is_broken = true;
            state.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl End {
    pub(super) fn breaker(&self) -> Breaker {
        Breaker(self.shared.clone())
    }

    /// Whether the end has just put something off, rather than having to wait.
    pub(super) fn rests(&self) -> bool {
        self.rests
    }

    /// Puts off every other call; says whether this one is.
    fn put_off(&mut self, cx: &Context<'_>, turn: fn(&mut Self) -> &mut bool) -> bool {
        self.rests = self.pieces.is_some() && !std::mem::replace(turn(self), true);
        if self.rests {
            cx.waker().wake_by_ref();
        }
        self.rests
    }

    /// Changes the lane that this end reads, or the one that it writes, and wakes whoever waits at the other.
    fn change<T>(&self, reads: bool, change: impl FnOnce(&mut Lane, usize) -> Poll<T>) -> Poll<io::Result<T>> {
        let (outcome, wakers) = {
            let mut state = lock(&self.shared);
            if state.is_broken {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let State { lanes: [to_client, to_server], capacity, .. } = &mut *state;
            let lane = if self.is_client == reads { to_client } else { to_server };
            let outcome = change(lane, *capacity);
            let waker = if reads { lane.writer.take() } else { lane.reader.take() };
            (outcome, waker)
        };
        wakers.into_iter().for_each(Waker::wake);
        outcome.map(Ok)
    }
}

impl Transport for End {}

impl AsyncRead for End {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.put_off(cx, |end| &mut end.reads) {
            return Poll::Pending;
        }
        let most = buffer.len().min(self.pieces.unwrap_or(usize::MAX));
        let mut before = None;
        let poll = self.change(true, |lane, _| {
            let count = most.min(lane.bytes.len());
            if count == 0 && !lane.ended {
                before = lane.reader.replace(cx.waker().clone());
                return Poll::Pending;
            }
            buffer.iter_mut().zip(lane.bytes.drain(..count)).for_each(|(place, byte)| *place = byte);
            Poll::Ready(count)
        });
        drop(before);
        self.reads &= poll.is_pending();
        poll
    }
}

impl AsyncWrite for End {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.put_off(cx, |end| &mut end.writes) {
            return Poll::Pending;
        }
        let most = bytes.len().min(self.pieces.unwrap_or(usize::MAX));
        let mut before = None;
        let poll = self.change(false, |lane, capacity| {
            if lane.left || lane.ended {
                return Poll::Ready(None);
            }
            let count = most.min(capacity.saturating_sub(lane.bytes.len()));
            if count == 0 && most > 0 {
                before = lane.writer.replace(cx.waker().clone());
                return Poll::Pending;
            }
            lane.bytes.extend(bytes.iter().take(count));
            Poll::Ready(Some(count))
        });
        drop(before);
        self.writes &= poll.is_pending();
        poll.map(|count| count?.ok_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.change(false, |lane, _| {
            lane.ended = true;
            Poll::Ready(())
        })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let wakers = {
            let mut state = lock(&self.shared);
            let State { lanes: [to_client, to_server], .. } = &mut *state;
            let (read, written) = if self.is_client { (to_client, to_server) } else { (to_server, to_client) };
            (read.left, written.ended) = (true, true);
            state.wakers()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}
