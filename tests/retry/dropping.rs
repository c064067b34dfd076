//! Slots and timers of requests that back off or are dropped.

use std::pin::pin;
use std::task::{Context, Waker};

use futures::{Future, FutureExt};
use waterspout::Retry;

use crate::support::client::{URL, seconds};

use super::{Act, at_once, poll, stage, statuses};

#[test]
fn the_slot_is_free_while_a_request_backs_off() {
    let stage = stage(&[Act::Later(503, "10"), Act::Status(200)], |builder| builder.max_active(1).retry(Retry::new()));
    let mut first = stage.client.get(URL).send().boxed();
    assert!(poll(&mut first).is_none());
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (0, 0));
    let second = poll(&mut stage.client.get(URL).send().boxed()).unwrap().unwrap();
    assert_eq!(second.status(), 200);
    // The first request joins the queue again, behind the request that holds the slot.
    stage.timer.advance(seconds(10));
    assert!(poll(&mut first).is_none());
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (1, 1));
    drop(second);
    assert_eq!(statuses(&poll(&mut first).unwrap().unwrap()), [503, 200]);
}

#[test]
fn a_request_dropped_after_any_number_of_polls_leaves_no_timer_and_no_slot() {
    for polls in 0.. {
        let acts = [Act::Slow(503), Act::Later(503, "5"), Act::Slow(200)];
        let stage = stage(&acts, |builder| {
            builder.max_active(1).retry(at_once()).timeout(seconds(100)).attempt_timeout(seconds(9))
        });
        let finished = {
            let mut request = pin!(stage.client.get(URL).send());
            let mut context = Context::from_waker(Waker::noop());
            (0..polls).any(|_| {
                let ended = request.as_mut().poll(&mut context).is_ready();
                stage.timer.advance(seconds(1));
                ended
            })
        };
        assert_eq!((stage.client.stats().active, stage.client.stats().queued), (0, 0), "after {polls} polls");
        assert_eq!(stage.timer.pending(), 0, "after {polls} polls");
        if finished {
            assert!(polls > 6, "{polls} polls are too few to reach every wait");
            assert_eq!(stage.attempts(), 3);
            return;
        }
    }
}

#[test]
fn request_dropped_while_it_queues_for_a_retry_leaves_the_queue() {
    let stage = stage(&[Act::Later(503, "1"), Act::Silent], |builder| builder.max_active(1).retry(Retry::new()));
    let mut first = stage.client.get(URL).send().boxed();
    assert!(poll(&mut first).is_none());
    let mut second = stage.client.get(URL).send().boxed();
    assert!(poll(&mut second).is_none());
    stage.timer.advance(seconds(1));
    assert!(poll(&mut first).is_none());
    assert_eq!(stage.client.stats().queued, 1);
    drop(first);
    assert_eq!((stage.client.stats().active, stage.client.stats().queued), (1, 0));
    drop(second);
    assert_eq!((stage.client.stats().active, stage.timer.pending()), (0, 0));
}
