//! Encodes the heads and trailers of requests.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::control_bytes;
use super::framing::Framing;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;
use crate::message::default_fields::DefaultFields;
use crate::message::trailers::Trailers;
use crate::transport::Forwarding;

/// The `user-agent` of a request that has none.
pub(crate) const AGENT_NAME: HeaderValue = HeaderValue::from_static(concat!("waterspout/", env!("CARGO_PKG_VERSION")));

/// Headers that a server must know before it reads the body, and that may therefore not be trailers (RFC 9110, section
/// 6.5.1): framing, routing, credentials, and the format of the content.
const NOT_IN_TRAILERS: [HeaderName; 14] = [
    AUTHORIZATION,
    CONNECTION,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_RANGE,
    CONTENT_TYPE,
    COOKIE,
    EXPECT,
    HOST,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The parts of a request's head that the caller determines.
#[derive(Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) target: &'a str,
    /// The value of `host`, unless `headers` contains `host`.
    pub(crate) authority: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// Headers that are written unless `headers` contains a header of that name.
    pub(crate) defaults: Option<&'a DefaultFields>,
}

/// The parts of a request's head that follow from the connection and the body.
pub(crate) struct HeadOptions<'a> {
    /// Present if a proxy reads the head and forwards the request.
    pub(crate) forwarding: Option<&'a Forwarding>,
    /// How the body is delimited; `None` without a body.
    pub(crate) framing: Option<Framing>,
    /// Whether the request asks for `100 Continue` before its body.
    pub(crate) expects_continue: bool,
}

/// Refuses a head that a server could read in two ways.
///
/// The types of the method and the headers exclude line breaks already. The other parts are checked here, so that the
/// check does not depend on the code that made them.
pub(crate) fn check_head(head: &RequestHead<'_>) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::request(ErrorKind::InvalidRequest, message));
    let has_refused = |part: &str| control_bytes::find_below(part.as_bytes(), b'!').is_some();
    if has_refused(head.target) || has_refused(head.authority) {
        return refuse("the URL contains a space or a control character");
    }
    // Most requests have no headers of their own.
    if head.headers.is_empty() {
        return Ok(());
    }
    // The framing is derived from the body on every platform. With a second framing, two readers could disagree on
    // where the request ends.
    if [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT].iter().any(|name| head.headers.contains_key(name)) {
        return refuse(
            "the request sets `content-length`, `transfer-encoding` or `expect`, which are derived from its body",
        );
    }
    if head.headers.get_all(HOST).iter().nth(1).is_some() {
        return refuse("the request has more than one `host` header");
    }
    Ok(())
}

/// Refuses trailers that a server would have to know before the body.
pub(crate) fn check_trailers(fields: &HeaderMap) -> Result<()> {
    match NOT_IN_TRAILERS.iter().find(|name| fields.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the header {name:?} may not be a trailer: a server has to know it before the body");
            Err(Error::new(ErrorKind::InvalidRequest, Phase::Head, message))
        }
    }
}

/// Decides how a request's body is delimited. Returns `None` without a body, unless the method makes servers expect a
/// body (RFC 9110, section 8.6).
pub(crate) fn framing(method: &Method, body: &Body, trailers: Option<&Trailers>) -> Option<Framing> {
    if body.is_none() {
        let expected = [Method::POST, Method::PUT, Method::PATCH].contains(method);
        return expected.then_some(Framing::Length(0));
    }
    // Only a chunked body has room for trailers (RFC 9112, section 7.1.2).
    let length = body.length().filter(|_| trailers.is_none());
    Some(length.map_or(Framing::Chunked, Framing::Length))
}

/// Appends a request's head to `out`.
pub(crate) fn encode_head(out: &mut Vec<u8>, head: &RequestHead<'_>, options: &HeadOptions<'_>) {
    if *head.method == Method::GET {
        out.extend_from_slice(b"GET ");
    } else {
        out.extend_from_slice(head.method.as_str().as_bytes());
        out.push(b' ');
    }
    if options.forwarding.is_some() {
        // A proxy forwards `http` requests only, and needs the whole URL. `https` requests go through a tunnel.
        out.extend_from_slice(b"http://");
        out.extend_from_slice(head.authority.as_bytes());
    }
    out.extend_from_slice(head.target.as_bytes());
    // Most requests have no headers of their own. A look-up and a loop cost more than this check.
    let has_headers = !head.headers.is_empty();
    if has_headers && head.headers.contains_key(HOST) {
        out.extend_from_slice(b" HTTP/1.1\r\n");
    } else {
        // `host` should be the first header (RFC 9110, section 7.2).
        out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
        out.extend_from_slice(head.authority.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if has_headers {
        encode_headers(out, head.headers);
    }
    if let Some(defaults) = head.defaults {
        encode_defaults(out, defaults, head.headers);
    }
    if let Some(forwarding) = options.forwarding {
        encode_proxy_headers(out, forwarding, head);
    }
    match options.framing {
        Some(Framing::Length(length)) => line(out, b"content-length", length.to_string().as_bytes()),
        Some(Framing::Chunked) => line(out, b"transfer-encoding", b"chunked"),
        Some(Framing::Close) | None => {}
    }
    if options.expects_continue {
        line(out, b"expect", b"100-continue");
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the default headers that are not in `headers`.
fn encode_defaults(out: &mut Vec<u8>, defaults: &DefaultFields, headers: &HeaderMap) {
    // The common case needs a single copy.
    if headers.is_empty() {
        return out.extend_from_slice(defaults.lines());
    }
    for (name, value) in defaults.missing_in(headers) {
        line(out, name.as_ref(), value.as_bytes());
    }
}

/// Appends the credentials and the headers for a proxy, unless the request has a header of that name.
fn encode_proxy_headers(out: &mut Vec<u8>, forwarding: &Forwarding, head: &RequestHead<'_>) {
    let of_request = head.headers;
    // Credentials that the caller has written for this request win over the credentials of the proxy's URL.
    let has_credentials = [of_request, &forwarding.headers].iter().any(|map| map.contains_key(PROXY_AUTHORIZATION));
    if let Some(credentials) = forwarding.authorization.as_ref().filter(|_| !has_credentials) {
        line(out, b"proxy-authorization", credentials.as_bytes());
    }
    for (name, value) in &forwarding.headers {
        // A custom transport may set any name. The request already has these lines, and a second line would be another
        // framing or another host.
        let is_derived = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT].contains(name);
        let is_default = head.defaults.is_some_and(|defaults| defaults.contains(name));
        if !is_derived && !is_default && !of_request.contains_key(name) {
            line(out, name.as_ref(), value.as_bytes());
        }
    }
}

/// Appends header lines to `out`.
pub(crate) fn encode_headers(out: &mut Vec<u8>, headers: &HeaderMap) {
    for (name, value) in headers {
        line(out, name.as_ref(), value.as_bytes());
    }
}

fn line(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    for part in [name, b": ", value, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCEPT, USER_AGENT};

    use super::*;

    fn encoded(method: &Method, body: &Body) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let head =
            RequestHead { method, target: "/a?b", authority: "example.com:81", headers: &headers, defaults: None };
        let framing = framing(method, body, None);
        let mut out = Vec::new();
        encode_head(&mut out, &head, &HeadOptions { forwarding: None, framing, expects_continue: false });
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn get_has_request_line_host_and_headers() {
        let expected = "GET /a?b HTTP/1.1\r\nhost: example.com:81\r\naccept: */*\r\n\r\n";
        assert_eq!(encoded(&Method::GET, &Body::empty()), expected);
    }

    #[test]
    fn forwarding_proxy_receives_the_whole_url_and_its_credentials() {
        let headers = HeaderMap::new();
        let credentials = HeaderValue::from_static("Basic eDp5");
        let head = RequestHead {
            method: &Method::GET,
            target: "/a?b",
            authority: "example.com:81",
            headers: &headers,
            defaults: None,
        };
        let forwarding = Forwarding::new(Some(credentials));
        let options = HeadOptions { forwarding: Some(&forwarding), framing: None, expects_continue: false };
        let mut out = Vec::new();
        encode_head(&mut out, &head, &options);
        let expected = "GET http://example.com:81/a?b HTTP/1.1\r\nhost: example.com:81\r\n\
                        proxy-authorization: Basic eDp5\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn header_for_the_proxy_is_sent_unless_the_request_has_it() {
        let map = |pairs: &[(&'static str, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.append(*name, HeaderValue::from_static(value));
            }
            map
        };
        let mut forwarding = Forwarding::new(Some(HeaderValue::from_static("Basic eDp5")));
        forwarding.headers = map(&[("x-token", "a"), ("x-token", "b"), ("accept", "proxy/x"), ("host", "evil.test")]);
        for (name, value) in [("content-length", "9"), ("transfer-encoding", "chunked"), ("expect", "100-continue")] {
            forwarding.headers.insert(name, HeaderValue::from_static(value));
        }
        let written = |forwarding: &Forwarding, headers: &HeaderMap| {
            let head = RequestHead { method: &Method::GET, target: "/", authority: "a.test", headers, defaults: None };
            let options = HeadOptions { forwarding: Some(forwarding), framing: None, expects_continue: false };
            let mut out = Vec::new();
            encode_head(&mut out, &head, &options);
            String::from_utf8(out).unwrap()
        };
        let begin = "GET http://a.test/ HTTP/1.1\r\nhost: a.test\r\naccept: */*\r\n";
        let with_basic = format!("{begin}proxy-authorization: Basic eDp5\r\nx-token: a\r\nx-token: b\r\n\r\n");
        assert_eq!(written(&forwarding, &map(&[("accept", "*/*")])), with_basic);
        forwarding.headers = map(&[("proxy-authorization", "Bearer t")]);
        let with_bearer = format!("{begin}proxy-authorization: Bearer t\r\n\r\n");
        assert_eq!(written(&forwarding, &map(&[("accept", "*/*")])), with_bearer);
        let own = map(&[("accept", "*/*"), ("proxy-authorization", "Own")]);
        assert_eq!(written(&forwarding, &own), format!("{begin}proxy-authorization: Own\r\n\r\n"));
    }

    #[test]
    fn default_header_is_written_unless_the_request_has_it() {
        let value = HeaderValue::from_static;
        let defaults = DefaultFields::new([(ACCEPT, value("*/*")), (USER_AGENT, value("spider"))]);
        let written = |headers: &HeaderMap, forwarding: Option<&Forwarding>| {
            let defaults = Some(&defaults);
            let head = RequestHead { method: &Method::GET, target: "/", authority: "a.test", headers, defaults };
            let mut out = Vec::new();
            encode_head(&mut out, &head, &HeadOptions { forwarding, framing: None, expects_continue: false });
            let lines = String::from_utf8(out).unwrap();
            lines.split_once("host: a.test\r\n").unwrap().1.to_owned()
        };
        let mut headers = HeaderMap::new();
        assert_eq!(written(&headers, None), "accept: */*\r\nuser-agent: spider\r\n\r\n");
        headers.insert(ACCEPT, value("text/html"));
        assert_eq!(written(&headers, None), "accept: text/html\r\nuser-agent: spider\r\n\r\n");
        let mut forwarding = Forwarding::new(None);
        forwarding.headers.insert(USER_AGENT, value("proxy"));
        assert_eq!(written(&headers, Some(&forwarding)), "accept: text/html\r\nuser-agent: spider\r\n\r\n");
    }

    #[test]
    fn ambiguous_heads_are_refused() {
        let check = |target: &str, authority: &str, headers: &[(HeaderName, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, HeaderValue::from_static(value));
            }
            check_head(&RequestHead { method: &Method::GET, target, authority, headers: &map, defaults: None }).is_ok()
        };
        assert!(check("/a?b", "example.com", &[(HOST, "other.example")]));
        for bad in ["/a b", "/a\rb", "/a\nb", "/a\0b", "/a\tb", "/\x7f"] {
            assert!(!check(bad, "example.com", &[]), "{bad:?}");
            assert!(!check("/", bad, &[]), "{bad:?}");
        }
        assert!(!check("/", "a", &[(HOST, "b"), (HOST, "b")]));
        for name in [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT] {
            assert!(!check("/", "a", &[(name.clone(), "1")]), "{name}");
        }
    }

    #[test]
    fn post_always_declares_its_length_or_chunks() {
        let ends = |body: &Body, end: &str| assert!(encoded(&Method::POST, body).ends_with(end), "{body:?}");
        ends(&Body::empty(), "content-length: 0\r\n\r\n");
        ends(&Body::from("four"), "content-length: 4\r\n\r\n");
        let stream = || futures::stream::empty::<std::result::Result<bytes::Bytes, std::io::Error>>();
        ends(&Body::stream(stream()), "transfer-encoding: chunked\r\n\r\n");
        ends(&Body::stream(stream()).with_length(9), "content-length: 9\r\n\r\n");
    }
}
