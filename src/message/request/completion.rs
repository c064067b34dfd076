//! What is done to a request before it is sent, and what a backend takes out of it.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Request, RequestParts};
use crate::message::body::Body;
use crate::message::credentials::mark_sensitive;
use crate::platform::BodySupport;

impl Request {
    /// Adds the `content-type` of a body that was made of a string, unless the request has a `content-type`.
    pub(crate) fn add_content_type(&mut self) {
        let RequestParts { headers, header_names, body, .. } = &mut *self.0;
        body.add_content_type(headers, header_names);
    }

    /// Prepares the headers for an attempt: marks credentials as sensitive, and adds the type of the body.
    pub(crate) fn complete_headers(&mut self) {
        // The caller or a middleware may have added credentials to the map of headers, where no setter saw them.
        mark_sensitive(&mut self.0.headers);
        self.add_content_type();
    }

    /// Adds the credentials of the URL, which the header `authorization` of the request overrides.
    pub(crate) fn add_url_credentials(&mut self, authorization: HeaderValue) {
        // Not by `headers_mut`: the text of this name is known without the table of all names.
        self.0.headers.append(AUTHORIZATION, authorization);
    }

    /// Takes the body out, with what the platform needs to send it.
    #[allow(dead_code, reason = "only the backend of a browser asks")]
    pub(crate) fn take_body(&mut self) -> (Body, BodySupport) {
        (std::mem::take(&mut self.0.body), self.0.body_support)
    }

    /// Takes the headers out, for the response that shows what was sent.
    pub(crate) fn take_headers(&mut self) -> HeaderMap {
        std::mem::take(&mut self.0.headers)
    }

    /// Returns the text of the name of a header that this request has.
    pub(crate) fn header_text<'name>(&self, name: &'name HeaderName) -> &'name str {
        self.0.header_names.text(name)
    }
}
