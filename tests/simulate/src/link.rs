//! A connection of the simulated network: bytes take time, come in pieces, and stop for ever where a fault says so.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures::io::{AsyncRead, AsyncWrite};
use waterspout::http::Version;
use waterspout::{BoxFuture, Instant, Timer, Transport};

use crate::clock::KnownTimer;
use crate::record::Record;

/// How a connection carries bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// The time that a piece is on its way.
    pub(crate) latency: Duration,
    /// The time between the arrivals of two pieces.
    pub(crate) pace: Duration,
    /// The most bytes of a piece.
    pub(crate) piece: usize,
    /// The most bytes on their way in a direction.
    pub(crate) capacity: usize,
    /// The time between the server's last byte and the moment when the client learns that the server has closed.
    pub(crate) linger: Duration,
    /// Where a fault happens, if the seed has planned a fault.
    pub(crate) cut: Option<Cut>,
}

impl Shape {
    /// Returns whether bytes may take so long that a limit ends before they arrive.
    pub(crate) fn is_slow(&self) -> bool {
        !(self.latency.is_zero() && self.pace.is_zero() && self.linger.is_zero())
    }
}

/// A fault after some bytes of a direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    pub(crate) direction: usize,
    pub(crate) after: usize,
    pub(crate) kind: CutKind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CutKind {
    /// Both ends get an error, and bytes on their way are lost.
    Reset,
    /// Nothing arrives any more, and neither end learns of it.
    BlackHole,
}

/// The direction from the client to the server.
pub(crate) const UP: usize = 0;
/// The direction from the server to the client.
pub(crate) const DOWN: usize = 1;

/// The bytes on their way in a direction.
#[derive(Default)]
struct Wire {
    /// The pieces, each with the time of its arrival.
    pieces: VecDeque<(Instant, Vec<u8>)>,
    /// The bytes of the first piece that were read.
    read: usize,
    on_their_way: usize,
    /// The bytes that were ever written.
    written: usize,
    last_arrival: Instant,
    /// When the reader learns that the writer has closed this direction.
    closed_at: Option<Instant>,
    /// Whether the reader has gone.
    is_unread: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

struct LinkState {
    wires: [Wire; 2],
    fault: Option<CutKind>,
    shape: Shape,
}

/// A connection, as the network sees it.
#[derive(Clone)]
pub(crate) struct Link(Arc<Mutex<LinkState>>);

impl Link {
    fn lock(&self) -> MutexGuard<'_, LinkState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the planned fault not happen.
    pub(crate) fn plan_no_fault(&self) {
        self.lock().shape.cut = None;
    }

    /// Makes a fault happen now. A reset ends a black hole.
    pub(crate) fn fail(&self, kind: CutKind) {
        let wakers: Vec<Waker> = {
            let mut state = self.lock();
            state.fault = Some(kind);
            state.wires.iter_mut().flat_map(|wire| [wire.reader.take(), wire.writer.take()]).flatten().collect()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// An end of a connection.
pub(crate) struct LinkEnd {
    link: Link,
    number: usize,
    /// The direction in which this end writes: `UP` for the client's end.
    writes: usize,
    version: Version,
    timer: KnownTimer,
    record: Record,
    /// The wait for the next piece.
    arrival: Option<(Instant, BoxFuture<'static, ()>)>,
}

/// Opens a connection with this number. Returns the client's end, the server's end, and the network's view.
pub(crate) fn open(
    number: usize,
    shape: Shape,
    version: Version,
    timer: &KnownTimer,
    record: &Record,
) -> (LinkEnd, LinkEnd, Link) {
    let link = Link(Arc::new(Mutex::new(LinkState { wires: Default::default(), fault: None, shape })));
    let end = |writes| LinkEnd {
        link: link.clone(),
        number,
        writes,
        version,
        timer: timer.clone(),
        record: record.clone(),
        arrival: None,
    };
    (end(UP), end(DOWN), link)
}

impl LinkEnd {
    fn is_client(&self) -> bool {
        self.writes == UP
    }

    /// Checks that the client does not write after a response that ends the connection.
    fn check_write(&self) {
        if self.is_client() {
            self.record.with(|state| {
                if state.links[self.number].is_finished {
                    state.violate(format!("the client writes on connection {}, which the server closes", self.number));
                }
            });
        }
    }

    /// Records that the client has read or written, or how many bytes the server has written.
    fn note_activity(&self, bytes: usize) {
        if self.is_client() {
            self.record.with(|state| state.quiet_since = self.timer.now());
        } else {
            self.record.with(|state| state.links[self.number].answered += bytes);
        }
    }

    /// Waits until a piece arrives.
    fn poll_arrival(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        let is_set = self.arrival.as_ref().is_some_and(|(set, _)| *set == at);
        if !is_set {
            self.arrival = Some((at, self.timer.sleep_until(at)));
        }
        match &mut self.arrival {
            Some((_, sleep)) => sleep.as_mut().poll(cx),
            None => Poll::Ready(()),
        }
    }

    /// Notes a fault that the written bytes have reached.
    fn meet_cut(&self, state: &mut LinkState) {
        let Some(cut) = state.shape.cut else { return };
        if state.fault.is_none() && cut.direction == self.writes && state.wires[cut.direction].written >= cut.after {
            state.fault = Some(cut.kind);
            self.record.break_link(self.number, cut.kind);
        }
    }
}

impl AsyncRead for LinkEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        loop {
            let link = this.link.clone();
            let mut state = link.lock();
            if state.fault == Some(CutKind::Reset) {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let is_black_hole = state.fault.is_some();
            let wire = &mut state.wires[1 - this.writes];
            wire.reader = Some(cx.waker().clone());
            if is_black_hole {
                return Poll::Pending;
            }
            let at = match (wire.pieces.front(), wire.closed_at) {
                (Some((at, _)), _) => *at,
                (None, Some(at)) => at,
                (None, None) => return Poll::Pending,
            };
            if at > this.timer.now() {
                drop(state);
                ready!(this.poll_arrival(cx, at));
                continue;
            }
            let Some((_, piece)) = wire.pieces.front() else { return Poll::Ready(Ok(0)) };
            let rest = &piece[wire.read..];
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            if count == rest.len() {
                wire.pieces.pop_front();
                wire.read = 0;
            } else {
                wire.read += count;
            }
            wire.on_their_way -= count;
            let writer = wire.writer.take();
            drop(state);
            this.arrival = None;
            if let Some(writer) = writer {
                writer.wake();
            }
            if this.is_client() {
                this.note_activity(count);
            }
            return Poll::Ready(Ok(count));
        }
    }
}

impl AsyncWrite for LinkEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !bytes.is_empty() {
            self.check_write();
        }
        let mut state = self.link.lock();
        if state.fault == Some(CutKind::Reset) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let Shape { latency, pace, piece, capacity, .. } = state.shape;
        let wire = &mut state.wires[self.writes];
        if wire.is_unread || wire.closed_at.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(piece).min(capacity - wire.on_their_way);
        if count == 0 {
            wire.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let arrives_at = (self.timer.now() + latency).max(wire.last_arrival + pace);
        wire.last_arrival = arrives_at;
        wire.pieces.push_back((arrives_at, bytes[..count].to_vec()));
        wire.on_their_way += count;
        wire.written += count;
        let reader = wire.reader.take();
        self.meet_cut(&mut state);
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
        self.note_activity(count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close(false);
        Poll::Ready(Ok(()))
    }
}

impl LinkEnd {
    /// Closes the writing half, or both halves.
    fn close(&self, both: bool) {
        let wakers = {
            let mut state = self.link.lock();
            let Shape { latency, linger, .. } = state.shape;
            let linger = if self.is_client() { Duration::ZERO } else { linger };
            let wire = &mut state.wires[self.writes];
            let closed_at = (self.timer.now() + latency).max(wire.last_arrival) + linger;
            wire.closed_at.get_or_insert(closed_at);
            let reader = wire.reader.take();
            let other = &mut state.wires[1 - self.writes];
            other.is_unread |= both;
            [reader, if both { other.writer.take() } else { None }]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
        if self.is_client() && both {
            self.record.drop_link(self.number);
        } else if !self.is_client() {
            self.record.close_link(self.number);
        }
    }
}

impl Drop for LinkEnd {
    fn drop(&mut self) {
        self.close(true);
    }
}

impl Transport for LinkEnd {
    fn version(&self) -> Version {
        self.version
    }
}
