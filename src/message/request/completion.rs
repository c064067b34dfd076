//! What is done to a request before it is sent, and what a backend takes out of it.

use http::{HeaderMap, HeaderValue};

use super::Request;
#[allow(unused_imports, reason = "only a browser calls it through a trait object")]
use super::added_headers::HandleHeaders;
use crate::error::Result;
use crate::message::body::Body;
use crate::platform::BodySupport;

impl Request {
    /// Adds the `content-type` of a body that was made of a string, unless the request has a `content-type`.
    pub(crate) fn add_content_type(&mut self) {
        if let Some(add) = self.0.body.content_type() {
            add(self);
        }
    }

    /// Prepares the headers for an attempt: marks credentials as sensitive, and adds the type of the body.
    pub(crate) fn complete_headers(&mut self) {
        // The caller or a middleware may have added credentials to the map of headers, where no setter saw them.
        if let Some(support) = self.0.header_support.get() {
            support.mark_sensitive(&mut self.0.headers);
        }
        self.add_content_type();
    }

    /// Adds the credentials of the URL, unless the request has a header `authorization`.
    ///
    /// # Errors
    /// The error of `authorization`, if it is needed.
    pub(crate) fn add_url_credentials(&mut self, authorization: Result<HeaderValue>) -> Result<()> {
        match self.0.header_support.get() {
            Some(support) if support.has_authorization(&self.0.headers) => {}
            Some(support) => support.add_authorization(&mut self.0.headers, authorization?),
            None => self.0.url_credentials = Some(Box::new(authorization?)),
        }
        Ok(())
    }

    /// Returns the names and values of the headers, with the credentials of the URL.
    #[allow(dead_code, reason = "only the backend of a browser asks")]
    pub(crate) fn header_list(&self) -> Vec<(&str, &HeaderValue)> {
        let mut list = self.0.header_support.get().map_or_else(Vec::new, |support| support.list(&self.0.headers));
        if let Some(authorization) = &self.0.url_credentials {
            list.push(("authorization", authorization));
        }
        list
    }

    /// Takes the body out, with what the platform needs to send it.
    #[allow(dead_code, reason = "only the backend of a browser asks")]
    pub(crate) fn take_body(&mut self) -> (Body, BodySupport) {
        (std::mem::take(&mut self.0.body), self.0.body_support)
    }

    /// Takes the headers out, for the response that shows what was sent: the map, and the credentials of the URL if they
    /// are not in the map. The map is empty then.
    pub(crate) fn take_headers(&mut self) -> (HeaderMap, Option<Box<HeaderValue>>) {
        (std::mem::take(&mut self.0.headers), self.0.url_credentials.take())
    }
}
