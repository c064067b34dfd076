//! Headers as debug output shows them: without secrets.

use std::fmt;

use http::header::{CONTENT_LOCATION, LINK, LOCATION, REFERER, REFRESH, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::credentials::is_credential;
use super::url::safe_excerpt;

/// Shows the headers of a map. It hides values with credentials or cookies, also if they are not marked as sensitive,
/// and the values of the query in headers that hold a URL.
pub(crate) struct ShownHeaders<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for ShownHeaders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, ShownValue(name, value)))).finish()
    }
}

struct ShownValue<'a>(&'a HeaderName, &'a HeaderValue);

impl fmt::Debug for ShownValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(name, value) = *self;
        if value.is_sensitive() || is_credential(name) || name == SET_COOKIE {
            // The word that `http` writes for a value that is marked.
            f.write_str("Sensitive")
        } else if [LOCATION, CONTENT_LOCATION, REFERER, REFRESH, LINK].contains(name) {
            safe_excerpt(&String::from_utf8_lossy(value.as_bytes())).fmt(f)
        } else {
            value.fmt(f)
        }
    }
}
