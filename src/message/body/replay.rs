//! What starts a body again, from its beginning, and bodies that are joined.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, stream};

use super::engine::EngineBody;
use super::{Body, BodyKind};
use crate::error::Result;
use crate::runtime::BoxStream;

impl Body {
    /// Returns whether the body can be read from its beginning again.
    pub(crate) fn is_replayable(&self) -> bool {
        match &self.0 {
            BodyKind::Engine(body) => body.try_clone().is_some(),
            BodyKind::Stream { .. } => false,
            BodyKind::Empty | BodyKind::Bytes(_) | BodyKind::Text(..) | BodyKind::Factory { .. } => true,
        }
    }

    /// Takes the body if it can be read only once. In its place stays a body that cannot be read again either.
    pub(crate) fn take_one_shot(&mut self) -> Option<Self> {
        // A box of this stream has no allocation.
        (!self.is_replayable()).then(|| std::mem::replace(self, Self::boxed_stream(Box::pin(stream::empty()), None)))
    }
}

/// Starts the stream of a replayable body.
pub(super) trait StreamFactory: Send + Sync {
    fn start(&self) -> BoxStream<'static, Result<Bytes>>;
}

impl<F> StreamFactory for F
where
    F: Fn() -> BoxStream<'static, Result<Bytes>> + Send + Sync,
{
    fn start(&self) -> BoxStream<'static, Result<Bytes>> {
        self()
    }
}

/// A body that can be started any number of times. It is `Send` on every platform, unlike a body whose stream runs.
#[derive(Clone)]
pub(super) enum ReplayableBody {
    Bytes(Bytes),
    Factory(Arc<dyn StreamFactory>),
}

impl ReplayableBody {
    pub(super) fn start(self) -> Body {
        match self {
            Self::Bytes(bytes) => bytes.into(),
            Self::Factory(start) => Body(BodyKind::Factory { start, length: None, in_memory: false }),
        }
    }
}

impl Body {
    /// Joins bodies in order. The result has a known length if all bodies have, and is replayable if all are.
    pub(crate) fn concat(bodies: Vec<Self>) -> Self {
        if let Some(join) = bodies.iter().find_map(Self::engine).map(EngineBody::joiner) {
            return join(bodies);
        }
        let length = Self::total_length(&bodies);
        let replays: Option<Vec<_>> = bodies.iter().map(Self::replay).collect();
        match replays {
            None => Self::boxed_stream(Box::pin(stream::iter(bodies).flatten()), length),
            Some(replays) => {
                let in_memory = replays.iter().all(|replay| matches!(replay, ReplayableBody::Bytes(_)));
                let start = move || -> BoxStream<'static, Result<Bytes>> {
                    let bodies = replays.clone().into_iter().map(ReplayableBody::start);
                    Box::pin(stream::iter(bodies).flatten())
                };
                Self(BodyKind::Factory { start: Arc::new(start), length, in_memory })
            }
        }
    }

    /// Returns what starts the body again, or `None` if it can be read only once.
    fn replay(&self) -> Option<ReplayableBody> {
        match &self.0 {
            BodyKind::Empty => Some(ReplayableBody::Bytes(Bytes::new())),
            BodyKind::Bytes(bytes) | BodyKind::Text(bytes, _) => Some(ReplayableBody::Bytes(bytes.clone())),
            BodyKind::Factory { start, .. } => Some(ReplayableBody::Factory(start.clone())),
            BodyKind::Stream { .. } | BodyKind::Engine(_) => None,
        }
    }

    /// Returns the sum of the lengths, or `None` if a length is unknown or the sum exceeds 64 bits.
    pub(crate) fn total_length(bodies: &[Self]) -> Option<u64> {
        bodies.iter().map(Self::length).try_fold(0u64, |sum, length| sum.checked_add(length?))
    }
}
