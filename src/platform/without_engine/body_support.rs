//! What sends the body of a request: nothing but the backend, where no engine is.

/// The code that gives the body of a request to an engine. Here is none.
#[derive(Clone, Copy, Default)]
pub(crate) struct NoBodySupport;

impl NoBodySupport {
    /// Does nothing: the backend reads the body itself.
    #[allow(clippy::unused_self, reason = "in a browser the code is linked when a body is added")]
    pub(crate) fn link(&mut self) {}
}
