//! The seam for credentials that depend on what a server asks.

use std::fmt;

use http::{HeaderMap, HeaderValue};

use crate::error::Result;
use crate::message::request::Request;

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
