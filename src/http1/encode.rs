//! Requests as bytes.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, COOKIE, EXPECT, HOST,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::framing::Framing;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::body::Body;

/// What must be known before a body is read, and so may not come after it (RFC 9110, section 6.5.1): framing, routing,
/// credentials, and how to understand the content.
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

/// What a request's head is made of.
#[derive(Clone, Copy)]
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) target: &'a str,
    /// The `Host`, unless the headers have one of their own.
    pub(crate) authority: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// Whether a proxy reads it, and forwards it.
    pub(crate) is_forwarded: bool,
    /// What that proxy is told, unless the headers tell it something.
    pub(crate) proxy_authorization: Option<&'a HeaderValue>,
}

/// Refuses a head that a server could read in two ways. The types of method and headers leave no line break in; the
/// rest is seen to here, whatever made the parts.
pub(crate) fn check_head(head: &RequestHead<'_>) -> Result<()> {
    let refuse = |message: &'static str| Err(Error::request(ErrorKind::InvalidRequest, message));
    if [head.target, head.authority].iter().any(|part| part.bytes().any(|byte| byte <= b' ' || byte == 0x7f)) {
        return refuse("the URL has a space or a control character");
    }
    if [CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT].iter().any(|name| head.headers.contains_key(name)) {
        return refuse("a header that is derived from the body is set");
    }
    if head.headers.get_all(HOST).iter().nth(1).is_some() {
        return refuse("there is more than one `host` header");
    }
    Ok(())
}

/// Refuses trailers that could be taken for something else.
pub(super) fn check_trailers(fields: &HeaderMap) -> Result<()> {
    match NOT_IN_TRAILERS.iter().find(|name| fields.contains_key(*name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("the header {name:?} may not come after the body");
            Err(Error::new(ErrorKind::InvalidRequest, Phase::Head, message))
        }
    }
}

/// How a request's body will be delimited; `None` if there is none and none is expected (RFC 9110, section 8.6).
pub(crate) fn framing(method: &Method, body: &Body, trailers: bool) -> Option<Framing> {
    if body.is_none() {
        let expected = [Method::POST, Method::PUT, Method::PATCH].contains(method);
        return expected.then_some(Framing::Length(0));
    }
    // Only a chunked body has room for trailers (RFC 9112, section 7.1.2).
    let length = body.length().filter(|_| !trailers);
    Some(length.map_or(Framing::Chunked, Framing::Length))
}

/// Writes a request's head.
pub(crate) fn encode_head(out: &mut Vec<u8>, head: &RequestHead<'_>, framing: Option<Framing>, ask_first: bool) {
    // Only requests for `http` are forwarded; the others go through a tunnel.
    let (scheme, authority) = if head.is_forwarded { ("http://", head.authority) } else { ("", "") };
    for part in [head.method.as_str(), " ", scheme, authority, head.target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    if !head.headers.contains_key(HOST) {
        line(out, b"host", head.authority.as_bytes());
    }
    encode_headers(out, head.headers);
    if let Some(credentials) = head.proxy_authorization.filter(|_| !head.headers.contains_key(PROXY_AUTHORIZATION)) {
        line(out, b"proxy-authorization", credentials.as_bytes());
    }
    match framing {
        Some(Framing::Length(length)) => line(out, b"content-length", length.to_string().as_bytes()),
        Some(Framing::Chunked) => line(out, b"transfer-encoding", b"chunked"),
        Some(Framing::Close) | None => {}
    }
    if ask_first {
        line(out, b"expect", b"100-continue");
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes header lines.
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
    use http::header::ACCEPT;

    use super::*;

    fn encoded(method: &Method, body: &Body) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let head = RequestHead {
            method,
            target: "/a?b",
            authority: "example.com:81",
            headers: &headers,
            is_forwarded: false,
            proxy_authorization: None,
        };
        let mut out = Vec::new();
        encode_head(&mut out, &head, framing(method, body, false), false);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_get_is_line_host_and_headers() {
        let expected = "GET /a?b HTTP/1.1\r\nhost: example.com:81\r\naccept: */*\r\n\r\n";
        assert_eq!(encoded(&Method::GET, &Body::empty()), expected);
    }

    #[test]
    fn a_proxy_that_forwards_is_given_the_whole_url_and_its_own_credentials() {
        let headers = HeaderMap::new();
        let credentials = HeaderValue::from_static("Basic eDp5");
        let head = RequestHead {
            method: &Method::GET,
            target: "/a?b",
            authority: "example.com:81",
            headers: &headers,
            is_forwarded: true,
            proxy_authorization: Some(&credentials),
        };
        let mut out = Vec::new();
        encode_head(&mut out, &head, None, false);
        let expected = "GET http://example.com:81/a?b HTTP/1.1\r\nhost: example.com:81\r\n\
                        proxy-authorization: Basic eDp5\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_head_that_could_be_read_as_two_is_refused() {
        let check = |target: &str, authority: &str, headers: &[(HeaderName, &'static str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(name, HeaderValue::from_static(value));
            }
            let method = &Method::GET;
            let head = RequestHead {
                method,
                target,
                authority,
                headers: &map,
                is_forwarded: false,
                proxy_authorization: None,
            };
            check_head(&head).is_ok()
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
    fn a_post_always_says_how_long_it_is() {
        let ends = |body: &Body, end: &str| assert!(encoded(&Method::POST, body).ends_with(end), "{body:?}");
        ends(&Body::empty(), "content-length: 0\r\n\r\n");
        ends(&Body::from("four"), "content-length: 4\r\n\r\n");
        let stream = || futures::stream::empty::<Result<bytes::Bytes, std::io::Error>>();
        ends(&Body::stream(stream()), "transfer-encoding: chunked\r\n\r\n");
        ends(&Body::stream(stream()).with_length(9), "content-length: 9\r\n\r\n");
    }
}
