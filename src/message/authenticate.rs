//! The interface for credentials that depend on a server's challenge.

use std::fmt;

use http::{HeaderMap, HeaderValue};

use crate::error::Result;
use crate::message::request::Request;

/// Answers a server's challenge for credentials.
///
/// The agent calls it before it sends the request to each URL and after each 401. It drops the authenticator as soon as
/// a redirect leaves the origin.
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use waterspout::auth::Authenticate;
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client, Request, Result};
///
/// #[derive(Debug)]
/// struct Token;
///
/// impl Authenticate for Token {
///     fn answer(&self, _: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>> {
///         let asked = headers.get("www-authenticate").is_some_and(|scheme| scheme == "Token");
///         Ok((asked && answers == 0).then(|| HeaderValue::from_static("Token 42")))
///     }
/// }
///
/// let challenge = "HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Token\r\ncontent-length: 0\r\n\r\n";
/// let page = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// let script = Script::new().expect_head().send(challenge).expect_head().send(page);
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// # futures::executor::block_on(async {
/// let client = Client::builder().backend(agent).build()?;
/// assert_eq!(client.get("http://example.com/").authenticator(Token).await?.status(), 200);
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
// A trait, so that the agent knows no scheme by name.
pub trait Authenticate: fmt::Debug + Send + Sync + 'static {
    /// Returns the `authorization` of a request that has not been challenged, if an earlier challenge suffices to
    /// compute it. Default: `None`.
    fn prepare(&self, request: &Request) -> Option<HeaderValue> {
        let _ = request;
        None
    }

    /// Returns the `authorization` that answers a 401 with these headers, or `None` to leave the 401 to the caller.
    ///
    /// `answers` is the number of answers already sent for this URL. After 3 answers the agent does not call this
    /// method.
    ///
    /// # Errors
    /// Fails if there is a challenge to answer and no answer can be computed. The error becomes the request's error.
    fn answer(&self, request: &Request, headers: &HeaderMap, answers: usize) -> Result<Option<HeaderValue>>;
}
