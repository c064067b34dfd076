//! Credentials: Basic and Bearer, which a request sends at once, and the seam for schemes that answer a challenge.
//!
//! [`RequestBuilder::basic_auth`] and [`RequestBuilder::bearer_auth`] set a header, on every platform alike. A scheme
//! whose answer depends on what the server asks is an [`Authenticate`]; Digest is one, behind the feature `digest`.

mod basic;
#[cfg(feature = "digest")]
pub mod digest;

use std::sync::Arc;

pub(crate) use self::basic::{basic, decoded, take_from_url};
pub use crate::message::authenticate::Authenticate;
use crate::message::request::RequestBuilder;

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
