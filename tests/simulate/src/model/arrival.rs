//! Checks each arrival of a request at a server: the right host, method and headers, and no repetition that is not allowed.

use waterspout::http::Method;
use waterspout::testing::{Http2ErrorCode, Incoming};

use crate::counts::count;
use crate::plan::{Act, Plan, Upload};
use crate::record::{RecordState, RequestFacts, Visit};
use crate::settings::{HOSTS, Speech};

/// Returns the value of the `authorization` header of a request.
pub(crate) fn credentials(id: usize) -> String {
    format!("Bearer secret-{id}")
}

/// Checks the arrival of a request at a server.
///
/// # Errors
/// What is wrong.
pub(crate) fn check_arrival(
    plan: &Plan,
    visit: &mut Visit,
    request: &Incoming,
    state: &RecordState,
) -> Result<(), String> {
    let facts = &state.requests[plan.id];
    if request.host() != HOSTS[visit.host] {
        return Err(format!("it arrives at {} for {:?}", HOSTS[visit.host], request.host()));
    }
    let allowed = plan.retry.map_or(1, |retry| retry.attempts as usize);
    if visit.attempt == 0 || visit.attempt > allowed {
        return Err(format!("it makes attempt {} of {allowed}", visit.attempt));
    }
    let attempt: Vec<&Visit> = facts.visits.iter().filter(|earlier| earlier.attempt == visit.attempt).collect();
    match attempt.last() {
        None => check_first(plan, visit, facts)?,
        Some(previous) => check_next(plan, visit, previous, state)?,
    }
    check_secrets(plan, visit, &attempt, request)
}

/// Checks the first arrival of an attempt.
fn check_first(plan: &Plan, visit: &Visit, facts: &RequestFacts) -> Result<(), String> {
    if visit.host != plan.host || visit.method != plan.method {
        return Err(format!("an attempt begins with {} at {}", visit.method, HOSTS[visit.host]));
    }
    let Some(retry) = plan.retry.filter(|_| visit.attempt > 1) else { return Ok(()) };
    if !plan.is_replayable() {
        return Err("a body that can be read once is sent again".into());
    }
    // A request that has arrived was sent, so only an idempotent method may be tried again.
    if plan.method == Method::POST && !retry.has_post && !facts.visits.is_empty() {
        return Err("a POST that was sent is tried again".into());
    }
    Ok(())
}

/// Checks an arrival after another arrival of the same attempt: it follows a redirect, or the request is sent again.
fn check_next(plan: &Plan, visit: &mut Visit, previous: &Visit, state: &RecordState) -> Result<(), String> {
    let keeps_body = visit.method == previous.method && plan.has_body() && visit.method == plan.method;
    let can_follow = !keeps_body || plan.is_replayable();
    match previous.act {
        Act::Redirect { status, host }
            if can_follow && visit.host == host && visit.method == redirected(&previous.method, status) =>
        {
            return Ok(());
        }
        _ => {}
    }
    if visit.host != previous.host || visit.method != previous.method {
        return Err(format!("it goes on with {} at {}", visit.method, HOSTS[visit.host]));
    }
    visit.is_repeated = true;
    match may_repeat(plan, previous, state) {
        true => check_new_connection(visit, previous, state),
        false => Err(format!("it is sent again after {previous:?}, connection {:?}", state.links[previous.link])),
    }
}

/// Checks that a request that is sent again over HTTP/1.1 has a connection that has carried no other request.
fn check_new_connection(visit: &Visit, previous: &Visit, state: &RecordState) -> Result<(), String> {
    let is_http1 = state.hosts[visit.host] == Speech::Http1;
    match is_http1 && (visit.is_reused || previous.is_repeated) {
        true => Err(format!("it is sent again on a used connection, or for the second time, after {previous:?}")),
        false => Ok(()),
    }
}

/// Returns the method after a redirect that is followed.
fn redirected(method: &Method, status: u16) -> Method {
    match status {
        301 | 302 if *method == Method::POST => Method::GET,
        303 => Method::GET,
        _ => method.clone(),
    }
}

/// Returns whether the client may send a request again after this arrival, within an attempt.
fn may_repeat(plan: &Plan, previous: &Visit, state: &RecordState) -> bool {
    let link = &state.links[previous.link];
    let is_idempotent = previous.method.is_idempotent();
    // A body of which nothing was taken can be sent, although it can be read once.
    let can_send_again = plan.is_replayable() || previous.body == 0;
    if link.is_http2 {
        if matches!(previous.act, Act::ResetStream(code) if code == Http2ErrorCode::REFUSED_STREAM) {
            return can_send_again;
        }
        let has_ended = link.ended.is_some() || link.retired.is_some();
        return has_ended && is_idempotent && can_send_again;
    }
    if matches!(previous.act, Act::RequestTimeout) {
        return (previous.is_reused || state.has_executor) && can_send_again;
    }
    // A fault of the network may have destroyed a response.
    let is_unanswered = link.answered == previous.answered_before || link.was_broken;
    let waits_with_body =
        plan.expects_continue || matches!(plan.upload, Upload::Paced | Upload::Once | Upload::Factory);
    let is_untaken = previous.body == 0 && waits_with_body;
    // A connection that was opened in the background for another request may have been idle, although it is unused.
    let may_be_stale = previous.is_reused || state.has_executor;
    may_be_stale && link.ended.is_some() && is_unanswered && can_send_again && (is_idempotent || is_untaken)
}

/// Checks that credentials and cookies arrive at the hosts that they belong to, and nowhere else.
fn check_secrets(plan: &Plan, visit: &Visit, attempt: &[&Visit], request: &Incoming) -> Result<(), String> {
    let has_crossed = attempt.iter().any(|earlier| earlier.host != plan.host) || visit.host != plan.host;
    let expected = (plan.has_credentials && !has_crossed).then(|| credentials(plan.id));
    for name in ["authorization", "x-secret"] {
        if request.header(name) != expected.as_deref() {
            return Err(format!("{name} is {:?} instead of {expected:?}", request.header(name)));
        }
    }
    let mark = format!("{}=", visit.host);
    let cookies = request.header("cookie").unwrap_or_default();
    if !cookies.is_empty() {
        count("requests with cookies");
    }
    if expected.is_some() {
        count("requests with credentials");
    }
    if cookies.split("; ").any(|cookie| !cookie.is_empty() && !cookie.starts_with(&mark)) {
        return Err(format!("the cookies {cookies:?} arrive at {}", HOSTS[visit.host]));
    }
    Ok(())
}
