//! What handles the headers of a request: always linked here, where size matters less.

use crate::message::request::AddedHeaders;

/// The code that handles the headers of a request.
#[derive(Clone, Copy, Default)]
pub(crate) struct FullHeaderSupport;

#[allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "in a browser the code is linked when a header is added"
)]
impl FullHeaderSupport {
    /// Does nothing: the code is there.
    pub(crate) fn link(&mut self) {}

    /// Returns the code.
    pub(crate) fn get(self) -> Option<&'static AddedHeaders> {
        Some(&AddedHeaders)
    }
}
