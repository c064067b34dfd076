//! What the loop around a request asks of a retry policy, and what the policy is shown.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use http::Method;

use super::Request;
use crate::error::Error;
use crate::message::response::Response;
use crate::message::url::Url;

/// An attempt that has ended, as a retry policy sees it; see [`Retry::when`](crate::Retry::when).
///
/// # Examples
///
/// ```
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Retry, RetryContext};
///
/// # futures::executor::block_on(async {
/// // Retries every status of 300 or above once.
/// let retry = Retry::new().when(|context: &RetryContext<'_>| {
///     let has_failed = context.outcome.is_ok_and(|response| response.status().as_u16() >= 300);
///     context.default || (has_failed && context.attempt == 1)
/// });
/// let client = Client::builder().backend(MockBackend::text("hello")).retry(retry).build()?;
/// let response = client.get("http://example.com/").await?;
/// // The first attempt succeeded.
/// assert_eq!(response.attempts().len(), 1);
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryContext<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's URL.
    pub url: &'a Url,
    /// The response or the error of the attempt.
    pub outcome: Result<&'a Response, &'a Error>,
    /// The number of the attempt; the first is 1.
    pub attempt: u32,
    /// How many bytes of the request had left in this attempt.
    pub sent: u64,
    /// Whether the policy would try again.
    pub default: bool,
}

/// Decides about the attempts after the first.
///
/// It is a trait object that only the setters of [`Retry`](crate::Retry) make: a browser program without retries
/// links neither the decision nor the copying of requests. Together with the circuit breaker, the middleware, the
/// observer, the priority handle, and the headers and bodies of requests, which stand behind setters in the same way, that
/// saves 35 KB of the module before compression.
/// It also keeps `message` free of imports from `client`.
pub(crate) trait RetryPolicy: fmt::Debug + Send + Sync {
    /// Whether another attempt may follow after `attempts` attempts.
    fn allows(&self, attempts: u32) -> bool;

    /// Returns a copy of `request` for another attempt after `attempts` attempts.
    ///
    /// It is `None` if the policy allows no other attempt or the body can be read only once.
    fn copy(&self, request: &Request, attempts: u32) -> Option<Request>;

    /// Returns what makes the client's part of the retries, of a type that this module does not know.
    fn make_policies(&self) -> &dyn Any;

    /// Returns how long to wait before another attempt, or `None` if the policy wants none.
    fn delay(&self, context: &RetryContext<'_>) -> Option<Duration>;
}
