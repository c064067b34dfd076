//! The texts of the names of a request's headers: all of them are linked here, where size matters less.

use http::HeaderName;

/// Returns the text of the name of a request's header.
#[derive(Clone, Copy, Default)]
pub(crate) struct KnownNames;

#[allow(clippy::unused_self, reason = "in a browser the names are linked when a header is added")]
impl KnownNames {
    /// Does nothing: all names are known.
    pub(crate) fn add_all(&mut self) {}

    /// Returns the text of `name`.
    pub(crate) fn text<'name>(&self, name: &'name HeaderName) -> &'name str {
        name.as_str()
    }
}
