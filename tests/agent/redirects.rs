//! Which responses are followed as redirects, and the requests that follow them.

use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use futures::stream;
use waterspout::testing::Script;
use waterspout::{Body, Bytes, Error, ErrorKind, Phase};

use crate::support::client::{HELLO, URL, answers, once, redirect, scripted, send};

#[test]
fn method_after_each_redirect_follows_the_fetch_standard() {
    for status in [301, 302, 303, 307, 308] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let wire = scripted([answers([&*redirect(status, "/next"), "HTTP/1.1 204 No Content\r\n\r\n"])]);
            let has_body = !["GET", "HEAD"].contains(&method);
            let request = wire.client.request(method.parse().unwrap(), URL);
            send(if has_body { request.body("payload") } else { request }).unwrap();
            let becomes_get = match status {
                301 | 302 => method == "POST",
                303 => method != "HEAD",
                _ => false,
            };
            let sent = wire.sent(0);
            let (_, next) = sent.split_once(" / HTTP/1.1").unwrap();
            let expected = if becomes_get { "GET" } else { method };
            assert!(next.contains(&format!("{expected} /next HTTP/1.1\r\n")), "{status} {method}: {sent}");
            let again = has_body && !becomes_get;
            assert_eq!(sent.ends_with("\r\n\r\npayload"), again, "{status} {method}: {sent}");
            let lengths = sent.matches("content-length: 7").count();
            assert_eq!(lengths, usize::from(has_body) + usize::from(again), "{status} {method}: {sent}");
        }
    }
}

#[test]
fn put_without_a_body_has_no_body_after_a_307() {
    let wire = scripted([answers([&*redirect(307, "/next"), HELLO])]);
    assert_eq!(send(wire.client.put(URL)).unwrap().url().path(), "/next");
    assert_eq!(wire.sent(0).matches("\r\ncontent-length: 0\r\n").count(), 2, "{}", wire.sent(0));
}

#[test]
fn a_redirect_without_a_location_is_a_response() {
    for status in [301, 302, 303, 307, 308] {
        let wire = scripted([answers([format!("HTTP/1.1 {status} Moved\r\ncontent-length: 4\r\n\r\ngone")])]);
        let response = send(wire.client.get(URL)).unwrap();
        assert_eq!((response.status().as_u16(), response.redirected()), (status, false));
        assert_eq!(block_on(response.text()).unwrap(), "gone");
    }
}

#[test]
fn no_other_status_is_followed() {
    for status in [200, 201, 300, 304, 305, 306, 309, 399, 400] {
        let wire = scripted([answers([redirect(status, "/next"), HELLO.to_owned()])]);
        let response = send(wire.client.get(URL)).unwrap();
        assert_eq!((response.status().as_u16(), response.redirected()), (status, false));
        assert_eq!(response.headers()["location"], "/next");
    }
}

#[test]
fn empty_location_leads_to_the_same_url() {
    let wire = scripted([answers([&*redirect(302, ""), HELLO])]);
    let response = send(wire.client.get("http://example.com/a?b")).unwrap();
    assert_eq!((response.url().as_str(), response.redirected()), ("http://example.com/a?b", true));
    assert_eq!(wire.sent(0).matches("GET /a?b HTTP/1.1").count(), 2);
}

#[test]
fn redirect_to_a_scheme_other_than_http_is_an_error() {
    for to in ["ftp://example.com/", "file:///etc/passwd", "data:,x", "javascript:alert(1)", "ws://example.com/"] {
        let wire = scripted([answers([redirect(302, to)]).silence(), answers([HELLO])]);
        let error = send(wire.client.get(URL)).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Redirect, Phase::Head), "{to}: {error}");
        assert!(error.to_string().contains(to.split(':').next().unwrap()), "{error}");
        assert_eq!((wire.connector.connections(), wire.client.stats().active), (1, 0), "{to}");
    }
}

#[test]
fn headers_and_progress_of_redirects_are_not_part_of_the_response() {
    let hop = "HTTP/1.1 302 Found\r\nlocation: /next\r\nx-hop: 1\r\ncontent-length: 4\r\n\r\ngone";
    let wire = scripted([answers([hop, HELLO])]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let seen = told.clone();
    let request = wire.client.get(URL).on_download(move |so_far| seen.lock().unwrap().push(so_far.bytes));
    let response = send(request).unwrap();
    assert!(!response.headers().contains_key("x-hop"));
    assert_eq!(block_on(response.text()).unwrap(), "hello");
    assert_eq!(*told.lock().unwrap(), [5]);
}

#[test]
fn failed_connect_after_a_redirect_names_the_new_url() {
    let away = "HTTP/1.1 302 Found\r\nlocation: http://other.example/\r\ncontent-length: 0\r\n\r\n";
    let wire = scripted([once(away), Script::refused()]);
    let error = wire.text().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    assert_eq!(error.url(), Some("http://other.example/"));
}

#[test]
fn body_that_cannot_be_replayed_fails_a_307_redirect() {
    let again = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /next\r\ncontent-length: 0\r\n\r\n";
    let wire = scripted([answers([again, HELLO])]);
    let body = Body::stream(stream::iter([Ok::<_, Error>(Bytes::from("body"))]));
    let error = block_on(wire.client.put(URL).body(body).send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BodyNotReplayable);
}

#[test]
fn response_history_lists_the_redirects() {
    let wire =
        scripted([once(redirect(302, "/b")), once(redirect(307, "http://other.example/c")), answers([HELLO; 1])]);
    let response = block_on(wire.client.get(URL).send()).unwrap();
    let history: Vec<_> = response.history().iter().map(|hop| (hop.url.as_str(), hop.status.as_u16())).collect();
    assert_eq!(history, [("http://example.com/", 302), ("http://example.com/b", 307)]);
    assert_eq!(response.url().as_str(), "http://other.example/c");
    assert!(response.redirected());
}
