//! Tests of what h2 stops by itself, and of what it does not stop. A later version of h2 may change the tables of
//! `frame_limits` and `response_fields`, and then these tests fail.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::io::{AsyncRead, AsyncWrite};
use futures::{FutureExt, future};
use h2::client;
use http::{HeaderMap, Method, Request};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use crate::http1::Http1Limits;
use crate::http2::h2_limits;
use crate::runtime::sync::Mutex;

/// A connection that accepts each byte, and whose server sends what a test puts into it.
#[derive(Clone, Default)]
struct WireBytes(Arc<Mutex<VecDeque<u8>>>);

impl AsyncRead for WireBytes {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        match io::Read::read(&mut *self.0.lock().unwrap(), buffer) {
            Ok(0) => Poll::Pending,
            outcome => Poll::Ready(outcome),
        }
    }
}

impl AsyncWrite for WireBytes {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// What a client sees of frames that a server sends after a request.
#[derive(Debug, PartialEq, Eq)]
enum SeenFrames {
    /// The response and its body are complete, with these trailers.
    Complete(Option<HeaderMap>),
    /// The response has not ended.
    Open,
    /// The stream ended with this error, and the connection lives.
    StreamError(String),
    /// The connection ended with this error, and the stream with the error after it.
    ConnectionError(String),
}

/// A connection whose settings are exchanged.
struct Opened {
    wire: WireBytes,
    sender: client::SendRequest<Bytes>,
    connection: client::Connection<Compat<WireBytes>, Bytes>,
}

/// Opens a connection with the settings of `h2_limits`.
fn open() -> Opened {
    let wire = WireBytes::default();
    let mut builder = client::Builder::new();
    h2_limits::apply(&mut builder, &Http1Limits::default());
    let handshake = builder.handshake::<Compat<WireBytes>, Bytes>(wire.clone().compat());
    let (sender, mut connection) = handshake.now_or_never().unwrap().unwrap();
    wire.0.lock().unwrap().extend(frame(4, 0, 0, b""));
    assert!((&mut connection).now_or_never().is_none());
    Opened { wire, sender, connection }
}

/// Sends a request, and then receives `frames`.
fn seen(method: Method, frames: &[u8]) -> SeenFrames {
    let Opened { wire, mut sender, mut connection } = open();
    // A POST request keeps its body open.
    let has_ended = method != Method::POST;
    let request = Request::builder().method(method).uri("https://a.test/").body(()).unwrap();
    let (response, _upload) = sender.send_request(request, has_ended).unwrap();
    assert!((&mut connection).now_or_never().is_none());
    wire.0.lock().unwrap().extend(frames);
    let ended = (&mut connection).now_or_never();
    let whole = async move {
        let mut body = response.await?.into_body();
        while let Some(piece) = future::poll_fn(|cx| body.poll_data(cx)).await {
            piece?;
        }
        future::poll_fn(|cx| body.poll_trailers(cx)).await
    };
    let whole = whole.now_or_never();
    // Only the streams see the debug data of a GOAWAY that h2 sends.
    if let Some(outcome) = ended {
        return SeenFrames::ConnectionError(format!("{outcome:?} {whole:?}"));
    }
    match whole {
        None => SeenFrames::Open,
        Some(Ok(trailers)) => SeenFrames::Complete(trailers),
        Some(Err(error)) => SeenFrames::StreamError(format!("{error:?}")),
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A HEADERS frame of the request's stream with END_HEADERS.
fn headers(fields: &[u8]) -> Vec<u8> {
    frame(1, 4, 1, fields)
}

/// A field, not indexed (RFC 7541, section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let length = |text: &str| u8::try_from(text.len()).unwrap();
    [&[0, length(name)], name.as_bytes(), &[length(value)], value.as_bytes()].concat()
}

/// `:status: 200` (RFC 7541, appendix A).
const OK: &[u8] = &[0x88];

fn response(name: &str, value: &str) -> Vec<u8> {
    headers(&[OK, &field(name, value)].concat())
}

fn stream_error(what: &str, frames: &[u8], reason: &str) {
    let seen = seen(Method::GET, frames);
    assert!(matches!(&seen, SeenFrames::StreamError(error) if error.contains(reason)), "{what}: {seen:?}");
}

fn connection_error(what: &str, frames: &[u8], reason: &str) {
    let seen = seen(Method::GET, frames);
    assert!(matches!(&seen, SeenFrames::ConnectionError(error) if error.contains(reason)), "{what}: {seen:?}");
}

#[test]
fn h2_stops_these_attacks() {
    let begun = frame(1, 0, 1, OK);
    let continuations = |count| [begun.clone(), frame(9, 0, 1, b"").repeat(count)].concat();
    assert_eq!(seen(Method::GET, &continuations(10)), SeenFrames::Open);
    connection_error("CONTINUATION flood", &continuations(11), "too_many_continuations");
    for (name, data) in [("empty DATA", frame(0, 0, 1, b"")), ("padding only", frame(0, 8, 1, &[3, 0, 0, 0]))] {
        let frames = |count| [headers(OK), data.repeat(count)].concat();
        assert_eq!(seen(Method::GET, &frames(100)), SeenFrames::Open);
        connection_error(name, &frames(101), "too_many_data_frames");
    }
    // Each unread byte costs 255 of the budget of 8 MiB.
    let unread = |count| [headers(OK), frame(0, 0, 1, b"x").repeat(count)].concat();
    let Opened { wire, mut sender, mut connection } = open();
    let (_response, _) = sender.send_request(Request::get("https://a.test/").body(()).unwrap(), true).unwrap();
    assert!((&mut connection).now_or_never().is_none());
    wire.0.lock().unwrap().extend(unread(32_896));
    assert!((&mut connection).now_or_never().is_none());
    connection_error("tiny DATA that is not read", &unread(32_897), "too_many_data_frames");
    connection_error("push", &frame(5, 4, 1, &[&[0, 0, 0, 2], OK].concat()), "PROTOCOL_ERROR");
    // An entry of the dynamic table, and many references to it.
    let entry = [&[0x40, 1, b'x', 0x7f, 0xb9, 0x16][..], &[b'a'; 3_000]].concat();
    let bomb = |count| headers(&[OK, &entry, &[0xbe].repeat(count)].concat());
    assert_eq!(seen(Method::GET, &bomb(40)), SeenFrames::Open);
    stream_error("HPACK bomb", &bomb(50), "PROTOCOL_ERROR");
    connection_error("larger HPACK bomb", &bomb(200), "header_list_way_too_large");
    connection_error("decoder table of 4,097 bytes", &headers(&[0x3f, 0xe2, 0x1f, 0x88]), "PROTOCOL_ERROR");
    connection_error("field without a name", &headers(&[0x88, 0, 0, 0]), "PROTOCOL_ERROR");
    let max = [0x7f, 0xff, 0xff, 0xff];
    connection_error("window overflow of the connection", &frame(8, 0, 0, &max), "FLOW_CONTROL_ERROR");
    let overflow = seen(Method::POST, &frame(8, 0, 1, &max));
    assert!(
        matches!(&overflow, SeenFrames::StreamError(error) if error.contains("FLOW_CONTROL_ERROR")),
        "{overflow:?}"
    );
    connection_error("window update of 0", &frame(8, 0, 1, &[0; 4]), "PROTOCOL_ERROR");
    connection_error("initial window of 2^31", &frame(4, 0, 0, &[0, 4, 0x80, 0, 0, 0]), "PROTOCOL_ERROR");
    let data = [headers(OK), frame(0, 0, 1, &[0; 16_384]).repeat(4)].concat();
    connection_error("DATA beyond the window", &data, "FLOW_CONTROL_ERROR");
    connection_error("frame of 16,385 bytes", &frame(0, 0, 1, &[0; 16_385]), "FRAME_SIZE_ERROR");
}

#[test]
fn h2_has_no_limit_for_these_floods() {
    let table = [
        ("PING", frame(6, 0, 0, &[0; 8])),
        ("answers to PING", frame(6, 1, 0, &[0; 8])),
        ("SETTINGS", frame(4, 0, 0, &[0, 4, 0, 1, 0, 0])),
        ("WINDOW_UPDATE of the connection", frame(8, 0, 0, &[0, 0, 0, 1])),
        ("WINDOW_UPDATE of a stream", frame(8, 0, 1, &[0, 0, 0, 1])),
        ("PRIORITY", frame(2, 0, 1, &[0, 0, 0, 0, 1])),
        ("unknown", frame(0xee, 0xff, 1, b"x")),
        ("GOAWAY", frame(7, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0])),
        ("informational", headers(&field(":status", "103"))),
    ];
    for (name, bytes) in table {
        assert_eq!(seen(Method::GET, &bytes.repeat(20_000)), SeenFrames::Open, "{name}");
    }
    // h2 resets the stream at the second frame, and ignores the other frames.
    assert_eq!(seen(Method::GET, &frame(1, 5, 1, OK).repeat(20_000)), SeenFrames::Complete(None));
    let reset = [frame(3, 0, 1, &[0, 0, 0, 8]).repeat(20_000)].concat();
    stream_error("RST_STREAM", &reset, "CANCEL");
}

#[test]
fn h2_resets_the_stream_of_these_responses() {
    for (name, value) in [
        ("connection", "close"),
        ("proxy-connection", "x"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        (":status", "200"),
        ("content-length", "x"),
        ("content-length", "2, 2"),
    ] {
        stream_error(name, &response(name, value), "PROTOCOL_ERROR");
    }
    let lengths = [OK, &field("content-length", "2"), &field("content-length", "3")].concat();
    stream_error("two lengths", &headers(&lengths), "PROTOCOL_ERROR");
    stream_error("no status", &headers(&field("x", "y")), "PROTOCOL_ERROR");
    stream_error("status after a field", &headers(&[field("x", "y"), OK.to_vec()].concat()), "PROTOCOL_ERROR");
    stream_error("informational with END_STREAM", &frame(1, 5, 1, &field(":status", "103")), "PROTOCOL_ERROR");
    stream_error("trailers without END_STREAM", &[headers(OK), headers(&field("x", "y"))].concat(), "PROTOCOL_ERROR");
    let five = response("content-length", "5");
    stream_error("long body", &[five.clone(), frame(0, 1, 1, b"123456")].concat(), "PROTOCOL_ERROR");
    stream_error("short body", &[five.clone(), frame(0, 1, 1, b"1234")].concat(), "PROTOCOL_ERROR");
    let head = seen(Method::HEAD, &[five, frame(0, 1, 1, b"12345")].concat());
    assert!(matches!(head, SeenFrames::StreamError(_)), "{head:?}");
}

#[test]
fn h2_ends_the_connection_for_these_responses() {
    for (name, value) in [("X-Upper", "a"), ("a b", "a"), (":unknown", "a"), (":status", "abc"), ("x", "a\nb")] {
        connection_error(name, &headers(&field(name, value)), "PROTOCOL_ERROR");
    }
    // The faulty head is refused before its last CONTINUATION frame, which is then unexpected.
    let split = [frame(1, 0, 1, &[OK, &field("upgrade", "x")].concat()), frame(9, 4, 1, b"")].concat();
    connection_error("faulty head in two frames", &split, "PROTOCOL_ERROR");
}

#[test]
fn h2_accepts_these_responses() {
    for (name, value) in [("te", "trailers"), ("content-length", ""), (":method", "GET"), (":path", "/")] {
        assert_eq!(seen(Method::GET, &response(name, value)), SeenFrames::Open, "{name}");
    }
    let not_modified = [headers(&[0x8b]), frame(0, 1, 1, b"body")].concat();
    assert_eq!(seen(Method::GET, &not_modified), SeenFrames::Complete(None));
    let trailers = [headers(OK), frame(1, 5, 1, &[OK, &field("x", "y")].concat())].concat();
    let mut expected = HeaderMap::new();
    expected.insert("x", http::HeaderValue::from_static("y"));
    // The pseudo-field is dropped.
    assert_eq!(seen(Method::GET, &trailers), SeenFrames::Complete(Some(expected)));
}

#[test]
fn h2_ends_a_connection_after_1024_malformed_responses() {
    let Opened { wire, mut sender, mut connection } = open();
    for number in 0..=1_024 {
        let request = Request::get("https://a.test/").body(()).unwrap();
        let (response, _) = sender.send_request(request, true).unwrap();
        assert!((&mut connection).now_or_never().is_none());
        wire.0.lock().unwrap().extend(frame(1, 5, 2 * number + 1, &field("x", "y")));
        let ended = (&mut connection).now_or_never().map(|outcome| format!("{outcome:?}"));
        assert_eq!(ended.is_some(), number == 1_024, "{ended:?} after {number}");
        assert!(ended.is_none_or(|error| error.contains("ENHANCE_YOUR_CALM")));
        let error = format!("{:?}", response.now_or_never().unwrap().unwrap_err());
        assert!(error.contains("PROTOCOL_ERROR"), "{error}");
    }
}
