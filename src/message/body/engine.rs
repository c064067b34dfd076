//! Bodies whose bytes are in an object of a JavaScript engine, and not in the memory of the module.

// Only a browser makes such bodies.
#![allow(dead_code)]

use bytes::Bytes;

use super::{Body, BodyKind};
use crate::error::Result;
use crate::message::progress::Progress;
use crate::platform::{EngineValue, MaybeSync};
use crate::runtime::{BoxFuture, BoxStream, MaybeSend};

/// A body that the engine itself can send.
///
/// It is a trait object that only the `Blob` of a browser makes: a program that sends no such object does not link the
/// code for it. `RetryPolicy` says what the idiom saves in all.
pub(crate) trait EngineBody: MaybeSend + MaybeSync {
    fn length(&self) -> Option<u64>;

    /// Returns the same body from its beginning, or `None` if a part of it can be read only once.
    fn try_clone(&self) -> Option<Box<dyn EngineBody>>;

    /// Returns whether a part of it is a stream, which is read into memory before the engine can send the body.
    fn has_stream(&self) -> bool;

    /// Returns the function that joins bodies in order, of which at least a single body is the engine's.
    fn joiner(&self) -> fn(Vec<Body>) -> Body;

    /// Returns the object that the engine sends. Reads the streams among the parts, up to `max` bytes together, and
    /// counts all bytes in `progress`.
    fn into_object(self: Box<Self>, progress: Progress, max: u64) -> BoxFuture<'static, Result<EngineObject>>;

    /// Starts to read the bytes into the memory of the module, for a backend that is not the engine's.
    fn start(&mut self) -> BoxStream<'static, Result<Bytes>>;
}

/// An object that the engine can send as a body.
pub(crate) struct EngineObject {
    pub(crate) value: EngineValue,
    /// The number of its bytes.
    pub(crate) length: u64,
}

impl Body {
    pub(crate) fn from_engine(body: impl EngineBody + 'static) -> Self {
        Self(BodyKind::Engine(Box::new(body)))
    }

    /// Returns the engine's body, or the body itself if it is of another kind.
    pub(crate) fn into_engine(self) -> std::result::Result<Box<dyn EngineBody>, Self> {
        match self.0 {
            BodyKind::Engine(body) => Ok(body),
            kind => Err(Self(kind)),
        }
    }

    pub(super) fn engine(&self) -> Option<&dyn EngineBody> {
        match &self.0 {
            BodyKind::Engine(body) => Some(&**body),
            _ => None,
        }
    }

    /// Returns whether the body, or a part of it, is a stream that has to be read before an engine can send it.
    pub(crate) fn has_stream(&self) -> bool {
        match &self.0 {
            BodyKind::Engine(body) => body.has_stream(),
            _ => !self.is_complete(),
        }
    }
}
