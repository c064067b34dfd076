//! The events that observers receive.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use futures::{FutureExt, stream};
use waterspout::http::StatusCode;
use waterspout::testing::{ManualTimer, MockBackend};
use waterspout::{
    Body, Builder, Bytes, Client, Error, ErrorKind, Event, Phase, PriorityHandle, Response, Retry, Stage,
};

use crate::support::client::seconds;

use super::*;

/// The events of an observer, a line for each.
type Seen = Arc<Mutex<Vec<String>>>;

fn observed(seen: &Seen) -> impl FnOnce(Builder) -> Builder + use<> {
    let seen = seen.clone();
    move |builder| {
        builder.max_active(1).observer(move |event: &Event<'_>| {
            assert!(event.url.starts_with(event.origin));
            let at = event.at.since_origin().as_secs();
            let error = event.error.map(|kind| format!(" {kind:?}")).unwrap_or_default();
            let line = format!("{at} s: {} {:?} {} p{}{error}", event.id, event.stage, event.url, event.priority);
            seen.lock().unwrap().push(line);
        })
    }
}

#[test]
fn an_observer_sees_every_step() {
    let seen = Seen::default();
    let bench = Bench::new(observed(&seen));
    let handle = PriorityHandle::default();
    let request = bench.client.get("http://user:secret@b:81/c?d").priority(2).priority_handle(&handle);
    let mut requests = [bench.send("http://a/"), polled(request.send().boxed())];
    bench.timer.advance(seconds(3));
    handle.set(4);
    bench.order(&mut requests);
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "0 s: 1 Started http://a/ p0",
            "0 s: 2 Queued http://b:81/c?*** p2",
            "3 s: 1 Head http://a/ p0",
            "3 s: 1 Done http://a/ p0",
            "3 s: 2 Started http://b:81/c?*** p4",
            "3 s: 2 Head http://b:81/c?*** p4",
            "3 s: 2 Done http://b:81/c?*** p4",
        ]
    );
}

#[test]
fn an_observer_sees_how_requests_end() {
    let seen = Seen::default();
    let bench = Bench::new(|builder| observed(&seen)(builder.max_queued(1)));
    let running = bench.send("http://a/");
    let waiting = polled(bench.client.get("http://b/").queue_timeout(seconds(5)).send().boxed());
    failure(bench.client.get("http://full/").send().boxed());
    bench.timer.advance(seconds(5));
    failure(waiting);
    drop(bench.send("http://dropped/"));
    drop(running);
    failure(bench.client.post("http://invalid/").header("expect", "x").send().boxed());
    let lines = seen.lock().unwrap().clone();
    assert_eq!(
        lines[2..],
        [
            "0 s: 3 Failed http://full/ p0 QueueFull",
            "5 s: 2 Failed http://b/ p0 Timeout",
            "5 s: 4 Queued http://dropped/ p0",
            "5 s: 4 Cancelled http://dropped/ p0",
            "5 s: 1 Cancelled http://a/ p0",
            "5 s: 5 Failed http://invalid/ p0 InvalidRequest",
        ]
    );
}

#[test]
fn an_observer_sees_the_end_of_the_body() {
    let stages = Arc::new(Mutex::new(Vec::new()));
    let client = {
        let stages = stages.clone();
        let backend = MockBackend::new(|request| {
            let end = if request.url().path() == "/broken" {
                Err(Error::new(ErrorKind::Io, Phase::Body, ""))
            } else {
                Ok(Bytes::new())
            };
            let body = Body::stream(stream::iter([Ok(Bytes::from("piece")), end]));
            async move { Ok(Response::new(StatusCode::OK, request.url().clone(), body)) }.boxed()
        });
        let observer = move |event: &Event<'_>| stages.lock().unwrap().push(event.stage);
        Client::builder().backend(backend).observer(observer).build().unwrap()
    };
    let after = |work: &dyn Fn(Response)| {
        stages.lock().unwrap().clear();
        work(block_on(client.get("http://a/").send()).unwrap());
        stages.lock().unwrap().clone()
    };
    assert_eq!(after(&|response| drop(block_on(response.text()).unwrap())), [Stage::Started, Stage::Head, Stage::Done]);
    assert_eq!(after(&drop), [Stage::Started, Stage::Head, Stage::Cancelled]);
    stages.lock().unwrap().clear();
    let broken = block_on(client.get("http://a/broken").send()).unwrap();
    assert_eq!(stages.lock().unwrap().len(), 2);
    block_on(broken.text()).unwrap_err();
    assert_eq!(*stages.lock().unwrap(), [Stage::Started, Stage::Head, Stage::Failed]);
    stages.lock().unwrap().clear();
    let large = block_on(client.get("http://a/").stream_limit(3).send()).unwrap();
    assert_eq!(block_on(large.text()).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert_eq!(*stages.lock().unwrap(), [Stage::Started, Stage::Head, Stage::Failed]);
}

#[test]
fn an_observer_sees_that_a_complete_body_is_beyond_the_limit() {
    let seen = Seen::default();
    let client = observed(&seen)(Client::builder().backend(MockBackend::text("hello"))).build().unwrap();
    let end = |limit| {
        let response = block_on(client.get("http://a/").stream_limit(limit).send()).unwrap();
        assert_eq!(block_on(response.text()).is_ok(), limit >= 5);
        let lines = std::mem::take(&mut *seen.lock().unwrap());
        (lines.len(), lines.concat().contains("Failed"), lines.concat().contains("LimitExceeded"))
    };
    assert_eq!([end(4), end(5)], [(3, true, true), (3, false, false)]);
}

#[test]
fn request_that_is_dropped_before_its_retry_is_cancelled_without_a_status() {
    let lines = Seen::default();
    let seen = lines.clone();
    let backend = MockBackend::new(|request| {
        let response = Response::new(StatusCode::SERVICE_UNAVAILABLE, request.url().clone(), "");
        async { Ok(response) }.boxed()
    });
    let builder = Client::builder().backend(backend).timer(ManualTimer::new());
    let client = builder.observer(move |event: &Event<'_>| seen.lock().unwrap().push(numbers(event))).build().unwrap();
    drop(polled(client.get("http://a/").retry(Retry::new().base_delay(seconds(5))).send().boxed()));
    let ends: Vec<_> =
        lines.lock().unwrap().iter().map(|line| line.split_once(" status ").unwrap().1.to_owned()).collect();
    assert_eq!(
        ends,
        [
            "None error None timeout None",
            "Some(503) error Some(\"503\") timeout None",
            "None error Some(\"CANCELLED\") timeout None",
        ]
    );
}

/// The numbers of an event, for the metrics of OpenTelemetry.
fn numbers(event: &Event<'_>) -> String {
    let [elapsed, queue_wait] = [Some(event.elapsed), event.queue_wait].map(|time| time.map(|time| time.as_secs()));
    let status = event.status.map(|status| status.as_u16());
    format!(
        "{:?} {} {}:{} elapsed {elapsed:?} queue {queue_wait:?} resends {} status {status:?} error {:?} timeout {:?}",
        event.stage,
        event.method,
        event.server_address(),
        event.server_port(),
        event.resends,
        event.error_type(),
        event.timeout,
    )
}

#[test]
fn an_observer_sees_durations_attempts_and_outcomes() {
    let lines = Seen::default();
    let seen = lines.clone();
    let bench = Bench::new(|builder| {
        builder.max_active(1).observer(move |event: &Event<'_>| seen.lock().unwrap().push(numbers(event)))
    });
    let mut running = bench.send("http://a/");
    let waiting = bench.client.put("https://[::1]:81/").head_timeout(seconds(2));
    let retry = Retry::new().attempts(2).base_delay(seconds(0));
    let waiting = polled(waiting.retry(retry).send().boxed());
    bench.timer.advance(seconds(3));
    bench.answer();
    poll_if_pending(&mut running);
    let waiting = polled(waiting);
    bench.timer.advance(seconds(2));
    let waiting = polled(waiting);
    bench.timer.advance(seconds(2));
    assert_eq!(failure(waiting).kind(), ErrorKind::Timeout);
    let start = "PUT ::1:81 elapsed";
    assert_eq!(
        lines.lock().unwrap()[1..],
        [
            format!("Queued {start} Some(0) queue None resends 0 status None error None timeout None"),
            "Head GET a:80 elapsed Some(3) queue Some(0) resends 0 status Some(200) error None timeout None".to_owned(),
            "Done GET a:80 elapsed Some(3) queue Some(0) resends 0 status Some(200) error None timeout None".to_owned(),
            format!("Started {start} Some(3) queue Some(3) resends 0 status None error None timeout None"),
            format!("Waiting {start} Some(5) queue Some(3) resends 0 status None error Some(\"TIMEOUT\") timeout None"),
            format!("Started {start} Some(5) queue Some(3) resends 1 status None error None timeout None"),
            format!(
                "Failed {start} Some(7) queue Some(3) resends 1 status None error Some(\"TIMEOUT\") timeout Some(Head)"
            ),
        ]
    );
}

#[test]
fn an_observer_may_use_the_client() {
    let cell = Arc::new(Mutex::new(None::<Client>));
    let bench = Bench::new(|builder| {
        let cell = cell.clone();
        builder.max_active(1).observer(move |_: &Event<'_>| {
            let client = cell.lock().unwrap().clone().unwrap();
            client.pause();
            client.resume();
            assert!(client.stats().active <= 1);
        })
    });
    *cell.lock().unwrap() = Some(bench.client.clone());
    let mut requests = [bench.send("http://a/"), bench.send("http://b/"), bench.send("http://c/")];
    assert_eq!(bench.order(&mut requests), ["a/", "b/", "c/"]);
    *cell.lock().unwrap() = None;
}
