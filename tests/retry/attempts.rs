//! Which outcomes are retried.

use futures::executor::block_on;
use futures::stream;
use waterspout::http::Method;
use waterspout::{Body, Bytes, ErrorKind, Phase, Retry};

use crate::support::client::URL;

use super::{Act, at_once, stage, statuses};

#[test]
fn requests_are_not_retried_by_default() {
    let stage = stage(&[Act::Status(503)], |builder| builder);
    let response = stage.get().unwrap();
    assert_eq!((response.status().as_u16(), stage.attempts(), response.attempts().len()), (503, 1, 0));
}

#[test]
fn temporary_failures_are_retried_and_recorded() {
    let stage = stage(&[Act::Status(503), Act::Fails(ErrorKind::ConnectionClosed), Act::Status(200)], |builder| {
        builder.retry(at_once())
    });
    let response = stage.get().unwrap();
    assert_eq!((response.status().as_u16(), stage.attempts()), (200, 3));
    let made = response.attempts();
    assert_eq!((made[0].status.unwrap().as_u16(), made[0].error), (503, None));
    assert_eq!((made[1].status, made[1].error), (None, Some(ErrorKind::ConnectionClosed)));
    assert_eq!(made[2].status.unwrap().as_u16(), 200);
    assert_eq!(block_on(response.text()).unwrap(), "status 200");
}

#[test]
fn the_last_response_is_returned_as_it_is() {
    let stage = stage(&[Act::Status(500), Act::Status(502), Act::Status(503)], |builder| builder.retry(at_once()));
    let response = stage.get().unwrap();
    assert_eq!(statuses(&response), [500, 502, 503]);
    assert_eq!(block_on(response.text()).unwrap(), "status 503");
    assert_eq!(stage.attempts(), 3);
}

#[test]
fn the_last_error_is_returned_as_it_is() {
    let stage = stage(&[Act::Status(500), Act::Fails(ErrorKind::Io)], |builder| builder.retry(at_once()));
    let error = stage.get().unwrap_err();
    assert_eq!((error.kind(), error.phase(), error.attempts().len()), (ErrorKind::Io, Phase::Head, 3));
    assert_eq!(error.to_string(), "it failed while waiting for the response's head, for http://example.com/");
    assert!(error.is_retryable());
}

#[test]
fn a_request_sets_its_own_policy() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    block_on(stage.client.get(URL).retry(Retry::off()).send()).unwrap();
    assert_eq!(stage.attempts(), 1);
    block_on(stage.client.get(URL).retry(at_once().attempts(5)).send()).unwrap();
    assert_eq!(stage.attempts(), 6);
}

#[test]
fn post_is_retried_only_if_the_policy_allows_it() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    block_on(stage.client.post(URL).body("order").send()).unwrap();
    assert_eq!(stage.attempts(), 1);
    block_on(stage.client.post(URL).body("order").retry(at_once().methods([Method::POST])).send()).unwrap();
    assert_eq!(stage.acts.bodies.lock().unwrap().as_slice(), ["order"; 4]);
}

#[test]
fn only_a_body_that_can_be_replayed_is_retried() {
    let stage = stage(&[Act::Status(503)], |builder| builder.retry(at_once()));
    let pieces = || stream::iter([Ok::<_, std::io::Error>(Bytes::from("piece")), Ok(Bytes::from("s"))]);
    block_on(stage.client.put(URL).body(Body::factory(pieces)).send()).unwrap();
    assert_eq!(stage.acts.bodies.lock().unwrap().as_slice(), ["pieces"; 3]);
    let response = block_on(stage.client.put(URL).body(Body::stream(pieces())).send()).unwrap();
    assert_eq!((statuses(&response), stage.attempts()), (vec![503], 4));
    assert_eq!(block_on(response.text()).unwrap(), "status 503");
}

#[test]
fn a_predicate_sees_each_outcome_and_decides() {
    let retry = at_once().when(|occasion| {
        assert_eq!(occasion.url.as_str(), URL);
        occasion.outcome.is_ok_and(|response| response.status() == 404) && occasion.attempt < 2
    });
    let stage = stage(&[Act::Status(404), Act::Status(404), Act::Status(200)], |builder| builder.retry(retry));
    assert_eq!(statuses(&stage.get().unwrap()), [404, 404]);
}
