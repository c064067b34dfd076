//! GOAWAY: streams above the last stream are sent again, for each method, and running streams end.

use std::task::Poll;
use std::time::Duration;

use futures::future::join_all;
use waterspout::testing::{Http2Action, Http2Config, Http2ErrorCode, Http2Frame};

use crate::common::{Log, frames, gated, get, post, post_once};
use crate::served::{Gates, HandPolled, Served};

fn go_away(last_stream: Option<u32>) -> Http2Action {
    Http2Action::GoAway { code: Http2ErrorCode::NO_ERROR, last_stream }
}

#[test]
fn streams_above_the_last_stream_are_sent_again() {
    for last_stream in [None, Some(1), Some(3), Some(7), Some(9)] {
        let log = Log::default();
        let config = Http2Config::new().on_request(3, go_away(last_stream));
        let mut served = Served::new(config, gated(&Gates::default(), &log));
        let requests: Vec<_> = (0..3).map(|number| post(&served.client, &format!("/{number}"), 5)).collect();
        let more: Vec<_> = (3..5).map(|number| get(&served.client, &format!("/{number}"))).collect();
        let all = async { (join_all(requests).await, join_all(more).await) };
        let (posts, gets) = served.run(all).unwrap_or_else(|| panic!("{last_stream:?} hangs"));
        assert!(posts.iter().chain(&gets).all(Result::is_ok), "{last_stream:?}: {posts:?} {gets:?}");
        assert!((1..=3).contains(&served.connects()), "{last_stream:?}: {} connections", served.connects());
    }
}

#[test]
fn body_that_can_be_sent_once_is_sent_again_if_nothing_was_taken() {
    for (name, opens_late, is_ok) in [("no byte was taken", true, true), ("bytes were taken", false, false)] {
        let log = Log::default();
        let config = Http2Config::new().on_request(2, go_away(Some(1)));
        let mut served = Served::new(config, gated(&Gates::default(), &log));
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
        let client = served.client.clone();
        let request = async move {
            let request = client.post(crate::common::url("/")).body(crate::common::one_shot(5));
            request.expect_continue(opens_late).await?.text().await
        };
        let outcome = served.run(request).expect(name);
        assert_eq!(outcome.is_ok(), is_ok, "{name}: {outcome:?}");
    }
}

#[test]
fn each_connection_may_answer_few_requests() {
    // As nginx with `keepalive_requests 10`, and 64 requests at once.
    let log = Log::default();
    let config = Http2Config::new().on_request(10, go_away(None));
    let mut served = Served::new(config, gated(&Gates::default(), &log));
    let requests: Vec<_> = (0..64).map(|number| post(&served.client, &format!("/{number}"), 5)).collect();
    let found = served.run(join_all(requests)).unwrap();
    let lost: Vec<_> = found.iter().filter_map(|text| text.as_ref().err()).collect();
    assert!(lost.is_empty(), "{} requests are lost: {}", lost.len(), lost[0]);
    assert_eq!(log.take().len(), 64, "no POST is processed twice");
}

#[test]
fn requests_are_seldom_refused_by_a_server_that_retires_its_connections() {
    let config = Http2Config::new().on_request(10, go_away(None));
    let mut served = Served::new(config, gated(&Gates::default(), &Log::default()));
    for round in 0..5 {
        let requests: Vec<_> = (0..64).map(|number| post(&served.client, &format!("/{round}/{number}"), 5)).collect();
        let found = served.run(join_all(requests)).unwrap();
        assert!(found.iter().all(Result::is_ok), "{found:?}");
    }
    // The first connection refuses 54 requests. The later connections get few more than the server takes.
    let sent = frames(&served.control, Http2Frame::HEADERS).len();
    assert!(sent <= 5 * 64 * 3 / 2, "{sent} requests were sent");
}

#[test]
fn connection_that_processes_no_request_ends_the_repetitions() {
    let log = Log::default();
    let config = Http2Config::new().on_request(1, go_away(Some(0)));
    let mut served = Served::new(config, gated(&Gates::default(), &log));
    let error = served.run(get(&served.client, "/")).unwrap().unwrap_err();
    assert!(error.to_string().contains("NO_ERROR"), "{error}");
    assert_eq!(served.connects(), 3, "a request is sent three times at most");
}

#[test]
fn graceful_shutdown_lets_running_requests_end() {
    let (gates, log) = (Gates::default(), Log::default());
    let mut served = Served::build(Http2Config::new(), gated(&gates, &log), &gates, usize::MAX, |builder| builder);
    let held: Vec<_> = (0..3).map(|_| served.start(post_once(&served.client, "/held/a", 5))).collect();
    served.act(Http2Action::GracefulShutdown);
    assert!(served.run(post(&served.client, "/", 5)).unwrap().is_ok());
    assert_eq!(served.connects(), 2);
    gates.open("a");
    served.tasks.run_until_stalled();
    assert!(held.iter().all(|request| request.take().is_some_and(|text| text.is_ok())));
    assert_eq!(served.control.open(), 1);
}

#[test]
fn abrupt_shutdown_repeats_what_may_be_repeated() {
    for (code, method, is_ok) in [
        (Http2ErrorCode::NO_ERROR, "GET", true),
        (Http2ErrorCode::NO_ERROR, "POST", false),
        (Http2ErrorCode::ENHANCE_YOUR_CALM, "GET", false),
        (Http2ErrorCode::ENHANCE_YOUR_CALM, "POST", false),
    ] {
        let (gates, log) = (Gates::default(), Log::default());
        let mut served = Served::build(Http2Config::new(), gated(&gates, &log), &gates, usize::MAX, |builder| builder);
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
        let request = match method {
            "GET" => served.start(get(&served.client, "/held/a")),
            _ => served.start(post(&served.client, "/held/a", 5)),
        };
        gates.open("a");
        served.control.run(Http2Action::Shutdown { code });
        served.tasks.run_until_stalled();
        let outcome = request.take().unwrap_or_else(|| panic!("{method} after {code:?} hangs"));
        assert_eq!(outcome.is_ok(), is_ok, "{method} after {code:?}: {outcome:?}");
    }
}

/// Polls a request and lets the server run, until the request is ready.
fn finish(served: &mut Served, request: &mut HandPolled<waterspout::Result<String>>) -> waterspout::Result<String> {
    for _ in 0..20 {
        served.tasks.run_until_stalled();
        if let Poll::Ready(outcome) = request.poll() {
            return outcome;
        }
    }
    panic!("the request hangs");
}

/// Starts a request that waits for its answer.
fn running(served: &mut Served, path: &str) -> HandPolled<waterspout::Result<String>> {
    let mut request = HandPolled::new(get(&served.client, path));
    for _ in 0..3 {
        assert!(request.poll().is_pending());
        served.tasks.run_until_stalled();
    }
    request
}

#[test]
fn cancelled_request_and_goaway_leave_the_running_request_alone() {
    let (gates, log) = (Gates::default(), Log::default());
    let mut served = Served::build(Http2Config::new(), gated(&gates, &log), &gates, usize::MAX, |builder| builder);
    let mut running = running(&mut served, "/held/a");
    served.act(go_away(None));
    // The head of this request is not written when it is dropped, and the client has not read the GOAWAY.
    let mut dropped = HandPolled::new(get(&served.client, "/"));
    assert!(dropped.poll().is_pending());
    drop(dropped);
    served.tasks.run_until_stalled();
    gates.open("a");
    assert_eq!(finish(&mut served, &mut running).unwrap(), "/held/a");
    assert_eq!(served.connects(), 1);
}

#[test]
fn requests_that_were_not_sent_are_woken_when_the_connection_ends() {
    let (gates, log) = (Gates::default(), Log::default());
    let mut served = Served::build(Http2Config::new(), gated(&gates, &log), &gates, usize::MAX, |builder| builder);
    let mut running = running(&mut served, "/held/a");
    let mut unsent: Vec<_> = (0..2).map(|_| HandPolled::new(post(&served.client, "/", 5))).collect();
    unsent.iter_mut().for_each(|request| assert!(request.poll().is_pending()));
    // The server allows no more streams, so the heads stay in the client.
    served.act(Http2Action::Frames(vec![Http2Frame::settings(&[(3, 0)])]));
    // The wake-up of the transport goes to the requests that were polled last.
    for _ in 0..3 {
        let [first, last] = &mut unsent[..] else { panic!() };
        for request in [first, &mut running, last] {
            assert!(request.poll().is_pending());
        }
        served.tasks.run_until_stalled();
    }
    assert!(!unsent[0].is_woken());
    served.control.run(Http2Action::Frames(vec![Http2Frame::go_away(0x7fff_ffff, Http2ErrorCode::NO_ERROR)]));
    gates.open("a");
    assert_eq!(finish(&mut served, &mut running).unwrap(), "/held/a");
    for request in &mut unsent {
        assert!(request.is_woken(), "the request waits for a connection that has ended");
        assert_eq!(finish(&mut served, request).unwrap(), "/");
    }
    assert_eq!(log.take().len(), 3, "each request is processed once");
}

#[test]
fn held_requests_hold_no_other_back_after_a_goaway() {
    let (gates, log) = (Gates::default(), Log::default());
    let mut served = Served::new(Http2Config::new(), gated(&gates, &log));
    let mut held: Vec<_> = (0..3).map(|_| served.start(get(&served.client, "/held/a"))).collect();
    // The server takes two requests and refuses the third, so each later connection gets two at first.
    served.attack_first(go_away(Some(3)));
    held.extend((3..6).map(|_| served.start(get(&served.client, "/held/a"))));
    assert_eq!(served.connects(), 3, "two more connections are open, and have two held requests each");
    let waiting = [served.start(get(&served.client, "/b")), served.start(get(&served.client, "/c"))];
    log.take();
    served.advance(Duration::from_millis(999));
    assert_eq!(log.take(), [""; 0], "the connections get no more requests at first");
    served.advance(Duration::from_millis(1));
    assert!(waiting.iter().all(|request| request.take().is_some_and(|text| text.is_ok())));
    gates.open("a");
    served.tasks.run_until_stalled();
    assert!(held.iter().all(|request| request.take().is_some_and(|text| text.is_ok())));
    assert_eq!(served.connects(), 3);
}
