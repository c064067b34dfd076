//! Received bytes that have not been parsed, for HTTP/1.1 and for plain streams.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures::AsyncRead;

/// The room of the first read. It is enough for most small responses.
const FIRST_READ: usize = 4 * 1024;

/// Maximum room of a read. A large download reaches it after a few reads.
const MAX_READ: usize = 256 * 1024;

/// Minimum room of a read that begins in a used block.
const MIN_ROOM: usize = 512;

/// Maximum room of the first read after a connection was idle.
const MAX_ROOM_WHEN_IDLE: usize = 32 * 1024;

/// Minimum size of a block that is used again. A smaller block is used up from its beginning to its end: small bytes
/// that are taken out of it then cost neither an allocation nor a copy.
const MIN_REUSED: usize = 64 * 1024;

/// The read buffer of a connection.
///
/// Reads go into a block of memory, which is zeroed only when it is allocated. Bytes that are taken out of the block
/// share its memory. A large block is read into again once these bytes have been dropped.
pub(crate) struct ReadBuffer {
    /// The block, all of it initialized. It is empty while the block is shared.
    block: BytesMut,
    /// The whole block while it is shared, and empty otherwise.
    shared: Bytes,
    /// Where in the block the received bytes are that have not been taken.
    unread: Range<usize>,
    /// The room of the next read. It doubles whenever a read fills it.
    room: usize,
    /// The room with which another read still begins in the same block.
    enough: usize,
    /// The largest read since the connection was last idle.
    largest: usize,
    /// The room of the first read.
    first_room: usize,
    /// Maximum room of a read.
    max_room: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> Self {
        Self::with_reads(FIRST_READ, MAX_READ)
    }

    /// Creates a buffer whose first read has `first` bytes of room, and no read more than `max_room`.
    pub(crate) fn with_reads(first: usize, max_room: usize) -> Self {
        Self {
            block: BytesMut::new(),
            shared: Bytes::new(),
            unread: 0..0,
            room: first,
            enough: first / 2,
            largest: 0,
            first_room: first,
            max_room,
        }
    }

    /// Returns the received bytes that have not been taken.
    pub(crate) fn data(&self) -> &[u8] {
        let block = if self.shared.is_empty() { &*self.block } else { &*self.shared };
        &block[self.unread.clone()]
    }

    /// Returns the received bytes that have not been taken, to change them.
    #[allow(dead_code, reason = "only TLS uses it, which a browser and a build without the feature do not have")]
    pub(crate) fn data_mut(&mut self) -> &mut [u8] {
        if !self.shared.is_empty() {
            self.end_sharing();
        }
        &mut self.block[self.unread.clone()]
    }

    /// Takes the first `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Bytes {
        if (1..MIN_REUSED).contains(&self.block.len()) {
            return self.split(count);
        }
        if self.is_worth_sharing() {
            self.shared = std::mem::take(&mut self.block).freeze();
        }
        let taken = self.unread.start..self.unread.start + count;
        let bytes = match self.shared.is_empty() {
            // The copy has exactly their size.
            true => Bytes::copy_from_slice(&self.block[taken]),
            false => self.shared.slice(taken),
        };
        self.skip(count);
        bytes
    }

    /// Splits the first `count` bytes off the block. The rest of the block serves the next reads.
    fn split(&mut self, count: usize) -> Bytes {
        let Range { start, end } = self.unread;
        let mut taken = self.block.split_to(start + count);
        taken.advance(start);
        self.unread = 0..end - start - count;
        taken.freeze()
    }

    /// Drops the first `count` bytes.
    pub(crate) fn skip(&mut self, count: usize) {
        self.unread.start += count;
        if self.unread.is_empty() {
            self.unread = 0..0;
            // A block that has grown beyond a read is not kept.
            if self.block.len() > self.max_room {
                self.block = BytesMut::new();
            }
        }
    }

    /// Frees the memory of large reads, if no bytes are left in it. The room of the next read fits the reads since the
    /// last call, up to 32 KiB: a connection that repeats such a response needs a single read for it.
    pub(crate) fn shrink(&mut self) {
        if !self.unread.is_empty() {
            return;
        }
        let largest = std::mem::take(&mut self.largest);
        // Small responses use a block up: fewer blocks are allocated and zeroed.
        self.enough = (2 * largest).max(MIN_ROOM).min(self.first_room / 2);
        if self.room == self.first_room {
            return;
        }
        self.block = BytesMut::new();
        self.shared = Bytes::new();
        let room = if largest > self.room / 2 { self.room } else { self.room / 2 };
        self.room = room.min(MAX_ROOM_WHEN_IDLE).max(self.first_room);
    }

    /// Frees the block if no bytes are left in it. The next read allocates another.
    pub(crate) fn release(&mut self) {
        if self.unread.is_empty() {
            self.block = BytesMut::new();
            self.shared = Bytes::new();
        }
    }

    /// Returns whether bytes that are taken share a large block. At least half of the block has received bytes then: a
    /// program that keeps the bytes of slow reads would keep a whole block for each read.
    fn is_worth_sharing(&self) -> bool {
        // Beyond a read, many bytes may be unread, and these are copied if a shared block is not free for a read.
        (MIN_REUSED..=self.max_room).contains(&self.block.len()) && self.unread.end >= self.block.len() / 2
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
        self.make_room();
        let spare = &mut self.block[self.unread.end..];
        let offered = limit.min(spare.len()).min(self.max_room);
        let count = ready!(Pin::new(source).poll_read(cx, &mut spare[..offered]))?;
        self.unread.end += count;
        self.largest = self.largest.max(count);
        if count == offered {
            self.room = (self.room * 2).min(self.max_room);
        }
        Poll::Ready(Ok(count))
    }

    /// Makes room for a read behind the unread bytes.
    #[inline]
    fn make_room(&mut self) {
        if !self.shared.is_empty() {
            self.end_sharing();
        }
        if !self.has_room() {
            self.extend_room();
        }
    }

    /// Returns whether there is room for a read behind the unread bytes.
    fn has_room(&self) -> bool {
        let free = self.block.len() - self.unread.end;
        // At least half of the room is free, so that reads do not shrink to a few bytes.
        free >= self.room / 2 || self.unread.is_empty() && self.room <= self.first_room && free >= self.enough
    }

    /// Makes room for a read in this block or in another block.
    fn extend_room(&mut self) {
        let unread = self.unread.len();
        if unread == 0 {
            self.block = BytesMut::zeroed(self.room);
        } else if unread <= self.unread.start && unread + self.room / 2 <= self.block.len() {
            // As many bytes have been taken since the last move: each byte is moved a few times at most.
            self.move_to_front();
        } else {
            // Growing may move the unread bytes, so the room is a part of them.
            self.block.resize(self.unread.end + self.room.max(unread / 4), 0);
        }
    }

    /// Makes the block writable. If a program still has bytes of it, another block replaces it.
    fn end_sharing(&mut self) {
        match std::mem::take(&mut self.shared).try_into_mut() {
            Ok(block) => {
                self.block = block;
                self.move_to_front();
            }
            Err(shared) => {
                let unread = &shared[self.unread.clone()];
                self.block = BytesMut::zeroed(self.room.max(unread.len() + self.room / 2));
                self.block[..unread.len()].copy_from_slice(unread);
                self.unread = 0..unread.len();
            }
        }
    }

    fn move_to_front(&mut self) {
        self.block.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
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

    /// Reads all of `source`, in reads that fill the block.
    fn fill(buffer: &mut ReadBuffer, mut source: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        while !source.is_empty() {
            assert!(buffer.poll_fill(&mut cx, &mut source).is_ready());
        }
    }

    #[test]
    fn bytes_are_the_same_however_they_are_taken_and_kept() {
        let sent: Vec<u8> = (0..3 * 1024 * 1024_u32).map(|number| (number >> 8) as u8 ^ number as u8).collect();
        for (step, is_kept) in [(1000, true), (1000, false), (50_000, true), (50_000, false), (300_000, true)] {
            let mut buffer = ReadBuffer::new();
            let mut source = &sent[..];
            let mut cx = Context::from_waker(Waker::noop());
            let mut kept = Vec::new();
            let mut received = Vec::new();
            while received.len() < sent.len() {
                while buffer.data().len() < step.min(sent.len() - received.len()) {
                    assert!(buffer.poll_fill(&mut cx, &mut source).is_ready());
                }
                let taken = buffer.take(step.min(buffer.data().len()));
                received.extend_from_slice(&taken);
                if is_kept {
                    kept.push(taken);
                }
            }
            assert!(received == sent, "in steps of {step}");
            assert!(!is_kept || kept.concat() == sent, "in steps of {step}");
        }
    }

    #[test]
    fn block_is_used_again_once_its_bytes_have_been_dropped() {
        let mut buffer = ReadBuffer::with_reads(64 * 1024, 64 * 1024);
        let mut places = Vec::new();
        let mut kept = Vec::new();
        for is_kept in [false, false, true, false] {
            fill(&mut buffer, &[b'.'; 64 * 1024]);
            let taken = buffer.take(buffer.data().len());
            places.push(taken.as_ptr() as usize);
            if is_kept {
                kept.push(taken);
            }
        }
        assert!(places[0] == places[1] && places[1] == places[2] && places[2] != places[3], "{places:?}");
    }

    #[test]
    fn bytes_of_a_slow_read_do_not_share_the_block() {
        let mut buffer = ReadBuffer::with_reads(64 * 1024, 64 * 1024);
        for (size, shares) in [(1000, false), (32 * 1024, true), (1000, false)] {
            fill(&mut buffer, &vec![b'.'; size]);
            let block = buffer.data().as_ptr_range();
            let taken = buffer.take(size);
            assert_eq!(block.contains(&taken.as_ptr()), shares, "{size}");
        }
    }

    #[test]
    fn memory_of_large_reads_is_freed() {
        let mut buffer = ReadBuffer::new();
        fill(&mut buffer, &vec![b'.'; 1024 * 1024]);
        buffer.shrink();
        assert_eq!(buffer.data().len(), 1024 * 1024);
        buffer.skip(1024 * 1024);
        // The room follows the responses after the large response.
        for (response, room) in [(20, 32), (10, 16), (10, 16), (1, 8), (1, 4), (1, 4), (3, 4)] {
            fill(&mut buffer, &vec![b'.'; response * 1024]);
            buffer.skip(response * 1024);
            buffer.shrink();
            assert_eq!(buffer.room, room * 1024, "after a response of {response} KiB");
            assert!(buffer.block.capacity() <= FIRST_READ, "after a response of {response} KiB");
        }
    }
}
