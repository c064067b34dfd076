//! A response without its body: what of it can leave its thread on every platform.

use http::{HeaderMap, StatusCode, Version};

use super::Response;
use crate::attempt::Attempt;
use crate::body::Body;
use crate::error::Result;
use crate::exchange::{Exchange, Hop};
use crate::progress::Progress;
use crate::trailers::Trailers;
use crate::url::Url;

/// All of a response but its body, which in a browser may hold values that are of one thread.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) status: StatusCode,
    reason: Option<Box<str>>,
    version: Version,
    pub(crate) headers: HeaderMap,
    trailers: Option<Trailers>,
    pub(crate) url: Url,
    pub(crate) redirected: bool,
    exchange: Exchange,
    history: Vec<Hop>,
    progress: Option<Progress>,
    pub(crate) body_limit: u64,
    attempts: Vec<Attempt>,
}

impl Parts {
    /// # Errors
    /// Of kind [`Status`](crate::ErrorKind::Status), if the status is 400 or above.
    pub(crate) fn error_for_status(&self) -> Result<()> {
        super::check_status(self.status, self.reason.as_deref(), &self.url)
    }
}

impl Response {
    pub(crate) fn into_parts(self) -> (Parts, Body) {
        let Self { status, reason, version, headers, trailers, url, redirected, exchange, .. } = self;
        let Self { history, progress, body_limit, attempts, body, .. } = self;
        let parts = Parts {
            status,
            reason,
            version,
            headers,
            trailers,
            url,
            redirected,
            exchange,
            history,
            progress,
            body_limit,
            attempts,
        };
        (parts, body)
    }

    pub(crate) fn from_parts(parts: Parts, body: Body) -> Self {
        let Parts { status, reason, version, headers, trailers, url, redirected, exchange, .. } = parts;
        let Parts { history, progress, body_limit, attempts, .. } = parts;
        Self {
            status,
            reason,
            version,
            headers,
            trailers,
            url,
            redirected,
            exchange,
            history,
            progress,
            body_limit,
            body,
            attempts,
        }
    }
}
