//! How long a request backs off.

use std::time::Duration;

use futures::FutureExt;
use waterspout::Retry;

use crate::support::client::{URL, seconds};

use super::{Act, poll, stage, statuses};

#[test]
fn delay_is_below_a_bound_that_doubles() {
    let stage = stage(&[Act::Status(503)], |builder| {
        builder.retry(Retry::new().attempts(6).base_delay(seconds(1)).max_delay(seconds(5)))
    });
    let mut request = stage.client.get(URL).send().boxed();
    let mut answer = poll(&mut request);
    while answer.is_none() {
        stage.timer.advance(Duration::from_millis(10));
        answer = poll(&mut request);
    }
    let response = answer.unwrap().unwrap();
    let delays: Vec<_> = response.attempts().iter().map(|attempt| attempt.delay).collect();
    assert_eq!(delays.len(), 6);
    for (delay, most) in delays.iter().zip([1, 2, 4, 5, 5, 0]) {
        assert!(*delay <= seconds(most), "{delays:?}");
    }
    assert!(delays.iter().any(|delay| !delay.is_zero()), "{delays:?}");
}

#[test]
fn retry_after_sets_the_delay_up_to_max_delay() {
    let stage = stage(&[Act::Later(503, "7"), Act::Later(429, "100"), Act::Status(200)], |builder| {
        builder.retry(Retry::new().max_delay(seconds(20)))
    });
    let mut request = stage.client.get(URL).send().boxed();
    for (wait, attempts) in [(6, 1), (1, 2), (19, 2)] {
        assert!(poll(&mut request).is_none());
        stage.timer.advance(seconds(wait));
        assert!(poll(&mut request).is_none());
        assert_eq!(stage.attempts(), attempts);
    }
    stage.timer.advance(seconds(1));
    let response = poll(&mut request).unwrap().unwrap();
    let delays: Vec<_> = response.attempts().iter().map(|attempt| attempt.delay).collect();
    assert_eq!(delays, [seconds(7), seconds(20), Duration::ZERO]);
}

#[test]
fn retry_after_of_zero_retries_at_once() {
    let stage = stage(&[Act::Later(503, "0"), Act::Status(200)], |builder| builder.retry(Retry::new()));
    assert_eq!(statuses(&stage.get().unwrap()), [503, 200]);
    assert_eq!(stage.timer.pending(), 0);
}
