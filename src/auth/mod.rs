//! Credentials: Basic and Bearer, which a request sends at once, and the seam for schemes that answer a challenge.
//!
//! [`RequestBuilder::basic_auth`] and [`RequestBuilder::bearer_auth`] set a header, on every platform alike. A scheme
//! whose answer depends on what the server asks is an [`Authenticate`]; Digest is one, behind the feature `digest`.

mod basic;
#[cfg(feature = "digest")]
pub mod digest;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

pub(crate) use self::basic::{basic, decoded, take_from_url};
use crate::error::Result;
use crate::request::{Request, RequestBuilder};

/// Answers a server that asks for credentials.
///
/// The agent asks it before each hop and after each 401, and forgets it as soon as a redirect leaves the origin.
pub trait Authenticate: fmt::Debug + Send + Sync + 'static {
    /// The `authorization` to send with a request that has not been challenged, if an earlier challenge told enough.
    fn prepare(&self, request: &Request) -> Option<HeaderValue> {
        let _ = request;
        None
    }

    /// The `authorization` that answers a 401 with these headers, or `None` to leave the 401 to the caller.
    ///
    /// `answers` says how many the same hop has had before; beyond 3 it is not asked.
    ///
    /// # Errors
    /// If there is a challenge to answer and no answer can be made; the error becomes the request's.
    fn answer(&self, request: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>>;
}

impl<C> RequestBuilder<C> {
    /// Sets who answers if the server asks for credentials. It takes the place of an `authorization` header.
    ///
    /// A request whose body is a one-shot stream cannot be sent again with the answer: that is an error of kind
    /// [`BodyNotReplayable`](crate::ErrorKind::BodyNotReplayable).
    ///
    /// # Platform
    /// Natively only: a browser keeps challenges to itself, so there sending is an error of kind
    /// [`Unsupported`](crate::ErrorKind::Unsupported).
    pub fn authenticator(self, authenticator: impl Authenticate) -> Self {
        self.edit(|request| {
            request.set_authenticator(Some(Arc::new(authenticator)));
            Ok(())
        })
    }
}
