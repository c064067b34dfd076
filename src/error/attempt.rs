//! What became of one attempt at a request.

use std::time::Duration;

use http::StatusCode;

use crate::error::ErrorKind;

/// One attempt of a request that is [retried](crate::Retry): what came of it, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// The status of its response, if it had one.
    pub status: Option<StatusCode>,
    /// The kind of its error, if it had none.
    pub error: Option<ErrorKind>,
    /// The time from its start, when it had its slot, to the response's head or the error.
    pub elapsed: Duration,
    /// The time then waited before the next attempt, not counting the wait for a slot; zero after the last.
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

/// Whether another attempt may succeed after this status.
pub(crate) fn is_transient(status: StatusCode) -> bool {
    TRANSIENT_STATUSES.contains(&status)
}
