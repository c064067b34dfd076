//! How long idle connections are kept, and how many.

use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use futures::future::join_all;
use waterspout::Client;
use waterspout::agent::Config;
use waterspout::testing::Script;

use crate::support::client::{HELLO, URL, answers, once, scripted, seconds, send, text};

use super::pooled;

#[test]
fn idle_connection_closes_as_soon_as_the_server_closes_it() {
    let wire = pooled(Config::new(), [answers([HELLO; 1]).hold()]);
    wire.fetch();
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_secs(1));
    assert_eq!(wire.connector.open(), 1);
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn idle_connection_that_receives_data_is_closed_at_once() {
    let wire =
        pooled(Config::new(), [answers([HELLO; 1]).hold().send("HTTP/1.1 408 Request Timeout\r\n\r\n").silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn idle_connection_closes_on_time_without_another_request() {
    let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    let wire = pooled(config, [answers([HELLO; 1]).silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_millis(3_900));
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_millis(200));
    assert_eq!(wire.connector.open(), 0);
    assert_eq!(wire.timer.pending(), 0, "the idle reaper ends with the last connection");
}

#[test]
fn idle_reaper_starts_again_with_the_next_connection() {
    let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    let wire = pooled(config, [answers([HELLO; 1]).silence(), answers([HELLO; 1]).silence()]);
    for _ in 0..2 {
        wire.fetch();
        wire.pass(Duration::from_secs(1));
        wire.pass(Duration::from_secs(4));
        assert_eq!(wire.connector.open(), 0);
        assert_eq!(wire.timer.pending(), 0);
    }
}

#[test]
fn connection_returned_while_others_are_idle_is_watched() {
    let wire = pooled(Config::new(), [answers([HELLO; 1]).silence(), answers([HELLO; 1]).hold()]);
    wire.fetch();
    // The idle reaper sleeps until the connection expires.
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_secs(1));
    text(wire.client.get("http://other.example/")).unwrap();
    wire.pass(Duration::from_millis(150));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 1);
}

#[test]
fn watched_idle_connection_is_reused() {
    let wire = pooled(Config::new(), [answers([HELLO; 3]).silence()]);
    for _ in 0..3 {
        wire.fetch();
        wire.pass(Duration::from_secs(2));
    }
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn idle_reaper_ends_with_the_client() {
    let mut wire = pooled(Config::new(), [answers([HELLO; 1]).silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.client = Client::builder().backend(waterspout::testing::MockBackend::text("")).build().unwrap();
    wire.run_tasks();
    assert_eq!((wire.connector.open(), wire.timer.pending()), (0, 0));
}

#[test]
fn idle_connections_stay_within_the_limits() {
    for (config, kept) in [
        (Config::new(), 4),
        (Config::new().idle_connections_per_origin(3), 3),
        (Config::new().idle_connections(2), 2),
        (Config::new().idle_connections(0), 0),
        (Config::new().idle_connections_per_origin(0), 0),
        (Config::new().idle_connection_timeout(Duration::ZERO), 0),
    ] {
        let scripts = (0..4).map(|_| Script::new().expect_head().hold().send(HELLO).silence());
        let wire = pooled(config, scripts);
        let requests = join_all((0..4).map(|_| wire.client.get(URL).send()));
        let mut requests = Box::pin(requests);
        assert!((&mut requests).now_or_never().is_none());
        assert_eq!(wire.connector.open(), 4);
        wire.connector.release();
        assert!(block_on(requests).into_iter().all(|response| response.is_ok()));
        wire.pass(Duration::from_millis(200));
        assert_eq!(wire.connector.open(), kept);
    }
}

#[test]
fn expired_idle_connection_is_not_reused() {
    let wire = scripted([answers([HELLO, HELLO]), once(HELLO)]);
    wire.text().unwrap();
    wire.timer.advance(Duration::from_secs(15));
    wire.text().unwrap();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (2, 1));
}

#[test]
fn idle_connection_that_was_closed_or_received_data_is_not_reused() {
    for idle in [once(HELLO), once(HELLO).send("HTTP/1.1 408 Request Timeout\r\n\r\n")] {
        let wire = scripted([idle, once(HELLO)]);
        assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 2);
    }
}

#[test]
fn request_with_a_shorter_idle_limit_still_reuses_a_connection() {
    let wire = scripted([answers([HELLO; 3])]);
    let hurried = || Config::new().idle_connection_timeout(seconds(1));
    send(wire.client.get(URL)).unwrap();
    wire.timer.advance(seconds(5));
    assert!(send(wire.client.get(URL).extension(hurried())).unwrap().connection_info().reused);
    // The connection stays idle for as long as the request that used it last allows.
    wire.timer.advance(seconds(1));
    assert!(send(wire.client.get(URL)).is_err());
}
