//! Received bytes that have not been parsed, for HTTP/1.1 and for plain streams.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::AsyncRead;

/// The room of the first read. It is enough for most small responses.
const FIRST_READ: usize = 8 * 1024;

/// Maximum room of a read. A large download reaches it after a few reads.
const MAX_READ: usize = 256 * 1024;

/// The read buffer of a connection. Bytes that are taken out share its memory and are not copied.
pub(crate) struct ReadBuffer {
    /// The received bytes, then room for the next read. All of it is initialized: the room is zeroed once.
    bytes: BytesMut,
    /// The number of received bytes.
    filled: usize,
    /// The room of the next read. It doubles whenever a read fills it.
    room: usize,
    /// Maximum room of a read.
    max_room: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> Self {
        Self::with_reads(FIRST_READ, MAX_READ)
    }

    /// Creates a buffer whose first read has `first` bytes of room, and no read more than `max_room`.
    pub(crate) fn with_reads(first: usize, max_room: usize) -> Self {
        Self { bytes: BytesMut::new(), filled: 0, room: first, max_room }
    }

    /// Returns the received bytes that have not been taken.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Takes the first `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Bytes {
        self.filled -= count;
        self.bytes.split_to(count).freeze()
    }

    /// Drops the first `count` bytes.
    pub(crate) fn skip(&mut self, count: usize) {
        self.filled -= count;
        self.bytes.advance(count);
    }

    /// Reads once from `source`. Returns how many bytes were read; 0 at the end of `source`.
    pub(crate) fn poll_fill<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
    ) -> Poll<io::Result<usize>> {
        self.poll_fill_within(cx, source, usize::MAX)
    }

    /// Reads once like [`poll_fill`](Self::poll_fill), but at most `limit` bytes.
    pub(crate) fn poll_fill_within<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        limit: usize,
    ) -> Poll<io::Result<usize>> {
        // Room that is left of the previous read is used first. Below half of a read it is renewed, so that reads do
        // not become small.
        if self.bytes.len() - self.filled < self.room / 2 {
            // Half of the room is kept free, so that reads do not shrink to a few bytes. Growing may move the unread
            // bytes, so the room is a part of them: each byte is moved a few times, however many bytes are unread.
            let room = self.room.max(self.filled / 4);
            self.bytes.resize(self.filled + room, 0);
        }
        let spare = &mut self.bytes[self.filled..];
        let offered = limit.min(spare.len()).min(self.max_room);
        let count = ready!(Pin::new(source).poll_read(cx, &mut spare[..offered]))?;
        self.filled += count;
        if count == offered {
            self.room = (self.room * 2).min(self.max_room);
        }
        Poll::Ready(Ok(count))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn unread_bytes_are_seldom_moved_while_bytes_are_taken_and_received() {
        const UNREAD: usize = 4 * 1024 * 1024;
        const STEP: usize = 1024;
        let mut buffer = ReadBuffer::with_reads(64 * 1024, 64 * 1024);
        let mut cx = Context::from_waker(Waker::noop());
        let mut source = futures::io::repeat(b'.');
        while buffer.data().len() < UNREAD {
            assert!(buffer.poll_fill(&mut cx, &mut source).is_ready());
        }
        let mut moves = 0;
        for _ in 0..2 * UNREAD / STEP {
            let taken = buffer.take(STEP);
            let rest = buffer.data().as_ptr();
            assert!(buffer.poll_fill_within(&mut cx, &mut source, STEP).is_ready());
            moves += usize::from(rest != buffer.data().as_ptr());
            drop(taken);
        }
        assert!(moves <= 16, "all unread bytes were moved {moves} times");
    }
}
