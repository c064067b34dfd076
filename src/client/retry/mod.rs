//! Decides whether and when a request is tried again, without a clock, a socket or a task.

mod budget;
mod wait;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};

pub(crate) use self::budget::RetryBucket;
pub use self::budget::RetryBudget;
use crate::client::Builder;
use crate::client::policies::MAKE_POLICIES;
use crate::error::{Error, Phase, TRANSIENT_STATUSES};
use crate::message::request::{Request, RequestBuilder, RequestOptions, RetryContext, RetryPolicy};
use crate::message::response::Response;
use crate::platform;

/// The default maximum number of attempts, the first included.
const DEFAULT_ATTEMPTS: u32 = 3;

/// The default maximum wait before the second attempt; it doubles with each attempt.
const DEFAULT_BASE: Duration = Duration::from_millis(200);

/// The default maximum wait before any attempt.
const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(30);

/// Says when to try a request again; an option of a client or of a request. By default nothing is tried again.
///
/// An attempt is everything up to the response's head. Redirects belong to it. A body that breaks off later is not
/// retried: the reader gets the error, because it has already had the beginning. Before another attempt three questions
/// are asked:
///
/// - *Could it help?* The status is 408, 425, 429, 500, 502, 503 or 504, or the error [is
///   retryable](crate::Error::is_retryable): no connection, a broken connection, or a time limit of the attempt.
/// - *May it be repeated?* The method is idempotent (RFC 9110, section 9.2.2), or no byte of the request has left. A
///   body that can be read only once is never sent again.
/// - *Is it allowed?* There are attempts left, the client's [budget](RetryBudget) has a token, the circuit breaker is
///   closed, and the wait ends before the request's limits `request` and `total`.
///
/// Otherwise the client returns the last response or error unchanged; its `attempts()` list the attempts before it.
///
/// The wait is a random time up to the base delay. The maximum doubles with each attempt, up to `max_delay`: this full
/// jitter keeps many clients from coming back at once. If the server says how long to wait, that time counts instead,
/// up to the same maximum. It says so with `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3). With a 429
/// it may also send `RateLimit-Reset` or `X-RateLimit-Reset`: seconds, or seconds since 1970 if the number is 10⁹ or
/// more. Points in time are measured against the response's own `Date`, so the clocks need not agree; without a `Date`
/// they are ignored. While a request waits, its slot is free; afterwards it joins the queue again.
///
/// # Platform
/// A browser reports all failures alike, so failures that another attempt cannot change, such as CORS, are tried again
/// too. It hides `Retry-After` and `Date` of other origins unless the server exposes them. It does not say how far a
/// failed upload was, so only idempotent methods are tried again after it.
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
    /// The methods that may be repeated; without a list, the idempotent methods.
    methods: Option<Arc<[Method]>>,
    statuses: Arc<[StatusCode]>,
    predicate: Option<Arc<Predicate>>,
}

type Predicate = dyn Fn(&RetryContext<'_>) -> bool + Send + Sync;

impl Default for Retry {
    fn default() -> Self {
        Self::new()
    }
}

impl Retry {
    /// Makes a policy of three attempts for idempotent methods, with waits of up to 200 ms, then up to 400 ms.
    ///
    /// A server that asks for a longer wait gets it, up to 30 s.
    pub fn new() -> Self {
        Self {
            attempts: DEFAULT_ATTEMPTS,
            base: DEFAULT_BASE,
            max_delay: DEFAULT_MAX_DELAY,
            methods: None,
            statuses: TRANSIENT_STATUSES.into(),
            predicate: None,
        }
    }

    /// Makes a policy that tries nothing again, for a request of a client that has a policy.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Retry};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).retry(Retry::new()).build()?;
    /// let response = client.get("http://example.com/").retry(Retry::off()).await?;
    /// // Attempts are listed only for requests that may have several.
    /// assert!(response.attempts().is_empty());
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn off() -> Self {
        Self::new().attempts(1)
    }

    /// Sets the maximum number of attempts, the first included. Default: 3. Zero and 1 mean no retry.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Error, ErrorKind, Phase, Request, Retry};
    /// # use waterspout::{BoxFuture, Response};
    ///
    /// # futures::executor::block_on(async {
    /// let backend = MockBackend::new(|_: Request| {
    ///     Box::pin(async { Err(Error::new(ErrorKind::Connect, Phase::Connect, "connection refused")) })
    /// });
    /// let client = Client::builder().backend(backend).build()?;
    /// let retry = Retry::new().attempts(5).base_delay(std::time::Duration::ZERO);
    /// let error = client.get("http://example.com/").retry(retry).await.unwrap_err();
    /// assert_eq!(error.attempts().len(), 5);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// Sets the maximum wait before the second attempt; it doubles with each attempt. Default: 200 ms. Zero means no
    /// wait.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Retry;
    ///
    /// // Up to 1 s before the second attempt, up to 2 s before the third, up to 4 s before the fourth.
    /// let retry = Retry::new().attempts(4).base_delay(Duration::from_secs(1));
    /// # let _ = retry;
    /// ```
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base = delay;
        self
    }

    /// Sets the maximum wait before any attempt, whether it is random or the server asks for it. Default: 30 s.
    ///
    /// If the server asks for more, the request is tried again after this time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Retry;
    ///
    /// let retry = Retry::new().max_delay(Duration::from_secs(5));
    /// # let _ = retry;
    /// ```
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the methods that may be repeated, instead of the idempotent methods.
    ///
    /// If `POST` is among them, the server may see the same request more than once. A key in the request by which the
    /// server recognises a repetition helps.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Retry;
    /// use waterspout::http::Method;
    ///
    /// let retry = Retry::new().methods([Method::GET, Method::POST]);
    /// # let _ = retry;
    /// ```
    pub fn methods(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.methods = Some(methods.into_iter().collect());
        self
    }

    /// Sets the statuses that are tried again, instead of 408, 425, 429, 500, 502, 503 and 504.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Retry;
    /// use waterspout::http::StatusCode;
    ///
    /// let retry = Retry::new().statuses([StatusCode::SERVICE_UNAVAILABLE]);
    /// # let _ = retry;
    /// ```
    pub fn statuses(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// Sets a function that decides whether an attempt's outcome calls for another attempt and whether the request may
    /// be repeated.
    ///
    /// The number of attempts, the budget, the circuit breaker and the time limits still apply. A body that can be read
    /// only once is still never sent again.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Retry;
    /// use waterspout::http::Method;
    ///
    /// // Repeats what the policy would repeat, except `DELETE`.
    /// let retry = Retry::new().when(|context| context.default && context.method != Method::DELETE);
    /// # let _ = retry;
    /// ```
    pub fn when(mut self, predicate: impl Fn(&RetryContext<'_>) -> bool + Send + Sync + 'static) -> Self {
        self.predicate = Some(Arc::new(predicate));
        self
    }

    /// Returns the wait before another attempt, or `None` for no other attempt; `random` is any number.
    fn decide(&self, context: &RetryContext<'_>, random: u64) -> Option<Duration> {
        if !self.allows(context.attempt) || !self.wants_retry(context) {
            return None;
        }
        let asked = context.outcome.ok().and_then(wait::asked_by_server);
        // A server may ask for hours: a wait beyond the maximum is cut to the maximum, not refused.
        Some(match asked {
            Some(asked) => asked.min(self.max_delay),
            None => wait::backoff(self.base, self.max_delay, context.attempt, random),
        })
    }

    fn wants_retry(&self, context: &RetryContext<'_>) -> bool {
        let default = self.could_help(context.outcome) && self.may_repeat(context);
        match &self.predicate {
            Some(predicate) => predicate(&RetryContext { default, ..*context }),
            None => default,
        }
    }

    fn could_help(&self, outcome: Result<&Response, &Error>) -> bool {
        match outcome {
            Ok(response) => self.statuses.contains(&response.status()),
            Err(error) => error.is_retryable(),
        }
    }

    // Apart from `could_help`: an outcome that calls for another attempt does not make a `POST` safe to repeat.
    fn may_repeat(&self, context: &RetryContext<'_>) -> bool {
        let is_repeatable = match &self.methods {
            Some(methods) => methods.contains(context.method),
            None => context.method.is_idempotent(),
        };
        // A redirect may have led to a server that refuses connections after bytes had left for the first server.
        let has_failed_to_connect = context.outcome.is_err_and(|error| error.phase() == Phase::Connect);
        is_repeatable || (has_failed_to_connect && context.sent == 0)
    }
}

impl RetryPolicy for Retry {
    fn allows(&self, attempts: u32) -> bool {
        attempts < self.attempts
    }

    fn copy(&self, request: &Request, attempts: u32) -> Option<Request> {
        if self.allows(attempts) { request.try_clone() } else { None }
    }

    fn make_policies(&self) -> &dyn Any {
        &MAKE_POLICIES
    }

    fn delay(&self, context: &RetryContext<'_>) -> Option<Duration> {
        self.decide(context, platform::random())
    }
}

impl Builder {
    /// Sets when to try again; default: never.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, Retry};
    ///
    /// let client = Client::builder().retry(Retry::new()).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn retry(self, retry: Retry) -> Self {
        self.with_options(|options| options.set_retry(retry))
    }
}

impl<C> RequestBuilder<C> {
    /// Sets when to try again, instead of what the client does.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Retry};
    ///
    /// # futures::executor::block_on(async {
    /// let client = Client::builder().backend(MockBackend::text("hello")).build()?;
    /// let response = client.get("http://example.com/").retry(Retry::new()).await?;
    /// assert_eq!(response.attempts().len(), 1);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn retry(self, retry: Retry) -> Self {
        self.with_options(|options| options.set_retry(retry))
    }
}

impl RequestOptions {
    /// Sets when to try again; `None` leaves it to the client. Client default: never.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Request, RequestOptions, Retry};
    ///
    /// let mut options = RequestOptions::default();
    /// options.set_retry(Retry::new().attempts(2));
    /// let request = Request::get("http://example.com/").options(options).build()?;
    /// # let _ = request;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn set_retry(&mut self, retry: impl Into<Option<Retry>>) {
        // The only place that turns a `Retry` into a trait object; see `RetryPolicy` for the reason.
        self.retry = retry.into().map(|retry| Arc::new(retry) as _);
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
