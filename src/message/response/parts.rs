//! What a response is made of, with its body or another one: what is `Send` everywhere but for the body.

use http::{StatusCode, Version};

use super::fields::Fields;
use super::{Response, check_status};
use crate::error::{Attempt, Result};
use crate::message::body::Body;
use crate::message::connection_info::{ConnectionInfo, RedirectEntry};
use crate::message::progress::Progress;
use crate::message::trailers::Trailers;
use crate::message::url::Url;

#[derive(Debug)]
pub(crate) struct Parts<B = Body> {
    pub(crate) status: StatusCode,
    pub(super) reason: Option<Box<str>>,
    pub(super) version: Version,
    pub(crate) headers: Fields,
    pub(super) trailers: Option<Trailers>,
    pub(crate) url: Url,
    pub(crate) redirected: bool,
    pub(super) connection_info: ConnectionInfo,
    pub(super) history: Vec<RedirectEntry>,
    pub(super) progress: Option<Progress>,
    pub(crate) body_limit: u64,
    pub(crate) body: B,
    pub(super) attempts: Vec<Attempt>,
}

impl<B> Parts<B> {
    /// The same with another body, and the one it had.
    pub(crate) fn swap_body<N>(self, body: N) -> (Parts<N>, B) {
        let swapped = Parts {
            status: self.status,
            reason: self.reason,
            version: self.version,
            headers: self.headers,
            trailers: self.trailers,
            url: self.url,
            redirected: self.redirected,
            connection_info: self.connection_info,
            history: self.history,
            progress: self.progress,
            body_limit: self.body_limit,
            body,
            attempts: self.attempts,
        };
        (swapped, self.body)
    }

    /// # Errors
    /// Of kind [`Status`](crate::ErrorKind::Status), if the status is 400 or above.
    pub(crate) fn error_for_status(&self) -> Result<()> {
        check_status(self.status, self.reason.as_deref(), &self.url)
    }
}

impl Response {
    pub(crate) fn into_parts(self) -> Parts {
        *self.0
    }

    pub(crate) fn from_parts(parts: Parts) -> Self {
        Self(Box::new(parts))
    }
}
