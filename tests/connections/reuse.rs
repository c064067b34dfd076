//! Which responses leave a connection that the next request can reuse.

use futures::executor::block_on;
use waterspout::{ErrorKind, Phase};

use crate::support::client::{HELLO, URL, answers, once, scripted};

fn length(text: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

#[test]
fn connection_is_reused_after_complete_responses() {
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n";
    let wire = scripted([once(length("one")).expect_head().send(chunked).expect_head().send(length("three"))]);
    assert_eq!([wire.text().unwrap(), wire.text().unwrap(), wire.text().unwrap()], ["one", "one", "three"]);
    assert_eq!((wire.connector.connections(), wire.connector.open()), (1, 1));
}

#[test]
fn small_response_frees_connection_and_slot_before_it_is_read() {
    let wire = scripted([answers([HELLO, HELLO])]);
    let unread = block_on(wire.client.get(URL).send()).unwrap();
    assert_eq!(wire.client.stats().active, 0);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!(wire.connector.connections(), 1);
    assert_eq!(block_on(unread.text()).unwrap(), "hello");
}

#[test]
fn body_of_known_length_ends_with_its_last_byte() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
        .pause()
        .send("half")
        .pause()
        .send("half")
        .expect_head()
        .send(HELLO)]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    let mut received = 0;
    while received < 8 {
        assert_eq!(wire.client.stats().active, 1, "{received}");
        received += block_on(response.chunk()).unwrap().unwrap().len();
    }
    // Whoever knows the length reads no further, such as hyper when it passes the body on.
    assert_eq!(wire.client.stats().active, 0);
    assert!(response.timings().total.is_some());
    drop(response);
    assert_eq!(wire.text().unwrap(), "hello");
    assert_eq!(wire.connector.connections(), 1);
}

#[test]
fn connection_that_did_not_end_cleanly_is_not_reused() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let wire = scripted([once(answer).expect_head().send(HELLO), once(HELLO)]);
        assert_eq!(wire.text().unwrap(), "hello", "{answer}");
        assert_eq!(wire.connector.open(), 0, "{answer}");
        assert_eq!(wire.text().unwrap(), "hello", "{answer}");
        assert_eq!(wire.connector.connections(), 2, "{answer}");
    }
}

#[test]
fn http_1_0_connection_is_kept_with_connection_keep_alive() {
    let wire =
        scripted([answers(["HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 5\r\n\r\nhello", HELLO])]);
    assert_eq!([wire.text().unwrap(), wire.text().unwrap()], ["hello", "hello"]);
    assert_eq!(wire.connector.connections(), 1);
}

#[test]
fn a_body_dropped_half_read_closes_its_connection() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").silence()]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    assert_eq!(block_on(response.chunk()).unwrap().unwrap(), "half");
    assert_eq!((wire.connector.open(), wire.client.stats().active), (1, 1));
    drop(response);
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}

#[test]
fn a_body_that_fails_closes_its_connection_and_frees_its_slot() {
    let wire = scripted([once("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").reset()]);
    let mut response = block_on(wire.client.get(URL).send()).unwrap();
    assert!(block_on(response.chunk()).is_ok());
    let error = block_on(response.chunk()).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::ConnectionClosed, Phase::Body));
    assert_eq!((wire.connector.open(), wire.client.stats().active), (0, 0));
}
