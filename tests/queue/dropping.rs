//! Requests that are dropped while they wait.

use std::task::{Context, Poll, Waker};

use futures::FutureExt;
use waterspout::Rate;

use crate::support::client::seconds;

use super::{Bench, poll_if_pending};

/// Drops a request after any number of polls, while other requests wait and all limits are set.
#[test]
fn request_dropped_at_any_point_does_not_disturb_other_requests() {
    for polls in 0.. {
        let bench = Bench::new(|builder| {
            let rates =
                builder.rate_limit(Rate::new(1, seconds(1)).burst(2)).rate_limit_per_origin(Rate::new(1, seconds(2)));
            rates.max_active(2).max_active_per_origin(1).max_queued(3).queue_timeout(seconds(60))
        });
        let mut others = vec![bench.send("http://a/1"), bench.send("http://b/1")];
        let mut dropped = bench.client.get("http://a/dropped").send().boxed();
        let mut cx = Context::from_waker(Waker::noop());
        let mut finished = false;
        for poll in 0..polls {
            if poll == 1 {
                others.push(bench.send("http://a/2"));
                bench.timer.advance(seconds(1));
                bench.answer();
                others.iter_mut().for_each(poll_if_pending);
            }
            if poll == 2 {
                bench.timer.advance(seconds(1));
            }
            if poll == 3 {
                bench.answer();
                bench.answer();
            }
            if let Poll::Ready(response) = dropped.poll_unpin(&mut cx) {
                response.unwrap();
                finished = true;
                break;
            }
        }
        drop(dropped);
        for _ in 0..10 {
            bench.timer.advance(seconds(2));
            others.iter_mut().for_each(poll_if_pending);
            bench.order(&mut others);
        }
        assert_eq!((bench.counts(), bench.timer.pending()), ((0, 0), 0), "after {polls} polls");
        assert_eq!(bench.seen().iter().filter(|url| *url != "a/dropped").count(), others.len(), "after {polls} polls");
        if finished {
            assert!(polls > 3);
            return;
        }
    }
}
