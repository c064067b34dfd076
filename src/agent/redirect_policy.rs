//! The settings of following redirects.

use std::fmt;
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::message::extensions::Extension;
use crate::message::url::Url;

/// How many redirects are followed unless set otherwise; the Fetch standard's number.
const LIMIT: usize = 20;

/// How an agent follows redirects, where it is to [follow](crate::Redirect::Follow) them: a [`Extension`] of a request or of
/// a client.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::agent::{RedirectAction, RedirectPolicy};
///
/// let within = RedirectPolicy::new().limit(5).decide(|step| {
///     if step.to.origin() == step.from.origin() { RedirectAction::Follow } else { RedirectAction::Stop }
/// });
/// let client = Client::builder().extension(within).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// A browser follows 20 redirects by itself and asks nobody: there a request with this setting fails with
/// [`Unsupported`](crate::ErrorKind::Unsupported).
#[derive(Clone)]
#[must_use = "it does nothing until a request or a client has it"]
pub struct RedirectPolicy {
    pub(super) limit: usize,
    pub(super) downgrade: bool,
    decide: Option<Decide>,
}

type Decide = Arc<dyn Fn(&RedirectAttempt<'_>) -> RedirectAction + Send + Sync>;

/// A redirect about to be followed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RedirectAttempt<'a> {
    /// The method of the request that was redirected.
    pub method: &'a Method,
    /// The status of the redirect.
    pub status: StatusCode,
    /// Where the redirect came from.
    pub from: &'a Url,
    /// Where it leads.
    pub to: &'a Url,
    /// How many redirects have been followed before.
    pub followed: usize,
}

/// What becomes of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RedirectAction {
    /// Go where it leads.
    Follow,
    /// Return the redirect as the response that it is.
    Stop,
    /// Fail with [`Redirect`](crate::ErrorKind::Redirect).
    Refuse,
}

impl RedirectPolicy {
    /// The default: 20 redirects, never from `https` to `http`.
    pub fn new() -> Self {
        Self { limit: LIMIT, downgrade: false, decide: None }
    }

    /// Sets how many redirects are followed; one more fails with [`Redirect`](crate::ErrorKind::Redirect). Default: 20.
    pub fn limit(mut self, redirects: usize) -> Self {
        self.limit = redirects;
        self
    }

    /// Sets whether a redirect from `https` to `http` is followed rather than refused. Default: no.
    pub fn allow_downgrade(mut self, allow: bool) -> Self {
        self.downgrade = allow;
        self
    }

    /// Sets who decides about each redirect that the other settings let through. Default: all are followed.
    pub fn decide(mut self, decide: impl Fn(&RedirectAttempt<'_>) -> RedirectAction + Send + Sync + 'static) -> Self {
        self.decide = Some(Arc::new(decide));
        self
    }

    pub(super) fn choice(&self, step: &RedirectAttempt<'_>) -> RedirectAction {
        self.decide.as_ref().map_or(RedirectAction::Follow, |decide| decide(step))
    }
}

impl Extension for RedirectPolicy {
    const NAME: &'static str = "redirects";
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
            .field("allow_downgrade", &self.downgrade)
            .finish_non_exhaustive()
    }
}
