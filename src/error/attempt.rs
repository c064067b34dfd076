//! The outcome of an attempt at a request, the attempts before an error, and whether another attempt may succeed.

use std::error::Error as _;
use std::time::Duration;

use http::StatusCode;

use super::{Error, ErrorKind, Timeout};

/// An attempt of a request that is [retried](crate::Retry): its outcome and its duration.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use http::StatusCode;
/// use waterspout::testing::MockBackend;
/// use waterspout::{Client, Response, Retry};
///
/// # futures::executor::block_on(async {
/// let backend = MockBackend::with_context(|request, context| {
///     let status = if context.attempts().is_empty() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
///     Box::pin(async move { Response::builder(status, request.url()).body("") })
/// });
/// let retry = Retry::default().base_delay(Duration::from_millis(1));
/// let client = Client::builder().backend(backend).retry(retry).build()?;
/// let response = client.get("http://example.com/").await?;
///
/// let statuses: Vec<_> = response.attempts().iter().filter_map(|attempt| attempt.status).collect();
/// assert_eq!(statuses, [StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK]);
/// assert!(response.attempts().iter().all(|attempt| attempt.error.is_none()));
/// # Ok::<(), waterspout::Error>(())
/// # })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The status of the response, if the attempt got a response.
    pub status: Option<StatusCode>,
    /// The kind of the error, if the attempt failed.
    pub error: Option<ErrorKind>,
    /// The time from the start of the attempt, once it had its slot, to the response's head or the error.
    pub elapsed: Duration,
    /// The wait between this attempt and the next, without the wait for a slot. Zero after the last attempt.
    pub delay: Duration,
}

impl Attempt {
    pub(crate) fn new(outcome: Result<StatusCode, ErrorKind>, elapsed: Duration) -> Self {
        Self { status: outcome.ok(), error: outcome.err(), elapsed, delay: Duration::ZERO }
    }
}

/// Statuses for which another attempt may succeed (RFC 9110, sections 15.5.9 and 15.6; RFC 8470; RFC 6585).
pub(crate) const TRANSIENT_STATUSES: [StatusCode; 7] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_EARLY,
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

/// Returns whether another attempt may succeed after this status.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    TRANSIENT_STATUSES.contains(&status)
}

impl Error {
    /// Returns the same error with the attempts that led to it.
    pub(crate) fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Returns the attempts made, the last included. Empty if the request had no [`Retry`](crate::Retry).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::testing::MockBackend;
    /// use waterspout::{Client, Error, ErrorKind, Phase, Retry};
    ///
    /// # futures::executor::block_on(async {
    /// let refused = || Error::new(ErrorKind::Connect, Phase::Connect, "refused");
    /// let backend = MockBackend::new(move |_| Box::pin(async move { Err(refused()) }));
    /// let retry = Retry::new().attempts(2).base_delay(Duration::from_millis(1));
    /// let client = Client::builder().backend(backend).retry(retry).build()?;
    /// let error = client.get("http://example.com/").await.unwrap_err();
    /// assert_eq!(error.attempts().len(), 2);
    /// assert_eq!(error.attempts()[0].error, Some(ErrorKind::Connect));
    /// # Ok::<(), waterspout::Error>(())
    /// # })?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Returns whether another attempt at the same request may succeed.
    ///
    /// This is so if
    /// - no connection could be made or it broke, the connection to a proxy included;
    /// - a time limit of the attempt passed (`connect`, `head`, `attempt`, `idle`, `download_rate`);
    /// - [`error_for_status`](crate::Response::error_for_status) found 408, 425, 429, 500, 502, 503 or 504.
    ///
    /// It does not say whether the request may be repeated: the server may have carried out a `POST`.
    ///
    /// # Platform
    /// A browser reports all failures alike. There this is also `true` for permanent failures, such as of CORS.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Error, ErrorKind, Phase};
    ///
    /// assert!(Error::new(ErrorKind::Connect, Phase::Connect, "refused").is_retryable());
    /// assert!(!Error::new(ErrorKind::Tls, Phase::Connect, "the certificate has expired").is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network};
        let passing = self.status().is_some_and(is_transient);
        let broken = matches!(self.kind(), Dns | Connect | ConnectionClosed | Io | Network);
        passing || self.is_attempt_timeout() || broken || self.is_lost_proxy()
    }

    /// Returns whether the connection to a proxy could not be made or broke. A refusal by the proxy does not count.
    fn is_lost_proxy(&self) -> bool {
        // A lost connection has an I/O error or a retryable error as its cause. A refusal has neither.
        let Some(cause) = self.source().filter(|_| self.kind() == ErrorKind::Proxy) else { return false };
        match cause.downcast_ref() {
            // An alert is a refusal.
            Some(cause) => ErrorKind::of_connection(cause) != ErrorKind::Tls,
            None => cause.downcast_ref().is_some_and(Self::is_retryable),
        }
    }

    /// Returns whether the limit that passed is a limit that each attempt starts again.
    pub(crate) fn is_attempt_timeout(&self) -> bool {
        self.timeout().is_some_and(Timeout::restarts_with_attempt)
    }
}
