//! Whether a request is tried again, and when: decisions without a clock, a socket or a task.

mod budget;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

pub(crate) use self::budget::Bucket;
pub use self::budget::RetryBudget;
use crate::error::{Error, Phase, TRANSIENT_STATUSES};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::message::url::Url;
use crate::platform;

/// How many attempts a policy makes at most, unless set otherwise.
const DEFAULT_ATTEMPTS: u32 = 3;

/// The longest wait before the second attempt, unless set otherwise; it doubles with each attempt.
const DEFAULT_BASE: Duration = Duration::from_millis(200);

/// The longest wait before any attempt, unless set otherwise.
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(30);

/// When to try a request again; an option of a client or of a request. Without one, nothing is tried again.
///
/// An attempt is everything up to the response's head: redirects belong to it, and a body that breaks off later is an
/// error of its reader's, who has had the beginning. Three things are asked before another attempt is made:
///
/// - *Could it help?* The status is 408, 425, 429, 500, 502, 503 or 504, or the error [is
///   retryable](crate::Error::is_retryable): no connection, one that broke, or a time limit of the attempt's own.
/// - *May it be repeated?* The method is idempotent (RFC 9110, section 9.2.2), or nothing of the request has left. A
///   body that can be read only once is never tried again.
/// - *May we?* There are attempts left, the client's [budget](RetryBudget) has a token, its circuit breaker is closed,
///   and the wait ends before the request's total limit.
///
/// If not, the response or the error that is there is returned as it is; its `attempts()` say what came before.
///
/// The wait is any time up to the base delay, the second one up to twice that, and so on, up to the cap: full jitter,
/// so that many clients do not come back at once. A server that says how long to wait is obeyed instead, up to the same
/// cap: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), and with a 429 also `RateLimit-Reset` or
/// `X-RateLimit-Reset`, in seconds or, if they are 10⁹ or more, in seconds since 1970. Points in time are measured
/// against the response's own `Date`, so the clocks need not agree; without one they are ignored. While a request
/// waits, its slot is free; after it, it joins the queue again.
///
/// # Platform
/// A browser says of all failures the same, so that errors which another attempt cannot change, CORS say, are tried
/// again too. It hides `Retry-After` and `Date` of other origins unless the server exposes them, and reports an upload
/// that failed without saying how far it was: there only idempotent methods are tried again.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{Client, Retry};
///
/// let client = Client::builder().retry(Retry::new().attempts(4).base_delay(Duration::from_millis(100))).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a policy does nothing until it is given to a client or a request"]
pub struct Retry {
    attempts: u32,
    base: Duration,
    max_delay: Duration,
    methods: Option<Arc<[Method]>>,
    statuses: Arc<[StatusCode]>,
    predicate: Option<Arc<Predicate>>,
    copy: Copy,
    delay: Delay,
}

/// How a policy is carried out. [`Retry::new`] alone names what these point to, so that a program without a policy does
/// not link it.
type Copy = fn(&Retry, &Request, u32) -> (Option<Request>, Request);
type Delay = fn(&Retry, &Ended<'_>) -> Option<Duration>;

type Predicate = dyn Fn(&RetryContext<'_>) -> bool + Send + Sync;

/// An attempt that has ended, for [`Retry::when`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryContext<'a> {
    /// The request's method.
    pub method: &'a Method,
    /// The request's URL.
    pub url: &'a Url,
    /// What came of the attempt.
    pub outcome: Result<&'a Response, &'a Error>,
    /// Which attempt it was; the first is 1.
    pub attempt: u32,
    /// Whether the policy would try again.
    pub default: bool,
}

/// What the policy looks at.
pub(crate) struct Ended<'a> {
    pub(crate) request: &'a Request,
    pub(crate) outcome: Result<&'a Response, &'a Error>,
    /// Which attempt it was; the first is 1.
    pub(crate) attempt: u32,
    /// How many bytes of the request had left.
    pub(crate) sent: u64,
}

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Retry {
    /// Three attempts, waits of up to 200 ms, then 400 ms, 30 s at most, for idempotent methods.
    pub fn new() -> Self {
        Self {
            attempts: DEFAULT_ATTEMPTS,
            base: DEFAULT_BASE,
            max_delay: DEFAULT_MAX_DELAY,
            methods: None,
            statuses: TRANSIENT_STATUSES.into(),
            predicate: None,
            copy: |retry, request, attempts| {
                let next = retry.allows(attempts).then(|| request.try_clone()).flatten();
                (next, request.clone_head())
            },
            delay: |retry, ended| retry.decide(ended, platform::random()),
        }
    }

    /// Nothing is tried again: for a request of a client that does.
    pub fn off() -> Self {
        Self::new().attempts(1)
    }

    /// Sets how many attempts are made at most, the first included. Default: 3. One, or zero, means no other.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the longest wait before the second attempt; it doubles with each. Default: 200 ms. Zero means no wait.
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base = delay;
        self
    }

    /// Sets the longest wait before any attempt, be it ours or the server's. Default: 30 s.
    ///
    /// A server that asks for more is asked again after this time.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the methods that may be repeated, instead of the idempotent ones.
    ///
    /// With `POST` among them, the server may see it more than once; a key in the request that tells it so helps.
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = Some(methods.into_iter().collect());
        self
    }

    /// Sets the statuses that are tried again, instead of 408, 425, 429, 500, 502, 503 and 504.
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Sets who decides whether an attempt's outcome is worth another and whether the request may be repeated.
    ///
    /// The number of attempts, the budget, the breaker, the limits and a body that can be read only once still count.
    pub fn when(mut self, predicate: impl Fn(&RetryContext<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Whether another attempt may follow that many.
    pub(crate) fn allows(&self, attempts: u32) -> bool {
        attempts < self.attempts
    }

    /// What another attempt after `attempts` sends, if there may be one, and the head of the present one's request.
    pub(crate) fn copies(&self, request: &Request, attempts: u32) -> (Option<Request>, Request) {
        (self.copy)(self, request, attempts)
    }

    /// How long to wait before another attempt, if it is wanted.
    pub(crate) fn delay(&self, ended: &Ended<'_>) -> Option<Duration> {
        (self.delay)(self, ended)
    }

    /// The delay; `random` is any number.
    fn decide(&self, ended: &Ended<'_>, random: u64) -> Option<Duration> {
        if !self.allows(ended.attempt) || !self.wants(ended) {
            return None;
        }
        let asked = ended.outcome.ok().and_then(wait::asked);
        let own = || wait::backoff(self.base, self.max_delay, ended.attempt, random);
        Some(asked.map_or_else(own, |asked| asked.min(self.max_delay)))
    }

    fn wants(&self, ended: &Ended<'_>) -> bool {
        let default = self.could_help(ended.outcome) && self.may_repeat(ended);
        let Some(predicate) = &self.predicate else { return default };
        let (method, url) = (ended.request.method(), ended.request.url());
        predicate(&RetryContext { method, url, outcome: ended.outcome, attempt: ended.attempt, default })
    }

    fn could_help(&self, outcome: Result<&Response, &Error>) -> bool {
        match outcome {
            Ok(response) => self.statuses.contains(&response.status()),
            Err(error) => error.is_retryable(),
        }
    }

    fn may_repeat(&self, ended: &Ended<'_>) -> bool {
        let method = ended.request.method();
        let listed = self.methods.as_ref().map(|methods| methods.contains(method));
        let untouched = ended.outcome.is_err_and(|error| error.phase() == Phase::Connect) && ended.sent == 0;
        listed.unwrap_or_else(|| method.is_idempotent()) || untouched
    }
}

impl fmt::Debug for Retry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("attempts", &self.attempts)
            .field("base_delay", &self.base)
            .field("max_delay", &self.max_delay)
            .field("methods", &self.methods)
            .field("statuses", &self.statuses)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
