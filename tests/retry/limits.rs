//! Time limits of attempts and of all attempts together.

use futures::FutureExt;
use waterspout::{ErrorKind, Retry};

use crate::support::client::{URL, seconds};

use super::{Act, at_once, poll, stage};

#[test]
fn delay_beyond_the_total_limit_ends_the_retries() {
    let stage = stage(&[Act::Later(503, "10"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    let mut request = stage.client.get(URL).total_timeout(seconds(10)).send().boxed();
    assert_eq!(poll(&mut request).unwrap().unwrap().status(), 503);
    *stage.acts.acts.lock().unwrap() = [Act::Later(503, "10"), Act::Status(200)].into();
    let mut request = stage.client.get(URL).total_timeout(seconds(11)).send().boxed();
    assert!(poll(&mut request).is_none());
    stage.timer.advance(seconds(10));
    assert_eq!(poll(&mut request).unwrap().unwrap().status(), 200);
}

#[test]
fn delay_that_ended_after_the_total_limit_starts_no_attempt() {
    let stage = stage(&[Act::Later(503, "5"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    let mut request = stage.client.get(URL).total_timeout(seconds(8)).send().boxed();
    assert!(poll(&mut request).is_none());
    // The task polls the request late.
    stage.timer.advance(seconds(9));
    let error = poll(&mut request).unwrap().unwrap_err();
    assert_eq!((error.timeout().unwrap().name(), error.attempts().len(), stage.attempts()), ("total", 1, 1));
    assert!(!error.is_retryable());
}

#[test]
fn attempt_limit_starts_again_with_each_attempt() {
    let stage = stage(&[Act::Silent, Act::Silent, Act::Status(200)], |builder| {
        builder.retry(at_once()).attempt_timeout(seconds(3)).timeout(seconds(60))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for attempts in [1, 2] {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(2));
        assert!(poll(&mut request).is_none());
        assert_eq!(stage.attempts(), attempts);
        stage.timer.advance(seconds(1));
    }
    let response = poll(&mut request).unwrap().unwrap();
    let made = response.attempts();
    assert_eq!((made[0].error, made[0].elapsed), (Some(ErrorKind::Timeout), seconds(3)));
    assert_eq!((made.len(), stage.attempts()), (3, 3));
}

#[test]
fn total_limit_covers_all_attempts() {
    let stage = stage(&[Act::Silent], |builder| {
        builder.retry(at_once().attempts(100)).attempt_timeout(seconds(3)).total_timeout(seconds(10))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for _ in 0..9 {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(1));
    }
    assert!(poll(&mut request).is_none());
    stage.timer.advance(seconds(1));
    let error = poll(&mut request).unwrap().unwrap_err();
    assert_eq!(
        (error.timeout().unwrap().name(), error.elapsed(), error.attempts().len()),
        ("total", Some(seconds(10)), 4)
    );
}
