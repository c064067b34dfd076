//! Rate limits.

use std::time::Duration;

use waterspout::{Builder, Rate};

use crate::support::client::seconds;

use super::{Bench, Tasks, ms, polled};

#[test]
fn rate_limit_allows_a_burst_and_then_a_request_per_interval() {
    let rate = Rate::new(10, seconds(1)).burst(3);
    let mut tasks = Tasks::new(|builder| builder.max_active(100).head_timeout(Duration::ZERO).rate_limit(rate));
    for number in 0..8 {
        tasks.spawn(&format!("http://a/{number}"));
    }
    assert_eq!(tasks.bench.counts(), (3, 5));
    let started = [99, 1, 99, 1, 200, 100].map(|time| tasks.after(ms(time)));
    assert_eq!(started, [3, 4, 4, 5, 7, 8]);
    // No request waits, so no timer for a token is set.
    assert_eq!(tasks.bench.timer.pending(), 0);
    assert_eq!(tasks.bench.seen()[7], "a/7");
}

#[test]
fn requests_waiting_for_a_token_share_a_single_timer() {
    let limits = |builder: Builder| builder.head_timeout(Duration::ZERO).rate_limit(Rate::new(1, seconds(1)));
    let mut tasks = Tasks::new(limits);
    let stops: Vec<_> = ["http://a/", "http://b/", "http://c/", "http://d/"].map(|url| tasks.spawn(url)).into();
    assert_eq!((tasks.bench.counts(), tasks.bench.timer.pending()), ((1, 3), 1));
    let mut stops = stops.into_iter().skip(1);
    // The request that holds the timer is dropped, and so is its successor. Another request takes over each time.
    for _ in 0..2 {
        stops.next().unwrap().send(()).unwrap();
        tasks.pool.run_until_stalled();
        assert_eq!(tasks.bench.timer.pending(), 1);
    }
    assert_eq!(tasks.after(ms(999)), 1);
    assert_eq!(tasks.after(ms(1)), 2);
    assert_eq!((tasks.bench.seen(), tasks.bench.timer.pending()), (vec!["a/".to_owned(), "d/".to_owned()], 0));
}

#[test]
fn rate_limit_of_an_origin_does_not_block_other_origins() {
    let mut tasks = Tasks::new(|builder| builder.rate_limit_per_origin(Rate::new(1, seconds(1))));
    for url in ["http://a/1", "http://a/2", "http://b/1", "http://a/3", "http://b/2"] {
        tasks.spawn(url);
    }
    assert_eq!(tasks.bench.seen(), ["a/1", "b/1"]);
    assert_eq!([999, 1, 999, 1].map(|time| tasks.after(ms(time))), [2, 4, 4, 5]);
    assert_eq!(tasks.bench.seen()[2..], ["a/2", "b/2", "a/3"]);
}

#[test]
fn dropped_request_returns_its_token() {
    let bench = Bench::new(|builder| builder.max_active(1).rate_limit(Rate::new(2, seconds(1000))));
    let first = bench.send("http://a/");
    let (second, third) = (bench.send("http://b/"), bench.send("http://c/"));
    // Dropping the first request gives its slot to the second, which has not been polled since.
    drop(first);
    drop(second);
    let _third = polled(third);
    assert_eq!(bench.seen(), ["a/", "c/"]);
}

#[test]
fn request_whose_token_comes_earlier_starts_on_time() {
    // While a request waits for its origin's token, a request arrives whose origin has a token sooner.
    let mut tasks = Tasks::new(|builder| builder.rate_limit_per_origin(Rate::new(1, seconds(10))));
    tasks.spawn("http://early/1");
    tasks.after(seconds(5));
    tasks.spawn("http://late/1");
    tasks.spawn("http://late/2");
    tasks.spawn("http://early/2");
    assert_eq!(tasks.after(seconds(5)), 3);
    assert_eq!(tasks.after(seconds(5)), 4);
}
