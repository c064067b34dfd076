//! The numbers of open connections that a client reports.

use std::time::Duration;

use futures::executor::block_on;
use futures::future::join;
use futures::{FutureExt, StreamExt};
use waterspout::agent::Config;
use waterspout::testing::Script;
use waterspout::{Client, OriginConnections};

use crate::support::client::{HELLO, answers};

use super::pooled;

/// Returns a line for each entry: the origin, and the active and idle connections.
fn lines(client: &Client) -> Vec<String> {
    let line = |OriginConnections { origin, version, active, idle, .. }: &OriginConnections| {
        format!("{origin} {version:?} {active} {idle}")
    };
    client.connections().iter().map(line).collect()
}

#[test]
fn connection_is_active_until_the_body_ends_then_idle_then_gone() {
    let script = Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe").hold().send("llo");
    let wire = pooled(Config::new().idle_connection_timeout(Duration::from_secs(5)), [script.silence()]);
    let client = &wire.client;
    assert_eq!(lines(client), [""; 0]);
    let mut body = block_on(client.get("http://a/").send()).unwrap().into_body();
    block_on(body.next()).unwrap().unwrap();
    assert_eq!(lines(client), ["http://a HTTP/1.1 1 0"]);
    wire.connector.release();
    block_on(body.next()).unwrap().unwrap();
    assert!(block_on(body.next()).is_none());
    assert_eq!(lines(client), ["http://a HTTP/1.1 0 1"]);
    wire.pass(Duration::from_secs(6));
    assert_eq!((lines(client), wire.connector.open()), (Vec::new(), 0));
}

#[test]
fn origins_are_counted_apart_and_dropped_requests_not_at_all() {
    let silent = || Script::new().expect_head().silence();
    let wire = pooled(Config::new(), [answers([HELLO; 1]).silence(), silent(), silent()]);
    let client = &wire.client;
    let text = |url: &'static str| async move { client.get(url).await?.text().await };
    block_on(text("http://b:81/")).unwrap();
    let mut pair = join(text("http://a/"), text("http://a/")).boxed_local();
    assert!((&mut pair).now_or_never().is_none());
    assert_eq!(lines(client), ["http://a HTTP/1.1 2 0", "http://b:81 HTTP/1.1 0 1"]);
    drop(pair);
    assert_eq!(lines(client), ["http://b:81 HTTP/1.1 0 1"]);
}
