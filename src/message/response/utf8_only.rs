//! Without the feature `charset` the text of every body is UTF-8, and the headers are not read for it.

use super::lazy_headers::LazyHeaders;
use super::text;

/// Returns `None`.
pub(crate) fn of(_headers: &LazyHeaders) -> Option<String> {
    None
}

/// Decodes a body as UTF-8.
pub(crate) fn decode(_charset: Option<&str>, bytes: &[u8]) -> String {
    text::decode_utf8(bytes)
}
