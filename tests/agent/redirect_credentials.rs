//! Credentials that are removed when a redirect leads to another origin.

use futures::executor::block_on;
use waterspout::Client;
use waterspout::http::HeaderValue;

use crate::support::client::{HELLO, URL, answers, headers, once, redirect, scripted, scripted_client, send};

#[test]
fn credentials_in_default_headers_stay_with_the_first_origin() {
    let mut defaults = headers(&[("authorization", "Bearer secret"), ("cookie", "secret"), ("x-plain", "1")]);
    let mut key = HeaderValue::from_static("secret");
    key.set_sensitive(true);
    defaults.insert("x-api-key", key);
    let there = redirect(302, "http://example.com:81/");
    let wire = scripted_client(Client::builder().default_headers(defaults), [answers([there]), answers([HELLO])]);
    send(wire.client.get(URL).header("proxy-authorization", "Basic secret")).unwrap();
    assert_eq!(wire.sent(0).matches("secret").count(), 4);
    assert!(wire.sent(1).contains("x-plain: 1") && !wire.sent(1).contains("secret"), "{}", wire.sent(1));
}

#[test]
fn removed_credentials_do_not_return_after_a_redirect_back() {
    let away = redirect(302, "http://other.example/");
    let wire = scripted([answers([&*away, HELLO]), answers([redirect(302, "http://example.com/back")])]);
    let response = send(wire.client.get(URL).basic_auth("user", "secret").header("cookie", "a=b")).unwrap();
    assert_eq!(response.url().path(), "/back");
    assert_eq!(wire.sent(0).matches("authorization:").count(), 1, "{}", wire.sent(0));
    assert_eq!(wire.sent(0).matches("cookie:").count(), 1);
    assert!(!wire.sent(1).contains("authorization:"));
}

#[test]
fn credentials_of_a_request_do_not_reach_the_next_request_on_its_connection() {
    let wire = scripted([answers([HELLO, HELLO])]);
    let first = wire.client.get(URL).basic_auth("user", "secret").header("proxy-authorization", "Basic x");
    send(first.header("cookie", "a=b")).unwrap();
    send(wire.client.get(URL)).unwrap();
    assert_eq!(wire.connector.connections(), 1);
    for name in ["authorization: Basic", "cookie: a=b"] {
        let (first, second) = wire.sent(0).split_once("\r\n\r\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!(first.contains(name) && !second.contains(name), "{name}");
    }
}

#[test]
fn redirect_reuses_the_connection_and_drops_credentials_for_another_origin() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
    let home = "HTTP/1.1 302 Found\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";
    let wire = scripted([answers([home, away]), once(HELLO)]);
    let request =
        wire.client.get(URL).header("authorization", "Bearer secret").header("cookie", "a=b").header("x-a", "1");
    let response = block_on(request.send()).unwrap();
    assert_eq!(response.url().as_str(), "http://other.example/");
    let (home, away) = (wire.connector.written(0), wire.connector.written(1));
    assert_eq!(home.matches("authorization: Bearer secret").count(), 2);
    assert!(home.contains("GET /next HTTP/1.1\r\nhost: example.com\r\n"), "{home}");
    assert!(away.starts_with("GET / HTTP/1.1\r\nhost: other.example\r\n") && away.contains("x-a: 1"), "{away}");
    assert!(!away.contains("secret") && !away.contains("cookie"), "{away}");
}
