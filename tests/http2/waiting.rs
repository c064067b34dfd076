//! Requests that wait for a stream: MAX_CONCURRENT_STREAMS is full.

use std::time::Duration;

use waterspout::testing::{Http2Action, Http2Config};
use waterspout::{ErrorKind, Phase, Timeout};

use crate::common::{Log, gated, get};
use crate::served::{Gates, HandPolled, Served};

/// Serves with this many streams, and with this many connects that do not wait for the gate `connect`.
fn serve(streams: u32, free_connects: usize) -> (Served, Gates, Log) {
    let (gates, log) = (Gates::default(), Log::default());
    let config = Http2Config::new().max_concurrent_streams(streams);
    let served = Served::build(config, gated(&gates, &log), &gates, free_connects, |builder| {
        builder.head_timeout(Duration::ZERO).idle_timeout(Duration::ZERO)
    });
    (served, gates, log)
}

/// Takes all streams of both connections.
fn fill(served: &mut Served) -> Vec<crate::served::Started<waterspout::Result<String>>> {
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    let held = ["/held/a", "/held/b"].map(|path| served.start(get(&served.client, path)));
    assert_eq!(served.connects(), 2);
    held.into()
}

#[test]
fn raised_limit_wakes_all_waiting_requests() {
    let (mut served, _gates, _log) = serve(1, 2);
    let _held = fill(&mut served);
    let waiting: Vec<_> = (0..5).map(|_| served.start(get(&served.client, "/"))).collect();
    assert!(waiting.iter().all(|request| request.take().is_none()));
    served.act(Http2Action::MaxConcurrentStreams(10));
    assert!(waiting.iter().all(|request| request.take().is_some_and(|text| text.is_ok())));
    assert_eq!(served.connects(), 2);
}

#[test]
fn raised_limit_is_seen_although_the_running_requests_are_not_polled() {
    let (mut served, _gates, _log) = serve(1, 2);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    // These requests are held, so only the waiting request can read.
    let mut held: Vec<_> = (0..2).map(|_| HandPolled::new(get(&served.client, "/held/never"))).collect();
    for _ in 0..3 {
        held.iter_mut().for_each(|request| assert!(request.poll().is_pending()));
        served.tasks.run_until_stalled();
    }
    let waiting = served.start(get(&served.client, "/"));
    served.act(Http2Action::MaxConcurrentStreams(2));
    // Held requests are woken first, and delay the waiting request once.
    served.advance(Duration::from_millis(20));
    served.advance(Duration::from_millis(20));
    assert!(waiting.take().expect("no request reads").is_ok());
}

#[test]
fn limit_of_zero_may_be_raised_later() {
    let (mut served, _gates, _log) = serve(1, 2);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    served.act(Http2Action::MaxConcurrentStreams(0));
    let mut waiting: Vec<_> = (0..3).map(|_| served.start(get(&served.client, "/"))).collect();
    served.act(Http2Action::MaxConcurrentStreams(0));
    waiting.extend((0..3).map(|_| served.start(get(&served.client, "/"))));
    assert!(waiting.iter().filter(|request| request.take().is_some()).count() < 6);
    let waiting: Vec<_> = (0..3).map(|_| served.start(get(&served.client, "/"))).collect();
    served.act(Http2Action::MaxConcurrentStreams(1));
    served.act(Http2Action::MaxConcurrentStreams(10));
    for request in waiting {
        assert!(request.take().expect("the request waits for ever").is_ok());
    }
}

#[test]
fn lowered_limit_is_obeyed() {
    let (mut served, gates, log) = serve(4, 1);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    let held: Vec<_> = (0..4).map(|number| served.start(get(&served.client, &format!("/held/{number}")))).collect();
    let waiting: Vec<_> = (0..2).map(|_| served.start(get(&served.client, "/held/later"))).collect();
    served.act(Http2Action::MaxConcurrentStreams(2));
    log.take();
    for (number, reached) in [(0, 0), (1, 0), (2, 1), (3, 1)] {
        gates.open(&number.to_string());
        served.tasks.run_until_stalled();
        assert_eq!(log.take().len(), reached, "after {number}");
    }
    gates.open("later");
    served.tasks.run_until_stalled();
    assert!(held.iter().chain(&waiting).all(|request| request.take().is_some_and(|text| text.is_ok())));
}

#[test]
fn request_above_a_lowered_limit_still_waits_for_a_stream() {
    let (mut served, gates, _log) = serve(4, 1);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    let _held: Vec<_> = (0..4).map(|number| served.start(get(&served.client, &format!("/held/{number}")))).collect();
    let waiting = served.start(get(&served.client, "/"));
    served.act(Http2Action::MaxConcurrentStreams(2));
    gates.open("0");
    served.tasks.run_until_stalled();
    served.advance(Duration::from_secs(20));
    let error = waiting.take().expect("the request has the stream of another").unwrap_err();
    assert_eq!(error.timeout(), Some(Timeout::Connect), "{error}");
}

#[test]
fn retired_connection_lets_waiting_requests_look_for_another() {
    for action in [
        Http2Action::GracefulShutdown,
        Http2Action::GoAway { code: waterspout::testing::Http2ErrorCode::NO_ERROR, last_stream: None },
    ] {
        let (mut served, _gates, _log) = serve(1, 3);
        let _held = fill(&mut served);
        let waiting = served.start(get(&served.client, "/"));
        served.act(action.clone());
        assert!(waiting.take().unwrap_or_else(|| panic!("{action:?}")).is_ok());
        assert_eq!(served.connects(), 3);
    }
}

#[test]
fn freed_stream_is_used_before_a_slow_connect_ends() {
    let (mut served, gates, _log) = serve(1, 1);
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    let held = served.start(get(&served.client, "/held/a"));
    let waiting = served.start(get(&served.client, "/"));
    assert_eq!(served.connects(), 2, "the second connect is under way");
    gates.open("a");
    served.tasks.run_until_stalled();
    assert!(held.take().unwrap().is_ok());
    assert!(waiting.take().expect("the request waits for the connect").is_ok());
}

#[test]
fn wait_for_a_stream_is_limited_and_names_the_limit() {
    let (mut served, _gates, _log) = serve(1, 2);
    let _held = fill(&mut served);
    let waiting = served.start(get(&served.client, "/"));
    served.advance(Duration::from_secs(20));
    let error = waiting.take().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
    assert_eq!((error.timeout(), error.limit()), (Some(Timeout::Connect), Some(Duration::from_secs(20))));
    assert!(error.to_string().contains("MAX_CONCURRENT_STREAMS"), "{error}");
}

#[test]
fn dropped_waiting_requests_leave_the_queue() {
    let (mut served, gates, _log) = serve(1, 2);
    let held = fill(&mut served);
    let dropped: Vec<_> = (0..50)
        .map(|_| {
            let mut request = HandPolled::new(get(&served.client, "/"));
            assert!(request.poll().is_pending());
            request
        })
        .collect();
    let waiting = served.start(get(&served.client, "/"));
    drop(dropped);
    gates.open_all();
    served.tasks.run_until_stalled();
    assert!(held.iter().chain([&waiting]).all(|request| request.take().is_some_and(|text| text.is_ok())));
}
