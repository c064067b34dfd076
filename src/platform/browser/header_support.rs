//! What handles the headers of a request: it is linked only where a header may be added.

use crate::message::request::{AddedHeaders, HandleHeaders};

/// The code that handles the headers of a request; see [`HandleHeaders`].
#[derive(Clone, Copy, Default)]
pub(crate) struct LinkedHeaderSupport(Option<&'static dyn HandleHeaders>);

impl LinkedHeaderSupport {
    /// Links the code, because a header may be added.
    pub(crate) fn link(&mut self) {
        self.0 = Some(&AddedHeaders);
    }

    /// Returns the code, if a header may have been added.
    pub(crate) fn get(self) -> Option<&'static dyn HandleHeaders> {
        self.0
    }
}
