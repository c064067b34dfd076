//! A 417, and the same request once more without asking first (RFC 9110, section 10.1.1).

use http::StatusCode;

use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::Response;

/// Makes `request` one that does not ask, if the server does not know what it was asked; `replay` is its body from the
/// beginning, and is left if it is not. A body that cannot be had again leaves the 417 as it is.
pub(super) fn withdraw(request: &mut Request, response: &Response, replay: &mut Option<Body>) -> bool {
    let asked = request.options().expect_continue == Some(true);
    if response.status() != StatusCode::EXPECTATION_FAILED || !asked {
        return false;
    }
    let Some(body) = replay.take_if(|body| !body.is_none()) else { return false };
    *request.body_mut() = body;
    request.options_mut().expect_continue = Some(false);
    true
}
