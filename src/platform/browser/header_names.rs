//! The texts of the names of a request's headers.

use http::HeaderName;

/// Returns the text of the name of a request's header.
///
/// `HeaderName::as_str` links the table of all known names, 1.2 KB gzip of a browser program. So the function for it is
/// set only where a header is added.
#[derive(Clone, Copy)]
pub(crate) struct AddedNames(fn(&HeaderName) -> &str);

impl Default for AddedNames {
    /// Without an added header a request has at most the credentials of its URL.
    fn default() -> Self {
        Self(|_| "authorization")
    }
}

impl AddedNames {
    /// Links the texts of all names, because a header may be added.
    pub(crate) fn add_all(&mut self) {
        self.0 = HeaderName::as_str;
    }

    /// Returns the text of `name`.
    pub(crate) fn text<'name>(&self, name: &'name HeaderName) -> &'name str {
        (self.0)(name)
    }
}
