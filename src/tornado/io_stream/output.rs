//! The bytes that wait to be sent, and how far they were sent.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::AsyncWrite;

use super::budget::StreamBudget;
use super::limit::StreamLimit;
use super::state::broken;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::transport::Transport;

/// How many pieces a vectored write may gather.
const MAX_PIECES: usize = 16;

/// The length in bytes up to which small pieces that wait are joined. A queue of single bytes would hold many times the
/// memory that the limit of the write buffer allows.
const JOINED: usize = 4 * 1024;

/// How many bytes a transport may take before it is flushed. It may have a buffer of its own, and the writes complete
/// only when that is flushed.
const MAX_UNFLUSHED: u64 = 128 * 1024;

/// The output of a stream, in the order of the writes. Positions count from the first byte of the first write.
pub(super) struct StreamOutput {
    queue: VecDeque<Bytes>,
    /// Small pieces behind the queue, joined.
    tail: BytesMut,
    /// The limit in bytes.
    pub(super) max: usize,
    /// The position at which the next write begins.
    queued: u64,
    /// The position up to which the transport has taken the bytes.
    taken: u64,
    /// The position up to which the transport has flushed the bytes.
    flushed: u64,
    /// Why nothing can be written any more. Received bytes can still be read.
    broken: Option<Error>,
    /// The work that is left to writes until a write yields.
    pub(super) budget: StreamBudget,
}

impl StreamOutput {
    pub(super) fn new(max: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            tail: BytesMut::new(),
            max,
            queued: 0,
            taken: 0,
            flushed: 0,
            broken: None,
            budget: StreamBudget::new(),
        }
    }

    /// Queues `bytes`. Returns the position at which they end.
    ///
    /// # Errors
    /// If there is no room for all of them, or nothing can be written any more.
    pub(super) fn push(&mut self, bytes: Bytes) -> Result<u64> {
        self.budget.spend_call(bytes.len());
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        let waiting = usize::try_from(self.queued - self.taken).unwrap_or(usize::MAX);
        if bytes.len() > self.max.saturating_sub(waiting) {
            return Err(StreamLimit::WriteBuffer(self.max).into());
        }
        self.queued += bytes.len() as u64;
        // Copying pays only for small pieces. Larger pieces are queued as they are.
        if waiting > 0 && bytes.len() <= JOINED / 4 {
            self.join(&bytes);
        } else if !bytes.is_empty() {
            self.end_tail();
            self.queue.push_back(bytes);
        }
        Ok(self.queued)
    }

    fn join(&mut self, bytes: &[u8]) {
        if self.tail.len() + bytes.len() > JOINED {
            self.end_tail();
        }
        self.tail.extend_from_slice(bytes);
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.queue.push_back(self.tail.split().freeze());
        }
    }

    /// Returns the position up to which the bytes were flushed.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// Returns the position up to which the writes have a result: `u64::MAX` if nothing can be written any more.
    pub(super) fn settled(&self) -> u64 {
        if self.broken.is_some() { u64::MAX } else { self.flushed }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flushed == self.queued
    }

    /// Discards the bytes that wait.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.tail.clear();
    }

    /// Discards the bytes that wait, and refuses further writes with `reason`.
    pub(super) fn end(&mut self, reason: Error) {
        self.broken.get_or_insert(reason);
        self.clear();
    }

    /// Writes the bytes that wait. Ready when all are flushed, or when writing has failed.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>, transport: &mut Box<dyn Transport>) -> Poll<Result<()>> {
        if let Some(error) = &self.broken {
            return Poll::Ready(Err(error.clone()));
        }
        match ready!(self.poll_drain(cx, transport)) {
            Ok(()) => Poll::Ready(Ok(())),
            Err(error) => {
                let error = broken("writing to the stream failed", error);
                self.end(error.clone());
                Poll::Ready(Err(error))
            }
        }
    }

    fn poll_drain(&mut self, cx: &mut Context<'_>, transport: &mut Box<dyn Transport>) -> Poll<io::Result<()>> {
        let mut budget = StreamBudget::new();
        loop {
            if self.queue.is_empty() {
                self.end_tail();
            }
            let unflushed = self.taken - self.flushed;
            if unflushed >= MAX_UNFLUSHED || (self.queue.is_empty() && unflushed > 0) {
                ready!(self.poll_flush(cx, transport))?;
            }
            if self.queue.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if budget.left() == 0 {
                // Other tasks run before more is sent. This waker wakes every future of the stream, and each sends.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.poll_write(cx, transport) {
                // A transport that takes nothing and does not wait would be polled for ever.
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => {
                    budget.spend_call(count);
                    self.advance(count);
                }
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::Interrupted => budget.spend_call(0),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    // The bytes that the transport has taken can be flushed although it takes no more.
                    ready!(self.poll_flush(cx, transport))?;
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_write(&self, cx: &mut Context<'_>, transport: &mut Box<dyn Transport>) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); MAX_PIECES];
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Pin::new(transport).poll_write_vectored(cx, slices.get(..count).unwrap_or_default())
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, transport: &mut Box<dyn Transport>) -> Poll<io::Result<()>> {
        ready!(Pin::new(transport).poll_flush(cx))?;
        self.flushed = self.taken;
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut count: usize) {
        self.taken += count as u64;
        while let Some(piece) = self.queue.front_mut() {
            if count < piece.len() {
                return piece.advance(count);
            }
            count -= piece.len();
            self.queue.pop_front();
        }
    }
}

/// The error of writes after the writing half was closed.
pub(super) fn shut() -> Error {
    Error::new(ErrorKind::ConnectionClosed, Phase::Stream, "the stream's writing half was closed here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_writes_hold_little_more_memory_than_their_bytes() {
        let mut output = StreamOutput::new(100_000);
        for number in 0..100_000u32 {
            // A third of the bytes are static, and two thirds own memory.
            let byte = if number % 3 == 0 { Bytes::from_static(b"x") } else { Bytes::from(vec![b'y']) };
            assert_eq!(output.push(byte).unwrap(), u64::from(number) + 1);
        }
        assert!(output.push(Bytes::from_static(b"z")).is_err());
        assert!(output.queue.len() <= 100_000 / (JOINED / 2), "{} pieces", output.queue.len());
        output.end_tail();
        let all = output.queue.iter().flatten().copied().collect::<Vec<_>>();
        assert!(all.len() == 100_000 && all.iter().enumerate().all(|(at, byte)| (at % 3 == 0) == (*byte == b'x')));
    }

    #[test]
    fn large_writes_are_not_copied() {
        let mut output = StreamOutput::new(usize::MAX);
        let pieces = [10, JOINED, 10, JOINED].map(|length| Bytes::from(vec![0; length]));
        pieces.iter().for_each(|piece| drop(output.push(piece.clone())));
        let same = |(queued, piece): (&Bytes, &Bytes)| piece.len() < JOINED || queued.as_ptr() == piece.as_ptr();
        assert!(output.queue.len() == pieces.len() && output.queue.iter().zip(&pieces).all(same));
    }
}
