//! A span of `tracing` for each attempt. Behind the feature `tracing`.

use tracing::{Instrument, field, info_span};

use super::{Middleware, Next};
use crate::message::request::Request;
use crate::message::response::Response;
use crate::runtime::BoxFuture;

/// A [`Middleware`] that puts each attempt into a span of `tracing`, within the caller's current span.
///
/// The span has the name `request`, the level *info*, and the fields `method`, `url`, `attempt` (the first is 1), and
/// later `status` and `version`, such as `HTTP/1.1`, or `error`, which names its causes. It ends with the response's
/// head. The URL is without user name, password, values of the query, and fragment.
///
/// # Platform
/// A browser does not show the version: there it is always `HTTP/1.1`.
///
/// # Examples
///
/// ```
/// use waterspout::{Client, Spans};
///
/// let client = Client::builder().middleware(Spans::new()).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a middleware does nothing until it is given to a client"]
pub struct Spans(());

impl Spans {
    /// Creates the middleware.
    pub const fn new() -> Self {
        Self(())
    }
}

impl Middleware for Spans {
    fn handle<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, crate::error::Result<Response>> {
        let span = info_span!(
            "request",
            method = %request.method(),
            url = request.url().redacted(),
            attempt = next.attempts().len() + 1,
            status = field::Empty,
            version = field::Empty,
            error = field::Empty,
        );
        let within = span.clone();
        let sent = async move {
            let outcome = next.run(request).await;
            match &outcome {
                Ok(response) => {
                    span.record("status", response.status().as_u16());
                    span.record("version", field::debug(response.version()));
                }
                Err(error) => {
                    span.record("error", field::display(error.report()));
                }
            }
            outcome
        };
        Box::pin(sent.instrument(within))
    }
}
