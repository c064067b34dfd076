//! The headers that carry credentials.

use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
use http::{HeaderMap, HeaderName};

/// Returns whether the header of this name carries credentials.
pub(crate) fn is_credential(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

/// Marks the values of `authorization`, `proxy-authorization` and `cookie` as sensitive, so that debug output hides them.
pub(crate) fn mark_sensitive(headers: &mut HeaderMap) {
    for (name, value) in headers {
        if is_credential(name) {
            value.set_sensitive(true);
        }
    }
}
