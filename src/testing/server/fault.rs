//! What goes wrong with an answer on its way, and where.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::runtime::Timer;

/// Something that goes wrong with a [`Reply`](super::Reply), at a point of it: at its beginning unless
/// [`after`](Self::after) or [`after_body`](Self::after_body) says where. A reply can have several.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::testing::{Fault, ManualTimer, Reply};
///
/// // The head comes after a second, then half of the body, then the connection breaks.
/// let timer = ManualTimer::new();
/// let reply = Reply::text("hello, world")
///     .with_fault(Fault::delay(timer, Duration::from_secs(1)))
///     .with_fault(Fault::reset().after_body(6));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a reply has it"]
pub struct Fault {
    pub(super) place: Place,
    pub(super) action: Action,
}

/// Where a fault happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// When so many bytes have been sent, of head and body as they are on the wire.
    Sent(u64),
    /// When the head and so many bytes of the body have been sent.
    Body(u64),
}

#[derive(Clone)]
pub(super) enum Action {
    Delay(Arc<dyn Timer>, Duration),
    Close,
    Reset,
    Silence,
    Garbage(Bytes),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(_, delay) => f.debug_tuple("Delay").field(delay).finish(),
            Self::Close => f.write_str("Close"),
            Self::Reset => f.write_str("Reset"),
            Self::Silence => f.write_str("Silence"),
            Self::Garbage(bytes) => f.debug_tuple("Garbage").field(bytes).finish(),
        }
    }
}

impl Fault {
    fn new(action: Action) -> Self {
        Self { place: Place::Sent(0), action }
    }

    /// Nothing for `delay` on that clock, then the rest.
    pub fn delay(timer: impl Timer, delay: Duration) -> Self {
        Self::new(Action::Delay(Arc::new(timer), delay))
    }

    /// The end of the connection: what was to follow is cut off.
    pub fn close() -> Self {
        Self::new(Action::Close)
    }

    /// The connection breaks: whoever reads it is told of an error, and may lose what was sent just before. Over
    /// [`serve_connection`](super::serve_connection) it only ends, as with [`close`](Self::close).
    pub fn reset() -> Self {
        Self::new(Action::Reset)
    }

    /// Nothing any more; the connection stays open until the client closes it.
    pub fn silence() -> Self {
        Self::new(Action::Silence)
    }

    /// These bytes in between, then the rest.
    pub fn garbage(bytes: impl Into<Bytes>) -> Self {
        Self::new(Action::Garbage(bytes.into()))
    }

    /// The same when so many bytes of the reply have been sent, head and body as they are on the wire. It does not happen
    /// if there are fewer.
    pub fn after(self, bytes: u64) -> Self {
        Self { place: Place::Sent(bytes), ..self }
    }

    /// The same when the head and so many bytes of the body have been sent; what a chunked body has around its chunks is
    /// not counted. It does not happen if there are fewer.
    pub fn after_body(self, bytes: u64) -> Self {
        Self { place: Place::Body(bytes), ..self }
    }
}
