//! What belongs to an attempt and not to its request: the progress, and the attempts before this attempt.

use crate::error::Attempt;
use crate::message::progress::{Progress, ProgressCallback};

/// The context of an attempt, which a [`Backend`](crate::Backend) gets beside the request.
///
/// The client makes a context for each attempt. A backend that wraps another backend passes the context on. A clone is
/// another handle of the same context.
///
/// # Examples
///
/// ```
/// use futures::executor::block_on;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Backend, CallContext, Request};
///
/// let script = Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// let context = CallContext::new();
/// block_on(agent.fetch(Request::get("http://example.com/").build()?, context.clone()))?;
/// assert!(context.progress().bytes() > 0);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallContext(Progress);

impl CallContext {
    /// Makes the context of a first attempt, for a backend that is called without a client.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes the context of an attempt after `attempts`, which reports its upload to `on_upload`.
    // Each attempt has a progress of its own, so that the bytes of two attempts are not added up.
    pub(crate) fn for_attempt(on_upload: Option<ProgressCallback>, attempts: &[Attempt]) -> Self {
        Self(Progress::new(on_upload, attempts))
    }

    /// Returns the progress of the attempt, where a backend reports how far it is.
    ///
    /// The client that waits for the backend reads it, so that a slow upload is not mistaken for silence.
    pub fn progress(&self) -> &Progress {
        &self.0
    }

    /// Returns the attempts before this attempt.
    ///
    /// It is empty for a request without a [`Retry`](crate::Retry).
    pub fn attempts(&self) -> &[Attempt] {
        self.0.attempts()
    }
}
