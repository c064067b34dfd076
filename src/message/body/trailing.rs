//! Bodies that carry the cell of their trailers, so that body and trailers move together between crates.

use std::sync::Mutex;

use super::{Body, BodyKind};
use crate::message::trailers::Trailers;

impl Body {
    /// Returns the same body with the cell of the header fields that follow it. It can be read once.
    pub(crate) fn with_trailers(self, cell: Trailers) -> Self {
        Self(match self.0 {
            BodyKind::Stream { stream, length, in_memory, .. } => {
                BodyKind::Stream { stream, length, in_memory, trailers: Some(cell) }
            }
            kind => {
                let body = Self(kind);
                let (length, in_memory) = (body.length(), body.is_complete());
                BodyKind::Stream { stream: Mutex::new(Box::pin(body)), length, in_memory, trailers: Some(cell) }
            }
        })
    }

    /// Returns the cell of the header fields that follow the body, if the body carries it.
    pub(crate) fn trailers(&self) -> Option<&Trailers> {
        match &self.0 {
            BodyKind::Stream { trailers, .. } => trailers.as_ref(),
            _ => None,
        }
    }
}
