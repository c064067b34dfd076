//! A client that has stalled: requests that begin to wait afterwards fail like the requests before.

use std::time::Duration;

use futures::FutureExt;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Client, Timeout};

use super::polled;
use crate::support::client::{URL, seconds};

#[test]
fn request_that_waits_after_a_stall_fails_30_s_later() {
    let timer = ManualTimer::new();
    let builder = Client::builder().timer(timer.clone()).backend(MockBackend::pending()).head_timeout(Duration::ZERO);
    let client = builder.max_active(1).build().unwrap();
    let _held = polled(client.get(URL).send().boxed());
    for stall in 0..3 {
        // All waiting requests fail at the stall, so the queue is empty when the next request joins.
        let mut waiting = polled(client.get(URL).send().boxed());
        let failed = (1..=40).find_map(|second| {
            timer.advance(seconds(1));
            let error = (&mut waiting).now_or_never()?.unwrap_err();
            Some((second, error.timeout()))
        });
        assert_eq!(failed, Some((30, Some(Timeout::Queue))), "stall {stall}");
    }
}
