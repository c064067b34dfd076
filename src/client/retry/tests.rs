//! Tests of the decisions, a table for each.

use super::*;
use crate::error::{ErrorKind, Timeout};
use crate::message::body::Body;
use crate::message::url::Url;

fn request(method: &str) -> Request {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Request::new(method, Url::parse("http://example.com/").unwrap())
}

fn response(status: u16) -> Response {
    Response::new(StatusCode::from_u16(status).unwrap(), Url::parse("http://example.com/").unwrap(), Body::empty())
}

fn context<'a>(
    request: &'a Request,
    outcome: Result<&'a Response, &'a Error>,
    attempt: u32,
    sent: u64,
) -> RetryContext<'a> {
    let (method, url) = (request.method(), request.url());
    RetryContext { method, url, outcome, attempt, sent, default: false }
}

fn decide(retry: &Retry, method: &str, outcome: Result<&Response, &Error>, attempt: u32, sent: u64) -> bool {
    let request = request(method);
    retry.decide(&context(&request, outcome, attempt, sent), 0).is_some()
}

#[test]
fn transient_statuses_are_retried() {
    let is_retried = |status| decide(&Retry::new(), "GET", Ok(&response(status)), 1, 0);
    let tried: Vec<u16> = (200..600).filter(|status| is_retried(*status)).collect();
    assert_eq!(tried, [408, 425, 429, 500, 502, 503, 504]);
    let only = Retry::new().statuses([StatusCode::NOT_FOUND]);
    assert!(decide(&only, "GET", Ok(&response(404)), 1, 0) && !decide(&only, "GET", Ok(&response(503)), 1, 0));
}

#[test]
fn idempotent_methods_are_retried() {
    let tried = |retry: &Retry| {
        let methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH", "PURGE"];
        methods.into_iter().filter(|method| decide(retry, method, Ok(&response(503)), 1, 0)).collect::<Vec<_>>()
    };
    assert_eq!(tried(&Retry::new()), ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
    assert_eq!(tried(&Retry::new().methods([Method::POST])), ["POST"]);
}

#[test]
fn any_method_is_retried_if_no_byte_was_sent() {
    let error = |phase| Error::new(ErrorKind::Connect, phase, "refused");
    let retry = Retry::new();
    assert!(decide(&retry, "POST", Err(&error(Phase::Connect)), 1, 0));
    // A redirect may have led to a server that refuses connections.
    assert!(!decide(&retry, "POST", Err(&error(Phase::Connect)), 1, 90));
    assert!(!decide(&retry, "POST", Err(&error(Phase::Head)), 1, 0));
}

#[test]
fn network_errors_are_retried() {
    use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network, Protocol, Redirect, RequestBody, Tls, Unsupported};
    let is_retried = |kind| decide(&Retry::new(), "GET", Err(&Error::new(kind, Phase::Head, "failed")), 1, 0);
    assert!([Dns, Connect, ConnectionClosed, Io, Network].into_iter().all(is_retried));
    assert!(![Tls, Protocol, Redirect, RequestBody, Unsupported].into_iter().any(is_retried));
}

#[test]
fn timeouts_of_the_attempt_are_retried_and_timeouts_of_the_request_are_not() {
    let is_retried = |timeout| {
        let second = Duration::from_secs(1);
        decide(&Retry::new(), "GET", Err(&Error::timed_out(Phase::Head, timeout, second, second)), 1, 0)
    };
    assert!([Timeout::Connect, Timeout::Head, Timeout::Attempt].into_iter().all(is_retried));
    assert!(![Timeout::Queue, Timeout::Request, Timeout::Total].into_iter().any(is_retried));
}

#[test]
fn attempts_stop_at_the_maximum() {
    let bad = response(503);
    let attempts = |retry: &Retry| (1..10).take_while(|attempt| decide(retry, "GET", Ok(&bad), *attempt, 0)).count();
    assert_eq!(attempts(&Retry::new()), 2);
    assert_eq!(attempts(&Retry::new().attempts(5)), 4);
    assert_eq!((attempts(&Retry::off()), attempts(&Retry::new().attempts(0))), (0, 0));
}

#[test]
fn predicate_overrides_all_but_the_maximum_of_attempts() {
    let never = Retry::new().when(|_| false);
    assert!(!decide(&never, "GET", Ok(&response(503)), 1, 0));
    let more = Retry::new().when(|context| {
        let teapot = context.outcome.is_ok_and(|response| response.status() == 418);
        context.default || (teapot && context.method == Method::POST && context.attempt == 1)
    });
    assert!(decide(&more, "POST", Ok(&response(418)), 1, 0));
    assert!(!decide(&more, "POST", Ok(&response(418)), 2, 0));
    assert!(decide(&more, "GET", Ok(&response(503)), 2, 0) && !decide(&more, "GET", Ok(&response(503)), 3, 0));
}

#[test]
fn requested_wait_is_capped() {
    let mut bad = response(503);
    bad.headers_mut().insert("retry-after", http::HeaderValue::from_static("3600"));
    let request = request("GET");
    let context = context(&request, Ok(&bad), 1, 0);
    assert_eq!(Retry::new().decide(&context, 7), Some(Duration::from_secs(30)));
    assert_eq!(Retry::new().max_delay(Duration::from_secs(9999)).decide(&context, 7), Some(Duration::from_secs(3600)));
}
