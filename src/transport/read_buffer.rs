//! Bytes received and not yet understood.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures::AsyncRead;

/// The first read's room; enough for most small responses.
const FIRST_READ: usize = 8 * 1024;

/// The most room a read is given; a large download gets there in a few reads.
const LARGEST_READ: usize = 256 * 1024;

/// A connection's read buffer. What is taken out shares its memory, so nothing is copied.
///
/// All of `bytes` is initialized, `filled` of it with data: the rest is room for the next read, zeroed once.
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    filled: usize,
    room: usize,
    largest: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> Self {
        Self::with_reads(FIRST_READ, LARGEST_READ)
    }

    /// A buffer whose reads are given `first` bytes of room at first and never more than `largest`.
    pub(crate) fn with_reads(first: usize, largest: usize) -> Self {
        Self { bytes: BytesMut::new(), filled: 0, room: first, largest }
    }

    /// What has been received and not been taken.
    pub(crate) fn data(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    /// Takes the first `count` bytes.
    pub(crate) fn take(&mut self, count: usize) -> Bytes {
        self.filled -= count;
        self.bytes.split_to(count).freeze()
    }

    /// Reads once from `source` and says how many bytes came; none at its end.
    pub(crate) fn poll_fill<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
    ) -> Poll<io::Result<usize>> {
        self.poll_fill_within(cx, source, usize::MAX)
    }

    /// As [`poll_fill`](Self::poll_fill), but takes no more than `most` bytes.
    pub(crate) fn poll_fill_within<R: AsyncRead + Unpin + ?Sized>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        if self.bytes.len() - self.filled < self.room / 2 {
            self.bytes.resize(self.filled + self.room, 0);
        }
        let spare = &mut self.bytes[self.filled..];
        let most = most.min(spare.len());
        let spare = &mut spare[..most];
        let (offered, count) = (spare.len(), ready!(Pin::new(source).poll_read(cx, spare))?);
        self.filled += count;
        if count == offered {
            self.room = (self.room * 2).min(self.largest);
        }
        Poll::Ready(Ok(count))
    }
}
