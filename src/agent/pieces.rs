//! The pieces of a body that are in memory.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Pieces of a body, in their order. A single piece needs no allocation: most small bodies are a single piece.
#[derive(Default)]
pub(super) enum Pieces {
    #[default]
    Nothing,
    Single(Bytes),
    Many(VecDeque<Bytes>),
}

impl Pieces {
    #[inline]
    pub(super) fn push(&mut self, piece: Bytes) {
        *self = match std::mem::take(self) {
            Self::Nothing => Self::Single(piece),
            Self::Single(first) => Self::Many(VecDeque::from([first, piece])),
            Self::Many(mut pieces) => {
                pieces.push_back(piece);
                Self::Many(pieces)
            }
        };
    }

    /// Concatenates the pieces. Returns `None` if there are none.
    #[inline]
    pub(super) fn concat(self) -> Option<Bytes> {
        match self {
            Self::Nothing => None,
            // The common case: a piece that is the whole body is not copied.
            Self::Single(piece) => Some(piece),
            Self::Many(mut pieces) if pieces.len() < 2 => pieces.pop_front(),
            Self::Many(pieces) => {
                let mut all = BytesMut::with_capacity(pieces.iter().map(Bytes::len).sum());
                for piece in &pieces {
                    all.extend_from_slice(piece);
                }
                Some(all.freeze())
            }
        }
    }
}

/// Takes the pieces out.
impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if let Self::Many(pieces) = self {
            return pieces.pop_front();
        }
        std::mem::take(self).concat()
    }
}
