//! Tests of what a request sends, by tables of its parts.

use http::Method;
use http::header::{ACCEPT, USER_AGENT};

use super::*;
use crate::message::default_fields::DefaultFields;

const BODILESS: BodyFields = BodyFields { framing: None, expects_continue: false };

fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(*name, HeaderValue::from_static(value));
    }
    map
}

/// Makes a request to `https://a.test/x?y` with these headers.
fn request(headers: &HeaderMap, defaults: Option<&DefaultFields>, body: BodyFields) -> Result<Request<()>> {
    let head = RequestHead { method: &Method::POST, target: "/x?y", authority: "a.test", headers, defaults };
    OriginFields::new(Scheme::HTTPS, "a.test").request(&head, body)
}

/// Returns the lines of all fields, and the authority before them if it is not the URL's.
fn sent(pairs: &[(&'static str, &'static str)]) -> String {
    let request = request(&map(pairs), None, BODILESS).unwrap();
    let lines: Vec<_> =
        request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
    let authority = request.uri().authority().unwrap().as_str();
    let host = (authority != "a.test").then(|| format!(":authority: {authority}"));
    host.into_iter().chain(lines).collect::<Vec<_>>().join("\n")
}

#[test]
fn pseudo_fields_are_the_parts_of_the_url() {
    // RFC 9113, section 8.3.1.
    for (scheme, authority, target) in [
        (Scheme::HTTPS, "example.com", "/"),
        (Scheme::HTTP, "example.com:8080", "/a?b=c&d"),
        (Scheme::HTTPS, "[::1]:8443", "/%20;x=1/{a}|b?`q`=[\\]^{}"),
        (Scheme::HTTP, "127.0.0.1", "//a//?"),
        (Scheme::HTTP, "xn--bcher-kva.example", "/?/?x"),
    ] {
        let head =
            RequestHead { method: &Method::DELETE, target, authority, headers: &HeaderMap::new(), defaults: None };
        let request = OriginFields::new(scheme.clone(), authority).request(&head, BODILESS).unwrap();
        assert_eq!(request.method(), Method::DELETE);
        assert_eq!(request.version(), Version::HTTP_2);
        assert_eq!(request.uri().scheme(), Some(&scheme));
        assert_eq!(request.uri().authority().unwrap().as_str(), authority);
        assert_eq!(request.uri().path_and_query().unwrap().as_str(), target);
        assert!(request.headers().is_empty());
    }
}

#[test]
fn authority_of_another_url_is_sent_as_it_is() {
    let head = RequestHead {
        method: &Method::GET,
        target: "/",
        authority: "b.test",
        headers: &HeaderMap::new(),
        defaults: None,
    };
    let request = OriginFields::new(Scheme::HTTPS, "a.test").request(&head, BODILESS).unwrap();
    assert_eq!(request.uri().authority().unwrap().as_str(), "b.test");
}

#[test]
fn fields_of_a_connection_are_not_sent() {
    // RFC 9113, section 8.2.2, and RFC 9110, sections 7.6.1 and 10.1.4.
    for (headers, expected) in [
        (&[("connection", "close"), ("x", "1")][..], "x: 1"),
        (&[("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("x", "1")], "x: 1"),
        (&[("upgrade", "h2c"), ("http2-settings", "AAMAAABk"), ("connection", "upgrade, http2-settings")], ""),
        (&[("connection", "x-hop, Y"), ("x-hop", "1"), ("y", "2"), ("z", "3")], "z: 3"),
        (&[("connection", "x"), ("connection", " ,y"), ("x", "1"), ("y", "2"), ("y", "3")], ""),
        (&[("x", "1"), ("x", "2"), ("trailer", "x-sum")], "x: 1\nx: 2\ntrailer: x-sum"),
    ] {
        assert_eq!(sent(headers), expected, "{headers:?}");
    }
}

#[test]
fn te_is_sent_as_trailers_only() {
    // RFC 9113, section 8.2.2.
    for (headers, expected) in [
        (&[("te", "trailers")][..], "te: trailers"),
        (&[("te", "trailers"), ("connection", "te")], "te: trailers"),
        (&[("te", "gzip;q=0.5, Trailers")], "te: trailers"),
        (&[("te", "gzip"), ("te", " trailers ")], "te: trailers"),
        (&[("te", "gzip"), ("x", "1")], "x: 1"),
        (&[("te", "trailersx")], ""),
        (&[("te", "")], ""),
    ] {
        assert_eq!(sent(headers), expected, "{headers:?}");
    }
}

#[test]
fn host_header_becomes_the_authority() {
    // RFC 9113, section 8.3.1.
    for (host, authority) in [("b.test", "b.test"), (" b.test:81\t", "b.test:81"), ("[::1]", "[::1]")] {
        assert_eq!(sent(&[("host", host), ("x", "1")]), format!(":authority: {authority}\nx: 1"));
    }
    for host in ["", " ", "a b", "user@b.test", "b.test/x", "b.test?", "[::1", "b.test:x:y", "b\u{e9}.test"] {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("")));
        let error = request(&headers, None, BODILESS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{host:?}");
        assert!(error.to_string().contains("`host` header"), "{error}");
    }
}

#[test]
fn white_space_around_values_is_not_sent() {
    // RFC 9113, section 8.2.1.
    for (value, expected) in [(" a", "a"), ("a\t", "a"), (" \ta b\t ", "a b"), ("a", "a"), ("", ""), (" ", "")] {
        assert_eq!(sent(&[("x", value)]), format!("x: {expected}"));
    }
}

#[test]
fn credentials_are_never_indexed() {
    // RFC 7541, section 7.1.3.
    let mut headers = map(&[
        ("authorization", "Basic eA=="),
        ("cookie", "a=1; b=2"),
        ("cookie", "c=3"),
        ("proxy-authorization", " Basic eA== "),
        ("accept", "*/*"),
        ("cookie2", "x"),
    ]);
    let mut secret = HeaderValue::from_static(" key");
    secret.set_sensitive(true);
    headers.insert("x-key", secret);
    let request = request(&headers, None, BODILESS).unwrap();
    for (name, value) in request.headers() {
        let is_secret = !["accept", "cookie2"].contains(&name.as_str());
        assert_eq!(value.is_sensitive(), is_secret, "{name}");
    }
    let cookies: Vec<_> = request.headers().get_all(COOKIE).iter().collect();
    assert_eq!(cookies, ["a=1", "b=2", "c=3"]);
    assert_eq!(request.headers()["x-key"], "key");
}

#[test]
fn joined_crumbs_are_the_cookie_header() {
    for (value, crumbs) in [
        ("a=1", 1),
        ("", 1),
        ("a=1; b=2; c=3", 3),
        ("a=1;b=2", 1),
        ("a=1;  b=2", 2),
        ("a=1;", 1),
        ("; ; a", 3),
        ("a=\"1; 2\"", 2),
    ] {
        let request = request(&map(&[("cookie", value)]), None, BODILESS).unwrap();
        let found: Vec<_> = request.headers().get_all(COOKIE).iter().map(|crumb| crumb.to_str().unwrap()).collect();
        assert_eq!((found.join("; ").as_str(), found.len()), (value, crumbs));
    }
}

#[test]
fn default_header_is_sent_unless_the_request_has_it() {
    let value = HeaderValue::from_static;
    let defaults = DefaultFields::new([(ACCEPT, value("*/*")), (USER_AGENT, value("spider"))]);
    for (headers, expected) in [
        (&[][..], [("accept", "*/*"), ("user-agent", "spider")]),
        (&[("accept", "text/html")], [("accept", "text/html"), ("user-agent", "spider")]),
        (&[("user-agent", "")], [("user-agent", ""), ("accept", "*/*")]),
    ] {
        let request = request(&map(headers), Some(&defaults), BODILESS).unwrap();
        let fields = request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        assert_eq!(fields.collect::<Vec<_>>(), expected, "{headers:?}");
    }
}

#[test]
fn length_and_expectation_follow_from_the_body() {
    for (framing, expects_continue, expected) in [
        (None, false, &[][..]),
        (Some(Framing::Length(0)), false, &[("content-length", "0")]),
        (Some(Framing::Length(u64::MAX)), false, &[("content-length", "18446744073709551615")]),
        (Some(Framing::Length(3)), true, &[("content-length", "3"), ("expect", "100-continue")]),
        (Some(Framing::Chunked), true, &[("expect", "100-continue")]),
        (Some(Framing::Chunked), false, &[]),
    ] {
        let request = request(&HeaderMap::new(), None, BodyFields { framing, expects_continue }).unwrap();
        assert_eq!(request.headers(), &map(expected), "{framing:?}");
    }
}

#[test]
fn heads_that_http1_refuses_are_refused_with_the_same_errors() {
    let check = |target: &str, authority: &str, headers: &[(&'static str, &'static str)]| {
        let headers = map(headers);
        let head = RequestHead { method: &Method::GET, target, authority, headers: &headers, defaults: None };
        let expected = check_head(&head).unwrap_err();
        let error = OriginFields::new(Scheme::HTTPS, "a.test").request(&head, BODILESS).unwrap_err();
        assert_eq!((error.kind(), error.to_string()), (expected.kind(), expected.to_string()));
    };
    for bad in ["/a b", "/a\rb", "/a\nb", "/a\0b", "/a\tb", "/\x7f"] {
        check(bad, "a.test", &[]);
        check("/", bad, &[]);
    }
    check("/", "a", &[("host", "b"), ("host", "b")]);
    for name in ["content-length", "transfer-encoding", "expect"] {
        check("/", "a", &[(name, "1")]);
    }
}

#[test]
fn url_that_no_pseudo_field_can_have_is_refused() {
    for (target, authority) in [("/a#b", "a.test"), ("/<a>", "a.test"), ("/", "a<b.test"), ("/", ""), ("/", "a/b")] {
        let head = RequestHead { method: &Method::GET, target, authority, headers: &HeaderMap::new(), defaults: None };
        let error = OriginFields::new(Scheme::HTTPS, authority).request(&head, BODILESS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidUrl, "{target} {authority}");
    }
}

#[test]
fn trailers_have_no_field_that_belongs_before_the_body() {
    // RFC 9110, section 6.5.1, and RFC 9113, section 8.1.
    let allowed = trailers(&map(&[("x-sum", " 1 "), ("keep-alive", "x"), ("server-timing", "a")])).unwrap();
    assert_eq!(allowed, map(&[("x-sum", "1"), ("server-timing", "a")]));
    for name in ["content-length", "te", "connection", "transfer-encoding", "host", "authorization"] {
        let fields = map(&[("x", "1"), (name, "1")]);
        let error = trailers(&fields).unwrap_err();
        assert_eq!(error.to_string(), check_trailers(&fields).unwrap_err().to_string());
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
    }
}

#[test]
fn more_headers_than_a_map_can_hold_are_refused() {
    let mut headers = HeaderMap::new();
    for number in 0..100_000 {
        let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
        if headers.try_insert(name, HeaderValue::from_static("1")).is_err() {
            break;
        }
    }
    // The map is full, so a copy of it has no room for the fields of the body.
    let body = BodyFields { framing: Some(Framing::Length(0)), expects_continue: true };
    assert_eq!(request(&headers, None, body).unwrap_err().kind(), ErrorKind::InvalidRequest);
}
