//! A 401 and the answer to it, as far as the request has someone who can answer.

use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::request::Request;
use crate::message::response::Response;

/// The most answers within one hop: schemes differ in how many they need, and none needs more.
const MOST_ANSWERS: usize = 3;

/// The most of a 401's body that is read over so that its connection can carry the answer.
const MOST_READ_OVER: u64 = 64 * 1024;

/// Sets what the authenticator says before there is a challenge.
pub(super) fn prepare(request: &mut Request) {
    let prepared = request.authenticator().and_then(|authenticator| authenticator.prepare(request));
    if let Some(authorization) = prepared {
        set(request, authorization);
    }
}

/// Turns `request` into the answer to `response`, if there is one; `replay` is its body from the beginning.
pub(super) fn answer(request: &mut Request, response: &Response, replay: Option<Body>, answers: usize) -> Result<bool> {
    if response.status() != StatusCode::UNAUTHORIZED || answers >= MOST_ANSWERS {
        return Ok(false);
    }
    let Some(authenticator) = request.authenticator().cloned() else { return Ok(false) };
    let Some(authorization) = authenticator.answer(request, response.headers(), answers)? else { return Ok(false) };
    *request.body_mut() = replay.ok_or_else(|| {
        let message =
            "the server asks for credentials and then for the request's body again, and it is a one-shot stream";
        Error::new(ErrorKind::BodyNotReplayable, Phase::Head, message)
    })?;
    set(request, authorization);
    Ok(true)
}

fn set(request: &mut Request, mut authorization: HeaderValue) {
    authorization.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, authorization);
}

/// Reads a short body over, so that its connection goes back to the pool; a long one is dropped, and with it the
/// connection.
pub(super) async fn read_over(response: Response) {
    let _ = response.into_body().collect(MOST_READ_OVER).await;
}
