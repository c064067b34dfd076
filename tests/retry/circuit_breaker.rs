//! Circuit breakers.

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::{CircuitBreaker, ErrorKind};

use crate::support::client::{URL, seconds};

use super::{Act, at_once, poll, stage, statuses};

#[test]
fn open_circuit_refuses_requests_and_closes_after_a_success() {
    let breaker = CircuitBreaker::new().failures(3).open_for(seconds(10));
    let stage = stage(
        &[Act::Status(503), Act::Fails(ErrorKind::Connect), Act::Status(500), Act::Status(503), Act::Status(200)],
        |builder| builder.circuit_breaker(breaker),
    );
    for _ in 0..3 {
        drop(stage.get());
    }
    let error = stage.get().unwrap_err();
    assert_eq!((error.kind(), stage.attempts(), error.is_retryable()), (ErrorKind::CircuitOpen, 3, false));
    assert!(error.to_string().contains("http://example.com is open for another 10s"), "{error}");
    // Each origin has its own circuit.
    stage.acts.acts.lock().unwrap().push_front(Act::Status(200));
    assert_eq!(block_on(stage.client.get("http://example.com:81/").send()).unwrap().status(), 200);

    stage.timer.advance(seconds(10));
    assert_eq!(stage.get().unwrap().status(), 503);
    assert_eq!(stage.get().unwrap_err().kind(), ErrorKind::CircuitOpen);
    stage.timer.advance(seconds(10));
    assert_eq!(stage.get().unwrap().status(), 200);
    assert_eq!(stage.get().unwrap().status(), 200);
}

#[test]
fn half_open_circuit_admits_a_single_attempt() {
    let breaker = CircuitBreaker::new().failures(1).open_for(seconds(10));
    let stage = stage(&[Act::Status(503), Act::Silent, Act::Status(200)], |builder| builder.circuit_breaker(breaker));
    drop(stage.get());
    stage.timer.advance(seconds(10));
    let mut probe = stage.client.get(URL).send().boxed();
    assert!(poll(&mut probe).is_none());
    let error = stage.get().unwrap_err();
    assert!(error.to_string().contains("being tried"), "{error}");
    // A dropped trial has no outcome, so the next request may try.
    drop(probe);
    assert_eq!(stage.get().unwrap().status(), 200);
}

#[test]
fn successes_between_failures_keep_the_circuit_closed() {
    let breaker = CircuitBreaker::new().failures(2);
    let acts = [503, 200, 503, 404, 503, 503].map(Act::Status);
    let stage = stage(&acts, |builder| builder.circuit_breaker(breaker));
    for _ in 0..6 {
        stage.get().unwrap();
    }
    assert_eq!(stage.get().unwrap_err().kind(), ErrorKind::CircuitOpen);
}

#[test]
fn retries_end_when_the_circuit_opens() {
    let breaker = CircuitBreaker::new().failures(2);
    let stage = stage(&[Act::Status(503)], |builder| builder.circuit_breaker(breaker).retry(at_once().attempts(9)));
    assert_eq!(statuses(&stage.get().unwrap()), [503, 503]);
}
