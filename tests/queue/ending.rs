//! Full, paused, cleared and closed queues.

use std::sync::{Arc, Mutex};

use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{Body, Bytes, Client, Error, ErrorKind, Phase, Response};

use super::{Bench, failure, poll_if_pending};

#[test]
fn full_queue_refuses_requests() {
    let bench = Bench::new(|builder| builder.max_active(1).max_queued(2));
    let mut requests = ["http://a/", "http://b/", "http://c/"].map(|url| bench.send(url));
    let error = failure(bench.client.get("http://d/").send().boxed());
    assert_eq!((error.kind(), error.phase(), error.is_timeout()), (ErrorKind::QueueFull, Phase::Queue, false));
    assert_eq!(
        error.to_string(),
        "the queue is full: `max_queued` is 2, and as many requests wait already, for http://d/"
    );
    requests[1] = std::future::pending().boxed();
    let _in_its_place = bench.send("http://e/");
    assert_eq!(bench.order(&mut requests), ["a/", "c/"]);
    let none = Bench::new(|builder| builder.max_active(1).max_queued(0));
    let _running = none.send("http://a/");
    assert_eq!(failure(none.client.get("http://b/").send().boxed()).kind(), ErrorKind::QueueFull);
}

#[test]
fn a_paused_client_starts_nothing() {
    let bench = Bench::new(|builder| builder.max_active(2));
    let running = bench.send("http://a/");
    bench.client.pause();
    let mut requests = [running, bench.send("http://b/"), bench.send("http://c/"), bench.send("http://d/")];
    assert_eq!((bench.counts(), bench.client.stats().paused), ((1, 3), true));
    assert_eq!(bench.order(&mut requests), ["a/"]);
    bench.client.resume();
    requests.iter_mut().for_each(poll_if_pending);
    assert_eq!((bench.counts(), bench.client.stats().paused), ((2, 1), false));
    assert_eq!(bench.order(&mut requests), ["a/", "b/", "c/", "d/"]);
}

#[test]
fn cleared_queue_is_empty_and_accepts_requests() {
    let bench = Bench::new(|builder| builder.max_active(1).max_active_per_origin(1));
    let running = bench.send("http://a/");
    let waiting = [bench.send("http://b/"), bench.send("http://c/")];
    assert_eq!((bench.client.clear(), bench.client.clear()), (2, 0));
    assert_eq!(bench.counts(), (1, 0));
    let mut requests = [running, bench.send("http://d/")];
    for error in waiting.map(failure) {
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Cleared, Phase::Queue));
    }
    assert_eq!(bench.order(&mut requests), ["a/", "d/"]);
    assert_eq!(bench.counts(), (0, 0));
}

#[test]
fn closed_client_finishes_its_requests() {
    let bench = Bench::new(|builder| builder.max_active(1));
    let mut requests = [bench.send("http://a/"), bench.send("http://b/")];
    bench.client.clone().close();
    let error = failure(bench.client.get("http://c/").send().boxed());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Closed, Phase::Queue));
    assert_eq!(bench.order(&mut requests), ["a/", "b/"]);
    assert!(bench.client.stats().closed && bench.counts() == (0, 0));
    assert_eq!(failure(bench.client.get("http://c/").send().boxed()).kind(), ErrorKind::Closed);
}

#[test]
fn close_now_ends_and_wakes_all_requests() {
    let timer = ManualTimer::new();
    let backend = MockBackend::new(|request| {
        if request.url().path() == "/silent" {
            return std::future::pending().boxed();
        }
        let pieces = stream::iter([Ok::<_, Error>(Bytes::from("piece"))]).chain(stream::pending());
        async move { Ok(Response::new(StatusCode::OK, request.url().clone(), Body::stream(pieces))) }.boxed()
    });
    let client = Client::builder().max_active(2).timer(timer.clone()).backend(backend).build().unwrap();
    let (mut pool, errors) = (LocalPool::new(), Arc::new(Mutex::new(Vec::new())));
    for path in ["silent", "body", "waiting"] {
        let (request, errors) = (client.get(format!("http://a/{path}")).send(), errors.clone());
        let task = async move {
            let error = match request.await {
                Ok(response) => response.text().await.unwrap_err(),
                Err(error) => error,
            };
            errors.lock().unwrap().push((error.kind(), error.phase()));
        };
        pool.spawner().spawn_local(task).unwrap();
    }
    pool.run_until_stalled();
    assert_eq!((client.stats().active, client.stats().queued), (2, 1));
    client.close_now();
    pool.run_until_stalled();
    let phases = [Phase::Queue, Phase::Head, Phase::Body];
    let mut errors = errors.lock().unwrap().clone();
    errors.sort_by_key(|(_, phase)| phases.iter().position(|it| it == phase));
    assert_eq!(errors, phases.map(|phase| (ErrorKind::Closed, phase)));
    assert_eq!((client.stats().active, client.stats().queued, timer.pending()), (0, 0, 0));
}
