//! The outcome of an attempt at a request.

use std::time::Duration;

use http::StatusCode;

use crate::error::ErrorKind;

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
