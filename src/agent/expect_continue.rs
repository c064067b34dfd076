//! Repeats a request without `Expect: 100-continue` after a 417 response (RFC 9110, section 10.1.1).

use http::StatusCode;

use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::Response;

/// Removes the expectation from `request` if the server does not understand it. Returns whether the request is to be
/// sent again.
///
/// `replay` is the request's body from its beginning; it is taken only if the request is sent again. A request whose
/// body cannot be sent again is not repeated: the 417 is then its response.
pub(super) fn remove(request: &mut Request, response: &Response, replay: &mut Option<Body>) -> bool {
    let expects_continue = request.options().expect_continue == Some(true);
    if response.status() != StatusCode::EXPECTATION_FAILED || !expects_continue {
        return false;
    }
    let Some(body) = replay.take_if(|body| !body.is_none()) else { return false };
    *request.body_mut() = body;
    request.options_mut().expect_continue = Some(false);
    true
}
