//! The event of `tracing` for a redirect that the agent follows. Behind the feature `tracing`.

use http::StatusCode;
use tracing::debug;

use crate::message::url::Url;

/// Records that the agent follows a redirect with this status to `url`, within the current span.
pub(super) fn record(status: StatusCode, url: &Url) {
    debug!(http.response.status_code = status.as_u16(), url.full = url.redacted(), "redirected");
}
