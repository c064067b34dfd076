//! The bytes of a request's head.

use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::http::{HeaderMap, HeaderValue, StatusCode};
use waterspout::testing::MockBackend;
use waterspout::{Client, Response};

use crate::support::client::{HELLO, URL, answers, headers, scripted, scripted_client, send};

#[test]
fn default_get_sends_exactly_these_bytes() {
    let wire = scripted([answers([HELLO, HELLO])]);
    send(wire.client.get("http://Example.com?q=1#part").decompress(false)).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let fields = format!("accept: */*\r\nuser-agent: waterspout/{version}\r\n\r\n");
    assert_eq!(wire.sent(0), format!("GET /?q=1 HTTP/1.1\r\nhost: example.com\r\n{fields}"));
}

#[test]
fn user_agent_of_the_request_wins_over_client_and_default() {
    let client = Client::builder().default_headers(headers(&[("user-agent", "client")]));
    let wire = scripted_client(client, [answers([HELLO, HELLO])]);
    send(wire.client.get(URL)).unwrap();
    send(wire.client.get(URL).header("user-agent", "request")).unwrap();
    let sent = wire.sent(0);
    let agents: Vec<_> = sent.lines().filter_map(|line| line.strip_prefix("user-agent: ")).collect();
    assert_eq!(agents, ["client", "request"]);
}

#[test]
fn host_header_omits_the_default_port_of_the_scheme() {
    for (url, host) in [
        ("http://example.com:80/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://example.com:443/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("http://user:secret@example.com:8080/", "example.com:8080"),
        ("http://[0:0::1]:8080/", "[::1]:8080"),
    ] {
        let wire = scripted([answers([HELLO])]);
        send(wire.client.get(url)).unwrap();
        assert!(wire.sent(0).contains(&format!("\r\nhost: {host}\r\n")), "{url}: {}", wire.sent(0));
        assert!(!wire.sent(0).contains("secret"));
    }
}

#[test]
fn text_and_bytes_make_the_same_header() {
    let wire = scripted([answers([HELLO; 4])]);
    send(wire.client.get(URL).header("x-a", "1")).unwrap();
    send(wire.client.get(URL).header(&b"X-A"[..], &b"1"[..])).unwrap();
    send(wire.client.get(URL).header("X-a".to_owned(), "1".to_owned())).unwrap();
    send(wire.client.get(URL).headers(headers(&[("x-a", "1")]))).unwrap();
    let sent = wire.sent(0);
    let heads: Vec<_> = sent.split_terminator("\r\n\r\n").collect();
    assert_eq!(heads.len(), 4);
    assert!(heads.iter().all(|head| *head == heads[0] && head.contains("\r\nx-a: 1\r\n")), "{sent}");
}

#[test]
fn default_headers_keep_all_their_values() {
    let seen = Arc::new(Mutex::new(0));
    let seen2 = seen.clone();
    let backend = MockBackend::new(move |r| {
        *seen2.lock().unwrap() = r.headers().get_all("x-a").iter().count();
        async move { Ok(Response::new(StatusCode::OK, r.url().clone(), "")) }.boxed()
    });
    let mut h = HeaderMap::new();
    h.append("x-a", HeaderValue::from_static("1"));
    h.append("x-a", HeaderValue::from_static("2"));
    let client = Client::builder().backend(backend).default_headers(h).build().unwrap();
    block_on(client.get(URL).send()).unwrap();
    assert_eq!(*seen.lock().unwrap(), 2);
}
