//! Requests as bytes.

use http::header::HOST;
use http::{HeaderMap, Method};

use super::framing::Framing;
use crate::body::Body;

/// What a request's head is made of.
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    /// Path and query.
    pub(crate) target: &'a str,
    /// The `Host`, unless the headers have one of their own.
    pub(crate) authority: &'a str,
    pub(crate) headers: &'a HeaderMap,
}

/// How a request's body will be delimited; `None` if there is none and none is expected (RFC 9110, section 8.6).
pub(crate) fn framing(method: &Method, body: &Body) -> Option<Framing> {
    if body.is_none() {
        let expected = [Method::POST, Method::PUT, Method::PATCH].contains(method);
        return expected.then_some(Framing::Length(0));
    }
    Some(body.length().map_or(Framing::Chunked, Framing::Length))
}

/// Writes a request's head.
pub(crate) fn encode_head(out: &mut Vec<u8>, head: &RequestHead<'_>, framing: Option<Framing>) {
    for part in [head.method.as_str(), " ", head.target, " HTTP/1.1\r\n"] {
        out.extend_from_slice(part.as_bytes());
    }
    if !head.headers.contains_key(HOST) {
        line(out, b"host", head.authority.as_bytes());
    }
    encode_headers(out, head.headers);
    match framing {
        Some(Framing::Length(length)) => line(out, b"content-length", length.to_string().as_bytes()),
        Some(Framing::Chunked) => line(out, b"transfer-encoding", b"chunked"),
        Some(Framing::Close) | None => {}
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
    use http::HeaderValue;
    use http::header::ACCEPT;

    use super::*;

    fn encoded(method: &Method, body: &Body) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
        let head = RequestHead { method, target: "/a?b", authority: "example.com:81", headers: &headers };
        let mut out = Vec::new();
        encode_head(&mut out, &head, framing(method, body));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_get_is_line_host_and_headers() {
        let expected = "GET /a?b HTTP/1.1\r\nhost: example.com:81\r\naccept: */*\r\n\r\n";
        assert_eq!(encoded(&Method::GET, &Body::empty()), expected);
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
