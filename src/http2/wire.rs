//! The bytes of a shared connection, on their way to and from the transport: the only file here that reads and writes.
//!
//! `h2` reads at most a frame at a time, and writes the 9 bytes of a frame's header apart from its payload. Here a large
//! body is read in pieces of up to 64 KiB, and a header is written together with its payload.
//!
//! `h2` ends a connection at the first error. A server that closes a connection while it receives makes the next write
//! fail, and its last responses and its GOAWAY may have arrived just before. So a failed write is reported only after
//! they are read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use futures::{AsyncRead, AsyncWrite};

use super::frame_limits::FrameMeter;
use super::read_signal::ReadSignal;
use super::reset_budget::ResetBudget;
use super::seen::Seen;
use crate::error::Phase;
use crate::runtime::Timer;
use crate::runtime::sync::atomic::Ordering;
use crate::transport::Transport;

/// Bytes that are read at once while a large body arrives.
const READ_AHEAD: usize = 64 * 1024;

/// Bytes that are read until the requests get a turn. They take their pieces, and the next drive opens the windows again
/// before the server has used them up.
const MAX_TURN: usize = 256 * 1024;

/// Maximum bytes that are kept to be written together with the next bytes.
const MAX_HELD: usize = 1024;

/// Maximum bytes that a failed write has surely not sent: TLS sends records of this size, and a server cannot read a part
/// of a record.
const RECORD: usize = 16 * 1024;

/// The bytes of a connection.
pub(super) struct Wire {
    transport: Box<dyn Transport>,
    meter: FrameMeter,
    resets: ResetBudget,
    timer: Arc<dyn Timer>,
    seen: Arc<Seen>,
    ahead: ReadAhead,
    /// Whether the transport is read. Without it, `read_waker` waits for the transport.
    read_signal: Arc<ReadSignal>,
    /// Sets `read_signal`. Writes wait with it too, because a transport may keep a single waker.
    read_waker: Waker,
    /// Bytes that were read since the last pending read.
    turn: usize,
    /// Bytes that `h2` has written and the transport has not accepted yet.
    held: Vec<u8>,
    /// Why the transport accepts no more bytes. `h2` hears of it when the arrived bytes are read.
    write_error: Option<io::Error>,
    /// Whether the incoming bytes have ended or failed.
    has_ended: bool,
}

/// Bytes that were read before `h2` asked for them.
#[derive(Default)]
struct ReadAhead {
    /// Empty unless a large body arrives.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl Wire {
    pub(super) fn new(
        transport: Box<dyn Transport>,
        meter: FrameMeter,
        timer: Arc<dyn Timer>,
        seen: Arc<Seen>,
        read_signal: Arc<ReadSignal>,
    ) -> Self {
        let now = timer.now();
        seen.last_received.store(now.nanos(), Ordering::Relaxed);
        let resets = ResetBudget::new(now);
        let read_waker = Waker::from(read_signal.clone());
        Self {
            transport,
            meter,
            resets,
            timer,
            seen,
            ahead: ReadAhead::default(),
            read_signal,
            read_waker,
            turn: 0,
            held: Vec::new(),
            write_error: None,
            has_ended: false,
        }
    }

    /// Reads what the transport may have, or waits for the transport.
    fn poll_some(&mut self, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.ahead.is_empty() && !self.read_signal.take() {
            return Poll::Pending;
        }
        let polled = self.ahead.poll_read(&mut self.transport, &mut Context::from_waker(&self.read_waker), buffer);
        if polled.is_ready() {
            self.read_signal.set();
        }
        polled
    }

    /// Counts the frames that arrived.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        // `h2` reports an end within a frame as an error without a kind of its own.
        if bytes.is_empty() && self.meter.incoming.is_within_frame() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let timer = &self.timer;
        if let Err(flood) = self.meter.received(bytes, &|| timer.now()) {
            let _ = self.seen.flood.set(flood);
            return Err(io::Error::other(flood.error(Phase::Head)));
        }
        if let Some(last) = self.meter.last_stream() {
            self.seen.last_stream.store(last.saturating_add(1), Ordering::Relaxed);
            self.seen.is_calm.store(self.meter.incoming.is_calm(), Ordering::Relaxed);
        }
        // The first frame of a server is its settings (RFC 9113, section 3.4).
        if !bytes.is_empty() && !self.meter.incoming.is_within_frame() {
            self.seen.is_settled.store(true, Ordering::SeqCst);
        }
        self.record_window();
        if self.meter.should_retire() {
            self.seen.is_worn.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Records what the meter has seen of the window of all uploads.
    fn record_window(&self) {
        self.seen.has_low_window.store(self.meter.has_low_window(), Ordering::Relaxed);
        self.seen.closed_uploads.store(self.meter.window.closed_uploads(), Ordering::Relaxed);
    }

    /// Records what the meter has seen of sent bytes.
    fn count_sent(&mut self) {
        self.seen.last_sent.store(self.meter.last_sent(), Ordering::Relaxed);
        self.record_window();
        let resets = self.meter.take_resets_sent();
        if resets > 0 {
            let now = self.timer.now();
            if !self.resets.spend(resets, now) {
                self.seen.is_worn.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Writes the held bytes.
    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.held.is_empty() {
            let written = ready!(Pin::new(&mut self.transport).poll_write(cx, &self.held));
            if let Err(error) = written.and_then(|count| self.accept(count)) {
                self.fail_writing(cx, error, &[]);
            }
        }
        Poll::Ready(())
    }

    /// Keeps the error of a write, and discards the bytes that the transport has not accepted.
    fn fail_writing(&mut self, cx: &mut Context<'_>, error: io::Error, bytes: &[u8]) {
        if self.held.len() + bytes.len() > RECORD {
            self.meter.sent(&self.held);
            self.meter.sent(bytes);
            self.count_sent();
        }
        self.held.clear();
        self.write_error.get_or_insert(error);
        // `h2` has read before it writes, so nothing else lets it read again.
        cx.waker().wake_by_ref();
    }

    /// Removes held bytes that the transport has accepted. Returns how many bytes it has accepted after them.
    fn accept(&mut self, count: usize) -> io::Result<usize> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let of_held = count.min(self.held.len());
        self.meter.sent(&self.held[..of_held]);
        self.count_sent();
        self.held.drain(..of_held);
        Ok(count - of_held)
    }
}

impl ReadAhead {
    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Reads into `buffer`. A read that fills it shows a large body: the next read is larger.
    fn poll_read(
        &mut self,
        transport: &mut Box<dyn Transport>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_empty() {
            if self.buffer.is_empty() {
                let count = ready!(Pin::new(transport).poll_read(cx, buffer))?;
                if count == buffer.len() {
                    self.buffer = vec![0; READ_AHEAD].into();
                }
                return Poll::Ready(Ok(count));
            }
            let count = ready!(Pin::new(transport).poll_read(cx, &mut self.buffer))?;
            (self.start, self.end) = (0, count);
        }
        let count = buffer.len().min(self.end - self.start);
        buffer[..count].copy_from_slice(&self.buffer[self.start..self.start + count]);
        self.start += count;
        // An idle connection keeps no buffer.
        if self.is_empty() && self.end < self.buffer.len() / 4 {
            *self = Self::default();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        if this.turn >= MAX_TURN {
            this.turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let outcome = match this.poll_some(buffer) {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => {
                this.turn = 0;
                let Some(error) = this.write_error.take() else { return Poll::Pending };
                Err(error)
            }
        };
        if !matches!(outcome, Ok(1..)) {
            this.has_ended = true;
            this.held.clear();
        }
        let count = outcome?;
        if count > 0 {
            this.turn += count;
            this.seen.last_received.store(this.timer.now().nanos(), Ordering::Relaxed);
        }
        this.count(&buffer[..count])?;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let read_waker = this.read_waker.clone();
        let cx = &mut Context::from_waker(&read_waker);
        // `h2` still writes what it has queued when the incoming bytes have ended. A request that was not sent before is
        // sent again on another connection, so it must not leave here.
        if this.has_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if this.write_error.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        // `h2` flushes after its last write, so held bytes do not stay.
        if this.held.is_empty() && bytes.len() <= MAX_HELD {
            this.held.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            let slices = [IoSlice::new(&this.held), IoSlice::new(bytes)];
            let slices = if this.held.is_empty() { &slices[1..] } else { &slices[..] };
            let written = ready!(Pin::new(&mut this.transport).poll_write_vectored(cx, slices));
            match written.and_then(|count| this.accept(count)) {
                Ok(0) => {}
                Ok(count) => {
                    this.meter.sent(&bytes[..count]);
                    this.count_sent();
                    return Poll::Ready(Ok(count));
                }
                Err(error) => {
                    this.fail_writing(cx, error, bytes);
                    return Poll::Ready(Ok(bytes.len()));
                }
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let read_waker = self.read_waker.clone();
        let cx = &mut Context::from_waker(&read_waker);
        ready!(self.poll_held(cx));
        if self.write_error.is_some() {
            return Poll::Ready(Ok(()));
        }
        let flushed = ready!(Pin::new(&mut self.transport).poll_flush(cx));
        if let Err(error) = flushed {
            self.fail_writing(cx, error, &[]);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let read_waker = self.read_waker.clone();
        let cx = &mut Context::from_waker(&read_waker);
        ready!(self.poll_held(cx));
        Pin::new(&mut self.transport).poll_close(cx)
    }
}

#[cfg(test)]
mod tests;
