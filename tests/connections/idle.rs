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
fn a_kept_connection_that_the_server_closes_is_closed_at_once() {
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
fn a_kept_connection_that_says_something_unasked_is_closed_at_once() {
    let wire =
        pooled(Config::new(), [answers([HELLO; 1]).hold().send("HTTP/1.1 408 Request Timeout\r\n\r\n").silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 0);
}

#[test]
fn a_connection_is_closed_when_its_time_is_up_although_nobody_asks_for_one() {
    let config = Config::new().idle_connection_timeout(Duration::from_secs(5));
    let wire = pooled(config, [answers([HELLO; 1]).silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_millis(3_900));
    assert_eq!(wire.connector.open(), 1);
    wire.pass(Duration::from_millis(200));
    assert_eq!(wire.connector.open(), 0);
    assert_eq!(wire.timer.pending(), 0, "the watch ends with the last connection");
}

#[test]
fn the_watch_begins_again_with_the_next_connection() {
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
fn a_connection_put_back_while_others_rest_is_watched_too() {
    let wire = pooled(Config::new(), [answers([HELLO; 1]).silence(), answers([HELLO; 1]).hold()]);
    wire.fetch();
    // At rest: it sleeps until the connection expires.
    wire.pass(Duration::from_secs(1));
    wire.pass(Duration::from_secs(1));
    text(wire.client.get("http://other.example/")).unwrap();
    wire.pass(Duration::from_millis(150));
    wire.connector.release();
    wire.run_tasks();
    assert_eq!(wire.connector.open(), 1);
}

#[test]
fn a_watched_connection_is_still_used() {
    let wire = pooled(Config::new(), [answers([HELLO; 3]).silence()]);
    for _ in 0..3 {
        wire.fetch();
        wire.pass(Duration::from_secs(2));
    }
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn the_watch_ends_with_the_client() {
    let mut wire = pooled(Config::new(), [answers([HELLO; 1]).silence()]);
    wire.fetch();
    wire.pass(Duration::from_secs(1));
    wire.client = Client::builder().backend(waterspout::testing::MockBackend::text("")).build().unwrap();
    wire.run_tasks();
    assert_eq!((wire.connector.open(), wire.timer.pending()), (0, 0));
}

#[test]
fn no_more_connections_are_kept_than_the_limits_say() {
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
fn a_connection_idle_for_too_long_is_not_used_again() {
    let wire = scripted([answers([HELLO, HELLO]), once(HELLO)]);
    wire.text().unwrap();
    wire.timer.advance(Duration::from_secs(15));
    wire.text().unwrap();
    assert_eq!((wire.connector.connections(), wire.connector.open()), (2, 1));
}

#[test]
fn a_connection_that_was_closed_or_spoke_while_idle_is_not_used_again() {
    for idle in [once(HELLO), once(HELLO).send("HTTP/1.1 408 Request Timeout\r\n\r\n")] {
        let wire = scripted([idle, once(HELLO)]);
        assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
        assert_eq!(wire.connector.connections(), 2);
    }
}

#[test]
fn a_request_that_would_keep_connections_for_less_time_still_uses_a_kept_one() {
    let wire = scripted([answers([HELLO; 3])]);
    let hurried = || Config::new().idle_connection_timeout(seconds(1));
    send(wire.client.get(URL)).unwrap();
    wire.timer.advance(seconds(5));
    assert!(send(wire.client.get(URL).extension(hurried())).unwrap().connection_info().reused);
    // It goes back for as long as the last to use it would have it.
    wire.timer.advance(seconds(1));
    assert!(send(wire.client.get(URL)).is_err());
}
