//! Answers a 401 response, if the request has an authenticator.

use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::request::Request;
use crate::message::response::Response;

/// Maximum number of answers to the challenges for a URL. Schemes differ in how many they need; none needs more.
const MAX_ANSWERS: usize = 3;

/// Maximum bytes of a response's body that are read and discarded so that its connection can carry the next request.
const MAX_DRAIN: u64 = 64 * 1024;

/// Sets the credentials that the authenticator has without a challenge.
pub(super) fn prepare(request: &mut Request) {
    let prepared = request.authenticator().and_then(|authenticator| authenticator.prepare(request));
    if let Some(authorization) = prepared {
        set(request, authorization);
    }
}

/// Turns `request` into the answer to the challenge in `response`. Returns whether there is an answer.
///
/// `answers` is how many answers have been sent before.
pub(super) fn answer(request: &mut Request, response: &Response, answers: usize) -> Result<bool> {
    if response.status() != StatusCode::UNAUTHORIZED || answers >= MAX_ANSWERS {
        return Ok(false);
    }
    // The agent knows no scheme by name: Basic and Digest are authenticators like any other.
    let Some(authenticator) = request.authenticator().cloned() else { return Ok(false) };
    // Asked before the body is looked at: that the body cannot be sent again matters only if there is an answer.
    let Some(authorization) = authenticator.answer(request, response.headers(), answers)? else { return Ok(false) };
    // Unlike a retry, this is an error: a challenge is no response that the caller asked for.
    if !request.body().is_replayable() {
        let message = "the server asks for credentials, but the request's body is a stream that cannot be sent again";
        return Err(Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message));
    }
    set(request, authorization);
    Ok(true)
}

fn set(request: &mut Request, mut authorization: HeaderValue) {
    // A sensitive header appears in no debug output, and `redirect` removes it when the origin changes.
    authorization.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, authorization);
}

/// Reads and discards a body of up to 64 KiB, so that its connection goes back to the pool. A longer body is dropped,
/// which closes the connection. So does dropping this future.
pub(super) async fn drain(response: Response) {
    // A failure only means that the connection closes and the next request opens another.
    let _ = response.into_body().collect(MAX_DRAIN).await;
}
