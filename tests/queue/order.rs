//! The order in which requests leave the queue.

use std::time::Duration;

use futures::FutureExt;
use waterspout::PriorityHandle;

use crate::support::client::seconds;

use super::{Bench, polled};

#[test]
fn slow_origin_does_not_block_other_origins() {
    let bench = Bench::new(|builder| builder.max_active(3).max_active_per_origin(1));
    let urls = ["http://slow/1", "http://slow/2", "http://slow/3", "http://b/1", "http://c/1", "http://b/2"];
    let mut requests = urls.map(|url| bench.send(url));
    assert_eq!(bench.seen(), ["slow/1", "b/1", "c/1"]);
    assert_eq!(bench.counts(), (3, 3));
    // The slot of the slow request goes to the next slow request, which came before the second request to b.
    assert_eq!(bench.order(&mut requests), ["slow/1", "b/1", "c/1", "slow/2", "b/2", "slow/3"]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn the_port_and_the_scheme_make_another_origin() {
    let bench = Bench::new(|builder| builder.max_active_per_origin(1));
    let urls = ["http://a/", "http://a:80/", "http://a:81/", "https://a/", "http://user:secret@a/"];
    let _requests = urls.map(|url| bench.send(url));
    let origins: Vec<_> =
        bench.client.stats().origins.into_iter().map(|it| (it.origin.to_string(), it.active, it.queued)).collect();
    let expected = [("http://a", 1, 2), ("http://a:81", 1, 0), ("https://a", 1, 0)];
    assert_eq!(origins, expected.map(|(origin, active, queued)| (origin.to_owned(), active, queued)));
}

#[test]
fn requests_to_different_origins_start_in_order_of_arrival() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let urls = ["http://a/1", "http://b/1", "http://a/2", "http://c/1", "http://b/2", "http://a/3"];
    let mut requests = urls.map(|url| bench.send(url));
    assert_eq!(bench.order(&mut requests), ["a/1", "b/1", "a/2", "c/1", "b/2", "a/3"]);
}

#[test]
fn higher_priority_starts_first_and_equal_priorities_in_order_of_arrival() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let priorities = [("first", 0), ("b", -1), ("c", 5), ("d", 0), ("e", 5), ("f", i16::MAX), ("g", i16::MIN)];
    let mut requests = priorities.map(|(name, priority)| bench.send_with(&format!("http://{name}/"), priority));
    assert_eq!(bench.order(&mut requests), ["first/", "f/", "c/", "e/", "d/", "b/", "g/"]);
}

#[test]
fn a_client_may_have_a_default_priority() {
    let bench = Bench::new(|builder| builder.max_active(1).priority(3));
    let mut requests = [
        bench.send("http://first/"),
        bench.send_with("http://low/", 2),
        polled(bench.client.get("http://default/").send().boxed()),
    ];
    assert_eq!(bench.order(&mut requests), ["first/", "default/", "low/"]);
}

#[test]
fn a_priority_changes_while_the_request_waits() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let (up, down) = (PriorityHandle::new(0), PriorityHandle::default());
    let handled = |url, handle| polled(bench.client.get(url).priority(1).priority_handle(handle).send().boxed());
    let mut requests = [
        bench.send("http://first/"),
        handled("http://down/", &down),
        bench.send("http://b/"),
        handled("http://up/", &up),
    ];
    up.set(7);
    down.set(-7);
    assert_eq!((up.get(), down.get()), (Some(7), Some(-7)));
    assert_eq!(bench.order(&mut requests), ["first/", "up/", "b/", "down/"]);
    // The handle's request has ended, so the new priority moves no request.
    let mut requests = [bench.send("http://first/"), bench.send("http://b/"), bench.send("http://c/")];
    up.set(-9);
    assert_eq!(bench.order(&mut requests)[4..], ["first/", "b/", "c/"]);
}

#[test]
fn priority_of_a_waiting_request_rises_with_time() {
    let bench = Bench::new(|builder| builder.max_active(1).ageing(seconds(10)));
    let mut requests = vec![bench.send("http://first/"), bench.send_with("http://old/", 0)];
    bench.timer.advance(seconds(19));
    requests.push(bench.send_with("http://early/", 2));
    bench.timer.advance(seconds(2));
    requests.push(bench.send_with("http://late/", 2));
    assert_eq!(bench.order(&mut requests), ["first/", "early/", "old/", "late/"]);
    let strict = Bench::new(|builder| builder.max_active(1).ageing(Duration::ZERO));
    let mut requests = vec![strict.send("http://first/"), strict.send_with("http://old/", 0)];
    strict.timer.advance(seconds(1_000_000));
    requests.push(strict.send_with("http://late/", 1));
    assert_eq!(strict.order(&mut requests), ["first/", "late/", "old/"]);
}
