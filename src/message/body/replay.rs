//! What starts a body again, from its beginning.

use std::sync::Arc;

use bytes::Bytes;

use super::{Body, BodyKind};
use crate::error::Result;
use crate::runtime::BoxStream;

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
