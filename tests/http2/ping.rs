//! PING on a connection that was silent, before a request that must not be repeated.

use std::time::Duration;

use waterspout::testing::{Http2Config, Http2Frame};

use crate::common::{Log, frames, gated, get, post, post_once};
use crate::served::{Gates, Served};

const SILENCE: Duration = Duration::from_secs(10);

fn serve(config: Http2Config) -> (Served, Log) {
    let log = Log::default();
    let mut served = Served::new(config, gated(&Gates::default(), &log));
    assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
    served.control.take_received();
    log.take();
    (served, log)
}

#[test]
fn silent_connection_is_tried_before_requests_that_must_not_be_repeated() {
    type Send = fn(&waterspout::Client) -> futures::future::LocalBoxFuture<'static, waterspout::Result<String>>;
    let post: Send = |client| Box::pin(post(client, "/", 5));
    let once: Send = |client| Box::pin(post_once(client, "/", 5));
    let get: Send = |client| Box::pin(get(client, "/"));
    let put_once: Send = |client| {
        let request = client.put(&crate::common::url("/")).body(crate::common::one_shot(5));
        Box::pin(async move { request.await?.text().await })
    };
    let short = SILENCE - Duration::from_millis(1);
    for (name, send, silence, pings) in [
        ("POST", post, SILENCE, 1),
        ("POST of a body once", once, SILENCE, 1),
        ("PUT of a body once", put_once, SILENCE, 1),
        ("GET", get, SILENCE, 0),
        ("POST soon", post, short, 0),
        ("POST of a body once, soon", once, short, 0),
    ] {
        let (mut served, _log) = serve(Http2Config::new());
        served.advance(silence);
        assert!(served.run(send(&served.client)).expect(name).is_ok(), "{name}");
        assert_eq!(frames(&served.control, Http2Frame::PING).len(), pings, "{name}");
        assert_eq!(served.connects(), 1, "{name}");
    }
}

#[test]
fn unanswered_ping_retires_the_connection_and_the_request_is_sent_once() {
    let (mut served, log) = serve(Http2Config::new().ignore_pings());
    served.advance(SILENCE);
    let request = served.start(post_once(&served.client, "/", 5));
    served.advance(Duration::from_millis(1_999));
    assert!(request.take().is_none());
    served.advance(Duration::from_millis(1));
    assert!(request.take().unwrap().is_ok());
    assert_eq!((served.connects(), log.take().len()), (2, 1));
    assert_eq!(served.control.open(), 1, "the silent connection is closed");
}

#[test]
fn requests_at_the_same_time_share_a_ping() {
    let (mut served, _log) = serve(Http2Config::new());
    served.advance(SILENCE);
    let requests: Vec<_> = (0..8).map(|_| post(&served.client, "/", 5)).collect();
    let found = served.run(futures::future::join_all(requests)).unwrap();
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(frames(&served.control, Http2Frame::PING).len(), 1);
}

#[test]
fn dropped_request_leaves_the_ping_to_the_next() {
    let (mut served, log) = serve(Http2Config::new().ignore_pings());
    served.advance(SILENCE);
    let mut dropped = crate::served::HandPolled::new(post(&served.client, "/", 5));
    assert!(dropped.poll().is_pending());
    served.tasks.run_until_stalled();
    drop(dropped);
    let request = served.start(post(&served.client, "/", 5));
    served.advance(Duration::from_secs(2));
    assert!(request.take().unwrap().is_ok());
    assert_eq!((served.connects(), log.take().len()), (2, 1));
}

#[test]
fn request_that_holds_the_ping_without_a_poll_delays_the_others_by_the_limit() {
    let (mut served, _log) = serve(Http2Config::new());
    served.advance(SILENCE);
    let mut held = crate::served::HandPolled::new(post(&served.client, "/", 5));
    assert!(held.poll().is_pending());
    let request = served.start(post(&served.client, "/", 5));
    served.advance(Duration::from_secs(2));
    assert!(request.take().unwrap().is_ok());
}
