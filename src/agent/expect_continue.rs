//! Repeats a request without `Expect: 100-continue` after a 417 response (RFC 9110, section 10.1.1).

use http::StatusCode;

use crate::message::request::Request;
use crate::message::response::Response;

/// Removes the expectation from `request` if the server does not understand it. Returns whether the request is to be
/// sent again.
///
/// A request whose body cannot be sent again is not repeated: the 417 is then its response.
pub(super) fn remove(request: &mut Request, response: &Response) -> bool {
    let expects_continue = request.options().expect_continue == Some(true);
    if response.status() != StatusCode::EXPECTATION_FAILED || !expects_continue {
        return false;
    }
    // A request without a body was sent without the expectation, so its 417 means something else.
    if request.body().is_none() || !request.body().is_replayable() {
        return false;
    }
    // A second 417 is therefore the response, and the request is repeated only once.
    request.options_mut().expect_continue = Some(false);
    true
}
