//! Requests that are dropped at every point where they wait: no resource leaks and no work continues.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod everywhere;
#[cfg(feature = "tls")]
mod proxied;
#[path = "../support/mod.rs"]
mod support;
mod tunnels;

use std::pin::pin;
use std::task::{Context, Waker};

use futures::{Future, stream};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Body, Bytes, Client};

use crate::support::polling::{poll_times, yield_once};

/// A body of three pieces, each of which is pending once.
fn body() -> Body {
    Body::stream(stream::unfold(0, |piece| async move {
        yield_once().await;
        (piece < 3).then(|| (Ok::<_, std::io::Error>(Bytes::from("piece")), piece + 1))
    }))
}

/// Sends a request and reads the whole response, with pauses. The script sends byte by byte.
async fn exchange(client: &Client) {
    let mut response = client.post("http://example.com/").body(body()).await.unwrap();
    yield_once().await;
    while response.chunk().await.unwrap().is_some() {
        yield_once().await;
    }
}

#[test]
fn a_request_dropped_after_any_number_of_polls_leaves_nothing_behind() {
    let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n";
    for polls in 0.. {
        let connector = ScriptedConnector::new([Script::new().expect_head().drip(answer).expect_head().silence()]);
        let timer = ManualTimer::new();
        let agent = Agent::new(connector.clone(), timer.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).max_active(1).build().unwrap();

        let finished = poll_times(exchange(&client), polls).is_some();
        assert_eq!((client.stats().active, client.stats().queued), (0, 0), "after {polls} polls");
        assert_eq!(timer.pending(), 0, "after {polls} polls");
        // Only a connection whose response has ended may be kept.
        assert_eq!(connector.open(), usize::from(finished), "after {polls} polls");
        if finished {
            assert!(polls > answer.len(), "{polls} polls are too few to reach every wait");
            return;
        }
    }
}

#[test]
fn request_dropped_while_queued_leaves_the_queue() {
    let client = Client::builder().max_active(1).backend(waterspout::testing::MockBackend::pending()).build().unwrap();
    let mut first = pin!(client.get("http://example.com/").send());
    assert!(first.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    for polls in 0..4 {
        let waiting = async { drop(client.get("http://example.com/").await) };
        assert!(poll_times(waiting, polls).is_none());
        assert_eq!((client.stats().active, client.stats().queued), (1, 0));
    }
}
