//! The decisions, one table each.

use super::*;
use crate::error::{ErrorKind, Timeout};
use crate::message::body::Body;

fn request(method: &str) -> Request {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    Request::new(method, Url::parse("http://example.com/").unwrap())
}

fn response(status: u16) -> Response {
    Response::new(StatusCode::from_u16(status).unwrap(), Url::parse("http://example.com/").unwrap(), Body::empty())
}

fn decide(retry: &Retry, method: &str, outcome: Result<&Response, &Error>, attempt: u32, sent: u64) -> bool {
    let request = request(method);
    retry.decide(&Ended { request: &request, outcome, attempt, sent }, 0).is_some()
}

#[test]
fn statuses_that_may_pass_are_tried_again() {
    let again = |status| decide(&Retry::new(), "GET", Ok(&response(status)), 1, 0);
    let tried: Vec<u16> = (200..600).filter(|status| again(*status)).collect();
    assert_eq!(tried, [408, 425, 429, 500, 502, 503, 504]);
    let only = Retry::new().statuses([StatusCode::NOT_FOUND]);
    assert!(decide(&only, "GET", Ok(&response(404)), 1, 0) && !decide(&only, "GET", Ok(&response(503)), 1, 0));
}

#[test]
fn idempotent_methods_are_tried_again() {
    let tried = |retry: &Retry| {
        let methods = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH", "PURGE"];
        methods.into_iter().filter(|method| decide(retry, method, Ok(&response(503)), 1, 0)).collect::<Vec<_>>()
    };
    assert_eq!(tried(&Retry::new()), ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
    assert_eq!(tried(&Retry::new().methods([Method::POST])), ["POST"]);
}

#[test]
fn any_method_is_tried_again_if_nothing_has_left() {
    let error = |phase| Error::new(ErrorKind::Connect, phase, "refused");
    let retry = Retry::new();
    assert!(decide(&retry, "POST", Err(&error(Phase::Connect)), 1, 0));
    // A redirect may have led to where no connection could be made.
    assert!(!decide(&retry, "POST", Err(&error(Phase::Connect)), 1, 90));
    assert!(!decide(&retry, "POST", Err(&error(Phase::Head)), 1, 0));
}

#[test]
fn errors_that_may_pass_are_tried_again() {
    use ErrorKind::{Connect, ConnectionClosed, Dns, Io, Network, Protocol, Redirect, RequestBody, Tls, Unsupported};
    let again = |kind| decide(&Retry::new(), "GET", Err(&Error::new(kind, Phase::Head, "failed")), 1, 0);
    assert!([Dns, Connect, ConnectionClosed, Io, Network].into_iter().all(again));
    assert!(![Tls, Protocol, Redirect, RequestBody, Unsupported].into_iter().any(again));
}

#[test]
fn limits_of_the_attempt_are_tried_again_and_those_of_the_request_are_not() {
    let is_retried = |timeout| {
        let second = Duration::from_secs(1);
        decide(&Retry::new(), "GET", Err(&Error::timed_out(Phase::Head, timeout, second, second)), 1, 0)
    };
    assert!([Timeout::Connect, Timeout::Head, Timeout::Attempt].into_iter().all(is_retried));
    assert!(![Timeout::Queue, Timeout::Total].into_iter().any(is_retried));
}

#[test]
fn the_number_of_attempts_has_an_end() {
    let bad = response(503);
    let attempts = |retry: &Retry| (1..10).take_while(|attempt| decide(retry, "GET", Ok(&bad), *attempt, 0)).count();
    assert_eq!(attempts(&Retry::new()), 2);
    assert_eq!(attempts(&Retry::new().attempts(5)), 4);
    assert_eq!((attempts(&Retry::off()), attempts(&Retry::new().attempts(0))), (0, 0));
}

#[test]
fn a_predicate_has_the_last_word_but_for_the_number_of_attempts() {
    let never = Retry::new().when(|_| false);
    assert!(!decide(&never, "GET", Ok(&response(503)), 1, 0));
    let more = Retry::new().when(|occasion| {
        let teapot = occasion.outcome.is_ok_and(|response| response.status() == 418);
        occasion.default || (teapot && occasion.method == Method::POST && occasion.attempt == 1)
    });
    assert!(decide(&more, "POST", Ok(&response(418)), 1, 0));
    assert!(!decide(&more, "POST", Ok(&response(418)), 2, 0));
    assert!(decide(&more, "GET", Ok(&response(503)), 2, 0) && !decide(&more, "GET", Ok(&response(503)), 3, 0));
}

#[test]
fn what_the_server_asks_for_is_capped() {
    let mut bad = response(503);
    bad.headers_mut().insert("retry-after", http::HeaderValue::from_static("3600"));
    let request = request("GET");
    let ended = Ended { request: &request, outcome: Ok(&bad), attempt: 1, sent: 0 };
    assert_eq!(Retry::new().decide(&ended, 7), Some(Duration::from_secs(30)));
    assert_eq!(Retry::new().max_delay(Duration::from_secs(9999)).decide(&ended, 7), Some(Duration::from_secs(3600)));
}
