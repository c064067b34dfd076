//! What handles the headers of a request.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};

use crate::message::credentials::mark_sensitive;

/// Handles the headers of a request.
///
/// In a browser it is a trait object that is set where the map of headers is handed out for a change. A program that
/// adds no header then links neither this code, nor the table of header names, nor the insertion into a map: 3 KB gzip.
pub(crate) trait HandleHeaders: Send + Sync {
    /// Returns the reason if the headers must not be sent.
    fn validate(&self, headers: &HeaderMap) -> Result<(), String>;

    /// Marks the credentials as sensitive, so that debug output hides them.
    fn mark_sensitive(&self, headers: &mut HeaderMap);

    /// Returns the names and values.
    fn list<'a>(&self, headers: &'a HeaderMap) -> Vec<(&'a str, &'a HeaderValue)>;

    /// Returns whether there is a header `authorization`.
    fn has_authorization(&self, headers: &HeaderMap) -> bool;

    /// Adds a header `authorization`.
    fn add_authorization(&self, headers: &mut HeaderMap, value: HeaderValue);
}

pub(crate) struct AddedHeaders;

impl HandleHeaders for AddedHeaders {
    fn validate(&self, headers: &HeaderMap) -> Result<(), String> {
        // The framing headers come from the body. A caller's own would be a second source, and the two could differ.
        if let Some(name) = [CONTENT_LENGTH, TRANSFER_ENCODING].iter().find(|name| headers.contains_key(*name)) {
            let name = name.as_str();
            return Err(["the header \"", name, "\" is derived from the body; set the body's length instead"].concat());
        }
        if headers.contains_key(EXPECT) {
            return Err("the header \"expect\" is set by the option `expect_continue`".to_owned());
        }
        // A server has to refuse such a request (RFC 9112, section 3.2).
        if headers.get_all(HOST).iter().count() > 1 {
            return Err("the request has more than one `host` header".to_owned());
        }
        Ok(())
    }

    fn mark_sensitive(&self, headers: &mut HeaderMap) {
        mark_sensitive(headers);
    }

    fn list<'a>(&self, headers: &'a HeaderMap) -> Vec<(&'a str, &'a HeaderValue)> {
        headers.iter().map(|(name, value)| (name.as_str(), value)).collect()
    }

    fn has_authorization(&self, headers: &HeaderMap) -> bool {
        headers.contains_key(AUTHORIZATION)
    }

    fn add_authorization(&self, headers: &mut HeaderMap, value: HeaderValue) {
        headers.append(AUTHORIZATION, value);
    }
}
