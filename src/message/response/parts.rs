//! The parts of a response, generic over its body. Without the body they are `Send` on every platform.

use http::{Method, StatusCode, Version};

use super::http_response::HttpExtensions;
use super::lazy_headers::LazyHeaders;
use super::request_head::RequestHeaders;
use super::{DEFAULT_BODY_LIMIT, Response};
use crate::error::{Attempt, Error, Result};
use crate::message::body::Body;
use crate::message::call_times::CallTimes;
use crate::message::connection_info::{ExchangeInfo, RedirectEntry};
use crate::message::trailers::Trailers;
use crate::message::url::Url;

pub(crate) struct ResponseParts<B = Body> {
    pub(crate) status: StatusCode,
    pub(super) reason: Option<Box<str>>,
    pub(super) version: Version,
    pub(crate) headers: LazyHeaders,
    pub(super) trailers: Option<Trailers>,
    pub(crate) url: Url,
    /// The method of the last request, if it is known.
    pub(super) method: Option<Method>,
    /// The headers of the last request, if they are known.
    pub(super) request_headers: Option<RequestHeaders>,
    pub(crate) redirected: bool,
    pub(super) exchange: ExchangeInfo,
    pub(super) history: Vec<RedirectEntry>,
    pub(super) times: Option<CallTimes>,
    pub(crate) body_limit: u64,
    pub(crate) body: B,
    pub(super) attempts: Vec<Attempt>,
    pub(super) http_extensions: Option<HttpExtensions>,
}

/// The head of a response, as a server sent it.
pub(crate) struct ReceivedHead {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) reason: Option<Box<str>>,
    pub(crate) headers: LazyHeaders,
    pub(crate) exchange: ExchangeInfo,
    /// The cell of the trailers, if the body may have trailers.
    pub(crate) trailers: Option<Trailers>,
}

impl<B> ResponseParts<B> {
    /// Replaces the body and returns the previous body beside the parts.
    // Field by field: a struct update (`..self`) cannot change the type of the body.
    pub(crate) fn swap_body<N>(self, body: N) -> (ResponseParts<N>, B) {
        let swapped = ResponseParts {
            status: self.status,
            reason: self.reason,
            version: self.version,
            headers: self.headers,
            trailers: self.trailers,
            url: self.url,
            method: self.method,
            request_headers: self.request_headers,
            redirected: self.redirected,
            exchange: self.exchange,
            history: self.history,
            times: self.times,
            body_limit: self.body_limit,
            body,
            attempts: self.attempts,
            http_extensions: self.http_extensions,
        };
        (swapped, self.body)
    }

    /// # Errors
    /// [`Status`](crate::ErrorKind::Status) if the status is 400 or above.
    pub(crate) fn error_for_status(&self) -> Result<()> {
        if self.status.is_client_error() || self.status.is_server_error() {
            let reason = self.reason.as_deref().or_else(|| self.status.canonical_reason());
            return Err(Error::for_status(self.status, reason).with_url(&self.url));
        }
        Ok(())
    }
}

impl Response {
    /// Returns a response with a head that was received from `url`.
    pub(crate) fn received(head: ReceivedHead, url: Url, body: Body) -> Self {
        let ReceivedHead { status, version, reason, headers, exchange, trailers } = head;
        Self(Box::new(ResponseParts {
            status,
            reason,
            version,
            headers,
            trailers,
            url,
            method: None,
            request_headers: None,
            redirected: false,
            exchange,
            history: Vec::new(),
            times: None,
            body_limit: DEFAULT_BODY_LIMIT,
            body,
            attempts: Vec::new(),
            http_extensions: None,
        }))
    }

    pub(crate) fn into_parts(self) -> ResponseParts {
        *self.0
    }

    pub(crate) fn from_parts(parts: ResponseParts) -> Self {
        Self(Box::new(parts))
    }
}
