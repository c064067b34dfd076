//! Credentials: Basic and Bearer, which a request sends at once, and the trait for schemes that answer a challenge.
//!
//! [`RequestBuilder::basic_auth`] and [`RequestBuilder::bearer_auth`] set a header, on every platform. A scheme with an
//! answer that depends on the server's challenge implements [`Authenticate`]. Digest does, behind the feature `digest`.
//!
//! # Examples
//!
//! ```
//! use waterspout::Request;
//!
//! let request = Request::get("https://example.com/").basic_auth("Aladdin", "open sesame").build()?;
//! assert_eq!(request.headers()["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
//! # Ok::<(), waterspout::Error>(())
//! ```

mod basic;
#[cfg(feature = "digest")]
mod challenges;
#[cfg(feature = "digest")]
pub mod digest;

use std::sync::Arc;

pub(crate) use self::basic::{basic, decode_userinfo, take_from_url};
pub use crate::message::authenticate::Authenticate;
use crate::message::request::RequestBuilder;

impl<C> RequestBuilder<C> {
    /// Sets the authenticator that answers the server's challenges. Its answer replaces an `authorization` header.
    ///
    /// # Errors
    /// On sending: [`BodyNotReplayable`](crate::ErrorKind::BodyNotReplayable) if there is an answer to send and the
    /// body can be read only once.
    ///
    /// # Platform
    /// Natively only. A browser handles challenges itself, so there sending fails with
    /// [`Unsupported`](crate::ErrorKind::Unsupported), for any authenticator.
    pub fn authenticator(self, authenticator: impl Authenticate) -> Self {
        self.edit(|request| {
            request.set_authenticator(Some(Arc::new(authenticator)));
            Ok(())
        })
    }
}
