//! The debug output of responses: a short line without secrets.

use std::fmt;

use http::Version;

use super::{Response, ResponseParts};
use crate::message::shown_headers::ShownHeaders;

/// Shows the status, the URL, the headers and the body.
///
/// It hides the values of headers with credentials or cookies, the values of the query of a URL, and its fragment.
impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.show(f.debug_struct("Response"))
    }
}

impl<B: fmt::Debug> ResponseParts<B> {
    /// Writes the fields that a person needs, without the fields that are not set.
    pub(crate) fn show(&self, mut debug: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        debug.field("status", &format_args!("{}", self.status.as_u16()));
        if self.version != Version::HTTP_11 {
            debug.field("version", &self.version);
        }
        debug.field("url", &self.url);
        if !self.history.is_empty() {
            debug.field("redirects", &self.history.len());
        }
        if !self.attempts.is_empty() {
            debug.field("attempts", &self.attempts.len());
        }
        let headers = self.headers.map();
        if !headers.is_empty() {
            debug.field("headers", &ShownHeaders(headers));
        }
        debug.field("body", &self.body).finish()
    }
}
