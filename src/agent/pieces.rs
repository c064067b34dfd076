//! The pieces of a body that are in memory.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Pieces of a body, in their order. A single piece needs no allocation: most small bodies are a single piece.
#[derive(Default)]
pub(super) struct Pieces {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Pieces {
    pub(super) fn push(&mut self, piece: Bytes) {
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(piece);
        } else {
            self.rest.push_back(piece);
        }
    }

    /// Concatenates the pieces. Returns `None` if there are none.
    pub(super) fn concat(mut self) -> Option<Bytes> {
        let first = self.next()?;
        if self.rest.is_empty() {
            // The common case: a piece that is the whole body is not copied.
            return Some(first);
        }
        let length = first.len() + self.rest.iter().map(Bytes::len).sum::<usize>();
        let mut all = BytesMut::with_capacity(length);
        all.extend_from_slice(&first);
        for piece in &self.rest {
            all.extend_from_slice(piece);
        }
        Some(all.freeze())
    }
}

/// Takes the pieces out.
impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.first.take().or_else(|| self.rest.pop_front())
    }
}
