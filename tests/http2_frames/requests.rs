//! The form of requests on the wire (RFC 9113, sections 8.2 and 8.3).

use waterspout::http::{HeaderMap, HeaderName, HeaderValue, Method};
use waterspout::testing::Http2Frame;
use waterspout::{Body, Bytes, Client, RequestBuilder};

use crate::hpack::{Decoder, Field};
use crate::peer::{Rig, URL, ok};

/// The head of a request, its frames, and its trailers.
struct Sent {
    head: Vec<Field>,
    /// The frames after the head, by their kind, the size of their payload, and whether they end the stream.
    frames: Vec<(u8, usize, bool)>,
    trailers: Option<Vec<Field>>,
}

impl Sent {
    /// Returns the lines of the head.
    fn lines(&self) -> Vec<String> {
        lines(&self.head)
    }

    /// Returns the lines without the pseudo-fields and the fields that the client adds by itself.
    fn own_lines(&self) -> Vec<String> {
        let is_default = |line: &String| {
            [":", "accept-encoding: ", "user-agent: ", "accept: "].iter().any(|name| line.starts_with(name))
        };
        self.lines().into_iter().filter(|line| !is_default(line)).collect()
    }
}

fn lines(fields: &[Field]) -> Vec<String> {
    fields.iter().map(|field| format!("{}: {}", field.name, field.value)).collect()
}

/// Sends a request, and returns what it is on the wire.
fn send(make: impl FnOnce(&Client) -> RequestBuilder<Client>) -> Sent {
    let mut rig = Rig::new();
    let request = make(&rig.client);
    let request = rig.start(async move { request.await.map(drop) });
    let peer = rig.peer(0);
    peer.send_frames(&[ok(1, true)]);
    rig.run();
    request.take().expect("the request hangs").unwrap();
    let frames: Vec<_> = peer.received().into_iter().filter(|frame| frame.stream == 1).collect();
    let mut decoder = Decoder::default();
    let is_end = |frame: &Http2Frame| {
        [Http2Frame::DATA, Http2Frame::HEADERS].contains(&frame.kind) && frame.flags & Http2Frame::END_STREAM != 0
    };
    let (head, rest) = frames.split_first().unwrap();
    assert_eq!(head.kind, Http2Frame::HEADERS);
    assert!(head.flags & Http2Frame::END_HEADERS != 0);
    let ends = is_end(head);
    let head = decoder.decode(&head.payload);
    let trailers = rest.iter().find(|frame| frame.kind == Http2Frame::HEADERS);
    let trailers = trailers.map(|frame| decoder.decode(&frame.payload));
    let frames: Vec<_> = rest.iter().map(|frame| (frame.kind, frame.payload.len(), is_end(frame))).collect();
    assert_eq!(frames.iter().filter(|frame| frame.2).count(), usize::from(!ends), "{frames:?}");
    Sent { head, frames, trailers }
}

#[test]
fn pseudo_fields_come_first_and_once() {
    for (method, url, expected) in [
        (Method::GET, "http://server.test", [":method: GET", ":scheme: http", ":authority: server.test", ":path: /"]),
        (
            Method::DELETE,
            "http://server.test:81/a/b?c=d&e#f",
            [":method: DELETE", ":scheme: http", ":authority: server.test:81", ":path: /a/b?c=d&e"],
        ),
        (
            Method::OPTIONS,
            "https://server.test:443/?",
            [":method: OPTIONS", ":scheme: https", ":authority: server.test", ":path: /?"],
        ),
        (Method::HEAD, "http://[::1]:8080/", [":method: HEAD", ":scheme: http", ":authority: [::1]:8080", ":path: /"]),
        (
            Method::from_bytes(b"x-Own").unwrap(),
            "http://b\u{fc}cher.test/\u{e4} b",
            [":method: x-Own", ":scheme: http", ":authority: xn--bcher-kva.test", ":path: /%C3%A4%20b"],
        ),
    ] {
        let sent = send(|client| client.request(method, url).header("x-first", "1"));
        let mut pseudo = sent.lines();
        let fields = pseudo.split_off(4);
        pseudo.sort_unstable();
        let mut expected = expected.map(str::to_owned);
        expected.sort_unstable();
        assert_eq!(pseudo, expected);
        assert!(fields.iter().all(|line| !line.starts_with(':')), "{fields:?}");
        assert!(fields.contains(&"x-first: 1".to_owned()), "{fields:?}");
        assert!(!fields.iter().any(|line| line.starts_with("host")), "{fields:?}");
    }
}

#[test]
fn fields_have_the_form_of_http2() {
    for (headers, expected) in [
        (&[("X-Upper", "A")][..], &["x-upper: A"][..]),
        (&[("connection", "close, x-hop"), ("x-hop", "1"), ("x", "2")], &["x: 2"]),
        (&[("keep-alive", "timeout=5"), ("proxy-connection", "keep-alive"), ("upgrade", "h2c"), ("x", "1")], &["x: 1"]),
        (&[("http2-settings", "AAMAAABk"), ("x", "1")], &["x: 1"]),
        (&[("te", "gzip, trailers")], &["te: trailers"]),
        (&[("te", "gzip"), ("x", "1")], &["x: 1"]),
        (&[("x", " a b\t")], &["x: a b"]),
        (&[("x", "1"), ("x", "2")], &["x: 1", "x: 2"]),
        (&[("x", "")], &["x: "]),
    ] {
        let sent = send(|client| {
            let mut fields = HeaderMap::new();
            for (name, value) in headers {
                fields.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_static(value));
            }
            client.get(URL).headers(fields)
        });
        assert_eq!(sent.own_lines(), expected, "{headers:?}");
        assert!(sent.head.iter().all(|field| field.name == field.name.to_ascii_lowercase()));
    }
}

#[test]
fn host_header_is_the_authority_and_no_field() {
    let sent = send(|client| client.get(URL).header("host", "other.test:82"));
    assert!(sent.lines().contains(&":authority: other.test:82".to_owned()), "{:?}", sent.lines());
    assert_eq!(
        sent.lines().iter().filter(|line| line.contains("other.test") || line.contains("server.test")).count(),
        1
    );
}

#[test]
fn credentials_enter_no_table_and_cookies_are_split() {
    let sent = send(|client| {
        let mut fields = HeaderMap::new();
        fields.append("cookie", HeaderValue::from_static("a=1; b=2"));
        fields.append("cookie", HeaderValue::from_static("c=3"));
        client.get(URL).headers(fields).header("authorization", "Bearer x").header("x", "1")
    });
    let mut own = sent.own_lines();
    own.sort_unstable();
    // Crumbs (RFC 9113, section 8.2.3): a server joins the fields by `; `.
    assert_eq!(own, ["authorization: Bearer x", "cookie: a=1", "cookie: b=2", "cookie: c=3", "x: 1"]);
    let secret: Vec<_> =
        sent.head.iter().filter(|field| field.is_never_indexed).map(|field| field.name.as_str()).collect();
    assert_eq!(secret.len(), 4, "{secret:?}");
    assert!(secret.iter().all(|name| ["authorization", "cookie"].contains(name)), "{secret:?}");
}

/// A body of this number of pieces of 5 bytes.
fn pieces(count: usize) -> Body {
    Body::stream(futures::stream::iter((0..count).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(b"abcde")))))
}

#[test]
fn bodies_are_framed_by_the_stream_alone() {
    let rows: [(&str, Body, &[&str], usize); 5] = [
        ("empty", Body::empty(), &["content-length: 0"], 0),
        ("bytes", Body::from(vec![b'x'; 5]), &["content-length: 5"], 5),
        ("large", Body::from(vec![b'x'; 50_000]), &["content-length: 50000"], 50_000),
        ("stream of a known length", pieces(2).with_length(10), &["content-length: 10"], 10),
        ("stream", pieces(10_000), &[], 50_000),
    ];
    for (name, body, expected, size) in rows {
        let sent = send(|client| client.post(URL).body(body));
        assert_eq!(sent.own_lines(), expected, "{name}");
        let data: Vec<_> = sent.frames.iter().filter(|frame| frame.0 == Http2Frame::DATA).collect();
        assert_eq!(data.iter().map(|frame| frame.1).sum::<usize>(), size, "{name}");
        assert!(data.iter().all(|frame| frame.1 <= 16_384 && (frame.1 > 0 || frame.2)), "{name}: {data:?}");
        assert!(sent.trailers.is_none(), "{name}");
    }
}

#[test]
fn trailers_follow_the_body_and_end_the_stream() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", HeaderValue::from_static("abc"));
    for body in ["hello", ""] {
        let sent = send(|client| client.post(URL).body(body).trailers(trailers.clone()));
        assert_eq!(lines(sent.trailers.as_ref().unwrap()), ["x-sum: abc"]);
        let last = sent.frames.last().unwrap();
        assert!(last.0 == Http2Frame::HEADERS && last.2, "{:?}", sent.frames);
        assert!(!sent.lines().iter().any(|line| line.starts_with("transfer-encoding")), "{:?}", sent.lines());
    }
}

#[test]
fn expectation_is_a_field_and_the_body_waits() {
    let mut rig = Rig::new();
    let body = pieces(3);
    let request = rig.client.post(URL).body(body).expect_continue(true);
    let request = rig.start(async move { request.await.map(drop) });
    let peer = rig.peer(0);
    let sent: Vec<_> = peer.received().into_iter().filter(|frame| frame.stream == 1).collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert!(lines(&Decoder::default().decode(&sent[0].payload)).contains(&"expect: 100-continue".to_owned()));
    peer.send_frames(&[Http2Frame::headers(1, &[(":status", "100")], false)]);
    rig.run();
    assert!(peer.received().iter().any(|frame| frame.kind == Http2Frame::DATA));
    peer.send_frames(&[ok(1, true)]);
    rig.run();
    request.take().unwrap().unwrap();
}
