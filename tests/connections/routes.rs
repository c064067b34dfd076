//! Extensions of a request that replace the agent's settings.

use waterspout::agent::{Config, Route};
use waterspout::testing::{Script, ScriptedConnector};
use waterspout::{ErrorKind, Extension};

use crate::support::client::{HELLO, URL, answers, text};
use crate::support::client::{scripted, scripted_agent};

#[test]
fn connections_of_a_route_are_not_reused_by_other_routes() {
    let own = scripted([answers([HELLO; 3]).silence()]);
    let other = ScriptedConnector::new([answers([HELLO; 2]).silence()]);
    let via = Route::new(other.clone());
    for _ in 0..2 {
        own.text().unwrap();
        text(own.client.get(URL).extension(via.clone())).unwrap();
    }
    assert_eq!((own.connector.connections(), other.connections()), (1, 1));
    let third = ScriptedConnector::new([]);
    let error = text(own.client.get(URL).extension(Route::new(third))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}

#[test]
fn config_of_a_request_replaces_the_config_of_the_agent() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(2_000));
    let script = || Script::new().expect_head().send(long.clone());
    let wire =
        scripted_agent(|agent| agent.with_config(Config::new().head_bytes(1_000)), [script(), script(), script()]);
    assert_eq!(text(wire.client.get(URL)).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(text(wire.client.get(URL).extension(Config::new())).is_ok());
    assert_eq!(text(wire.client.get(URL)).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn extension_for_another_backend_is_refused() {
    struct Depth;
    impl Extension for Depth {
        const NAME: &'static str = "depth";
        const BACKEND: &'static str = "diver";
    }
    let wire = scripted([]);
    let error = text(wire.client.get(URL).extension(Depth)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`depth`"), "{error}");
}
