//! Requests that are refused before anything is sent.

use futures::executor::block_on;
use waterspout::http::header::HOST;
use waterspout::http::{HeaderMap, HeaderName, HeaderValue, Method};
use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
use waterspout::{Agent, Client, ErrorKind, Phase, Request, Trailers};

use crate::support::client::{HELLO, URL, answers, once, scripted, send};
use waterspout::{Backend, CallContext};

#[test]
fn line_breaks_and_nul_in_headers_are_refused() {
    for bad in ["a\rb", "a\nb", "a\r\nb", "a\0b", "a\r\nx: y", "a\n b"] {
        let wire = scripted([once(HELLO)]);
        for request in [wire.client.get(URL).header("x-a", bad), wire.client.get(URL).header(bad, "x")] {
            let error = block_on(request.send()).unwrap_err();
            assert_eq!((error.kind(), wire.connector.connections()), (ErrorKind::InvalidRequest, 0), "{bad:?}");
        }
        assert!(HeaderValue::from_bytes(bad.as_bytes()).is_err() && HeaderName::from_bytes(bad.as_bytes()).is_err());
        assert!(Method::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
    }
}

#[test]
fn header_names_and_methods_must_be_tokens() {
    for bad in ["a b", "a:", "", "(a)", "a\u{e9}"] {
        assert!(Method::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        let wire = scripted([once(HELLO)]);
        assert!(block_on(wire.client.get(URL).header(bad, "x").send()).unwrap_err().is_invalid_request(), "{bad:?}");
    }
}

#[test]
fn a_target_never_breaks_the_request_line() {
    for (url, line) in [
        ("http://example.com/a\r\nb", "GET /ab HTTP/1.1"),
        ("http://example.com/a b?c d", "GET /a%20b?c%20d HTTP/1.1"),
        ("http://example.com/a\0b?c\0d", "GET /a%00b?c%00d HTTP/1.1"),
        ("http://example.com/\u{e9}?\u{e9}", "GET /%C3%A9?%C3%A9 HTTP/1.1"),
        ("http://example.com?a#b\r\nc", "GET /?a HTTP/1.1"),
        ("http://example.com/\u{85}\u{2028}", "GET /%C2%85%E2%80%A8 HTTP/1.1"),
    ] {
        let wire = scripted([once(HELLO)]);
        block_on(wire.client.get(url).send()).unwrap();
        assert_eq!(wire.connector.written(0).lines().next(), Some(line), "{url:?}");
    }
    for bad in ["http://a b/", "http://a\0b/", "http://a\u{7f}b/"] {
        let wire = scripted([once(HELLO)]);
        assert_eq!(block_on(wire.client.get(bad).send()).unwrap_err().kind(), ErrorKind::InvalidUrl, "{bad:?}");
    }
}

#[test]
fn request_with_two_host_headers_is_refused() {
    let wire = scripted([once(HELLO)]);
    let request = wire.client.get(URL).header(HOST, "a.example").header(HOST, "b.example");
    assert_eq!(block_on(request.send()).unwrap_err().kind(), ErrorKind::InvalidRequest);
    assert_eq!((wire.connector.written(0).as_str(), wire.connector.open()), ("", 0));
}

#[test]
fn default_headers_cannot_set_the_framing() {
    let (connector, timer) = (ScriptedConnector::new([Script::new().expect_head().send(HELLO)]), ManualTimer::new());
    let mut h = HeaderMap::new();
    h.append("transfer-encoding", HeaderValue::from_static("chunked"));
    let client = Client::builder()
        .backend(Agent::new(connector.clone(), timer.clone()))
        .timer(timer)
        .default_headers(h)
        .build()
        .unwrap();
    let out = block_on(client.post(URL).body("0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n").send()).map(|r| r.status());
    assert!(out.is_err(), "sent {}", connector.written(0));
}

#[test]
fn second_host_header_never_leaves() {
    let w = scripted([Script::new().expect_head().send(HELLO)]);
    let error = block_on(w.client.get(URL).header("host", "a").header("host", "b").send()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(w.connector.written(0).matches("host:").count() <= 1, "{}", w.connector.written(0));
}

#[test]
fn agent_without_a_client_refuses_a_wrong_content_length() {
    let connector = ScriptedConnector::new([Script::new().expect_head().send(HELLO)]);
    let agent = Agent::new(connector.clone(), ManualTimer::new());
    let mut r = Request::post(URL).body("abc").build().unwrap();
    r.headers_mut().insert("content-length", HeaderValue::from_static("0"));
    let error = block_on(agent.fetch(r, CallContext::new())).unwrap_err();
    assert_eq!((error.kind(), connector.connections()), (ErrorKind::InvalidRequest, 0), "{error}");
}

#[test]
fn forbidden_methods_are_forbidden_in_any_case() {
    for method in ["connect", "CONNECT", "Trace", "track"] {
        let w = scripted([Script::new().expect_head().send(HELLO)]);
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let error = block_on(w.client.request(method, URL).send()).unwrap_err();
        assert_eq!((error.kind(), w.connector.connections()), (ErrorKind::InvalidRequest, 0), "{error}");
    }
}

#[test]
fn invalid_requests_fail_before_a_connection_is_made() {
    let wire = scripted([answers([HELLO])]);
    for (request, words) in [
        (wire.client.head(URL).body("x"), "HEAD"),
        (wire.client.post(URL).header("content-length", "1").body("x"), "content-length"),
        (wire.client.post(URL).header("expect", "100-continue").body("x"), "expect"),
        (wire.client.request("TRACE".parse().unwrap(), URL), "TRACE"),
        (wire.client.post(URL).trailers(Trailers::new()), "trailers"),
    ] {
        let error = send(request).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::InvalidRequest, Phase::Request), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!((wire.connector.connections(), wire.client.stats().active), (0, 0));
}
