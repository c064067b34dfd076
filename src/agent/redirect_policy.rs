//! How an agent follows redirects.

use std::fmt;
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::message::extensions::Extension;
use crate::message::url::Url;

/// Default maximum number of redirects for a request, as in the Fetch standard.
const MAX_REDIRECTS: usize = 20;

/// How an agent follows redirects, for requests that [follow](crate::Redirect::Follow) them. It is an [`Extension`] of
/// a request or a client.
///
/// # Examples
///
/// Follow redirects within an origin, and return other redirects as responses:
///
/// ```
/// use waterspout::agent::{RedirectAction, RedirectPolicy};
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let policy = RedirectPolicy::new().limit(5).decide(|attempt| {
///     if attempt.to.origin() == attempt.from.origin() { RedirectAction::Follow } else { RedirectAction::Stop }
/// });
/// let answer = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
/// let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
/// let agent = Agent::new(connector, ManualTimer::new());
/// let client = Client::builder().backend(agent).extension(policy).build()?;
/// let response = futures::executor::block_on(async { client.get("http://example.com/").await })?;
/// assert_eq!(response.status(), 302);
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser follows up to 20 redirects without a callback: a request with this extension fails there with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone)]
#[must_use = "it does nothing until a request or a client has it"]
pub struct RedirectPolicy {
    pub(super) limit: usize,
    pub(super) allow_downgrade: bool,
    decide: Option<Decide>,
}

type Decide = Arc<dyn Fn(&RedirectAttempt<'_>) -> RedirectAction + Send + Sync>;

/// A redirect that is about to be followed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RedirectAttempt<'a> {
    /// The method of the request that was redirected.
    pub method: &'a Method,
    /// The status of the redirect.
    pub status: StatusCode,
    /// The URL that answered with the redirect.
    pub from: &'a Url,
    /// The target of the redirect.
    pub to: &'a Url,
    /// How many redirects have been followed before this redirect.
    pub followed: usize,
}

/// What the agent does with a redirect.
///
/// # Examples
///
/// ```
/// use waterspout::agent::{RedirectAction, RedirectPolicy};
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client, ErrorKind};
///
/// let answer = "HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n";
/// let agent = Agent::new(
///     ScriptedConnector::new([Script::new().expect_head().send(answer)]),
///     ManualTimer::new(),
/// );
/// let policy = RedirectPolicy::new().decide(|_| RedirectAction::Refuse);
/// let client = Client::builder().backend(agent).extension(policy).build()?;
/// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Redirect);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectAction {
    /// Follow the redirect.
    Follow,
    /// Return the redirect as the response.
    Stop,
    /// Fail with [`Redirect`](crate::ErrorKind::Redirect).
    Refuse,
}

impl RedirectPolicy {
    /// Creates the default policy: at most 20 redirects, and none from `https` to `http`.
    pub fn new() -> Self {
        Self { limit: MAX_REDIRECTS, allow_downgrade: false, decide: None }
    }

    /// Sets the maximum number of redirects for a request. A further redirect fails with
    /// [`Redirect`](crate::ErrorKind::Redirect). Default: 20.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::agent::RedirectPolicy;
    /// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
    /// use waterspout::{Agent, Client, ErrorKind};
    ///
    /// # let answer = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
    /// # let script = Script::new().expect_head().send(answer).expect_head().send(answer);
    /// # let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
    /// // A server that redirects forever.
    /// let client = Client::builder().backend(agent).extension(RedirectPolicy::new().limit(1)).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://example.com/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Redirect);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn limit(mut self, redirects: usize) -> Self {
        self.limit = redirects;
        self
    }

    /// Sets whether redirects from `https` to `http` are followed. Otherwise they fail with
    /// [`Redirect`](crate::ErrorKind::Redirect). Default: `false`.
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.allow_downgrade = allow;
        self
    }

    /// Sets a callback that decides about each redirect that the other settings allow. It should not block. Default:
    /// all redirects are followed.
    pub fn decide(mut self, decide: impl Fn(&RedirectAttempt<'_>) -> RedirectAction + Send + Sync + 'static) -> Self {
        self.decide = Some(Arc::new(decide));
        self
    }

    /// Returns what the callback decides, or [`RedirectAction::Follow`] without a callback.
    pub(super) fn action(&self, attempt: &RedirectAttempt<'_>) -> RedirectAction {
        match &self.decide {
            Some(decide) => decide(attempt),
            None => RedirectAction::Follow,
        }
    }
}

impl Extension for RedirectPolicy {
    const NAME: &'static str = "redirect_policy";
    const BACKEND: &'static str = "agent";
}

impl Default for RedirectPolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for RedirectPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectPolicy")
            .field("limit", &self.limit)
            .field("allow_downgrade", &self.allow_downgrade)
            .finish_non_exhaustive()
    }
}
