//! Failures in a reply, and their positions.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::http2::{Http2Action, Http2ErrorCode};
use crate::runtime::Timer;

/// A failure at a position of a [`Reply`](super::Reply): at its beginning, unless [`after`](Self::after) or
/// [`after_body`](Self::after_body) sets the position. A reply can have several faults.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use futures::FutureExt;
/// use waterspout::testing::{Fault, ManualTimer, MemoryConnector, Reply, handler};
/// use waterspout::{Agent, Client, ErrorKind};
///
/// // The head comes after a second, then half of the body, then the connection is reset.
/// let timer = ManualTimer::new();
/// let clock = timer.clone();
/// let server = handler(move |_| {
///     let reply = Reply::text("hello, world")
///         .with_fault(Fault::delay(clock.clone(), Duration::from_secs(1)))
///         .with_fault(Fault::reset().after_body(6));
///     async { reply }.boxed()
/// });
/// let agent = Agent::new(MemoryConnector::new(server), timer.clone());
/// let client = Client::builder().backend(agent).timer(timer.clone()).build()?;
///
/// let mut page = async { client.get("http://example.com/").await?.text().await }.boxed();
/// assert!((&mut page).now_or_never().is_none());
/// timer.advance(Duration::from_secs(1));
/// assert_eq!(page.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::ConnectionClosed);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a fault does nothing until a reply has it"]
pub struct Fault {
    pub(super) position: FaultPosition,
    pub(super) action: FaultAction,
}

/// The position of a fault.
#[derive(Clone, Copy, Debug)]
pub(super) enum FaultPosition {
    /// After this many bytes of the reply, head and body as they are on the wire.
    Written(u64),
    /// After the head and this many bytes of the body.
    Body(u64),
}

#[derive(Clone)]
pub(super) enum FaultAction {
    Delay(Arc<dyn Timer>, Duration),
    Close,
    Reset,
    Silence,
    Garbage(Bytes),
    /// Resets the stream of the request.
    #[allow(dead_code, reason = "only HTTP/2 has streams")]
    StreamReset(Http2ErrorCode),
    /// Does something to a connection of HTTP/2.
    #[allow(dead_code, reason = "only HTTP/2 has frames")]
    Http2(Http2Action),
}

impl fmt::Debug for FaultAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delay(_, delay) => f.debug_tuple("Delay").field(delay).finish(),
            Self::Close => f.write_str("Close"),
            Self::Reset => f.write_str("Reset"),
            Self::Silence => f.write_str("Silence"),
            Self::Garbage(bytes) => f.debug_tuple("Garbage").field(bytes).finish(),
            Self::StreamReset(code) => f.debug_tuple("StreamReset").field(code).finish(),
            Self::Http2(action) => f.debug_tuple("Http2").field(action).finish(),
        }
    }
}

impl Fault {
    pub(super) fn new(action: FaultAction) -> Self {
        // At the beginning, before the status line.
        Self { position: FaultPosition::Written(0), action }
    }

    /// Makes a fault that waits for `delay` on the clock `timer`, and then sends the rest.
    pub fn delay(timer: impl Timer, delay: Duration) -> Self {
        Self::new(FaultAction::Delay(Arc::new(timer), delay))
    }

    /// Makes a fault that closes the connection: the rest of the reply is cut off, and over HTTP/2 the other replies on
    /// the connection.
    pub fn close() -> Self {
        Self::new(FaultAction::Close)
    }

    /// Makes a fault that resets the connection: the client's read fails, and the client may lose the last bytes
    /// before. Over [`serve_connection`](super::serve_connection) the connection is closed instead, as with
    /// [`close`](Self::close).
    pub fn reset() -> Self {
        Self::new(FaultAction::Reset)
    }

    /// Makes a fault that sends nothing any more. The connection stays open until the client closes it. Over HTTP/2 the
    /// stream stays open until the client resets it.
    pub fn silence() -> Self {
        Self::new(FaultAction::Silence)
    }

    /// Makes a fault that inserts `bytes`, and then sends the rest. Over HTTP/2 they are inserted between two frames.
    pub fn garbage(bytes: impl Into<Bytes>) -> Self {
        Self::new(FaultAction::Garbage(bytes.into()))
    }

    /// Sets the position: after `bytes` bytes of the reply, head and body as they are on the wire. In a shorter reply
    /// the fault does not happen.
    ///
    /// Over HTTP/2 the compression of a head hides its size: the position 0 is before the head, and the bytes of every
    /// other position are counted from the end of the head.
    pub fn after(self, bytes: u64) -> Self {
        Self { position: FaultPosition::Written(bytes), ..self }
    }

    /// Sets the position: after the head and `bytes` bytes of the body. The framing of chunks is not counted. In a
    /// shorter body the fault does not happen.
    pub fn after_body(self, bytes: u64) -> Self {
        Self { position: FaultPosition::Body(bytes), ..self }
    }
}
