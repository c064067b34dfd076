//! Malformed responses (RFC 9113, sections 8.1 to 8.3): what each does to its request and to its connection.

use waterspout::agent::Config;
use waterspout::http::Method;
use waterspout::testing::Http2Frame;
use waterspout::{ErrorKind, Response};

use crate::peer::{Rig, URL, get, ok};

/// The outcome of a malformed response.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// The request fails, its stream is reset, and the connection lives.
    Stream,
    /// As `Stream`, but the stream has ended by itself, so there is nothing to reset.
    Ended,
    /// The connection ends, because the fault is found by the HPACK decoder of h2.
    Connection,
    /// The response is accepted.
    Accepted,
}

use Outcome::{Accepted, Connection, Ended, Stream};

type Row = (&'static str, Method, Vec<Http2Frame>, Outcome);

fn frame(flags: u8, block: &[u8]) -> Http2Frame {
    Http2Frame::new(Http2Frame::HEADERS, flags, 1, block.to_vec())
}

/// A head with status 200 and these fields.
fn head(fields: &[(&str, &str)], end: bool) -> Http2Frame {
    Http2Frame::headers(1, &[&[(":status", "200")], fields].concat(), end)
}

fn data(bytes: &'static str, end: bool) -> Http2Frame {
    Http2Frame::data(1, bytes, end)
}

/// Heads that have a faulty field.
fn fields() -> Vec<Row> {
    let field = |name: &'static str, value: &'static str, outcome| -> Row {
        (name, Method::GET, vec![head(&[(name, value)], false)], outcome)
    };
    vec![
        field("connection", "close", Stream),
        field("proxy-connection", "close", Stream),
        field("keep-alive", "timeout=5", Stream),
        field("transfer-encoding", "chunked", Stream),
        field("upgrade", "h2c", Stream),
        field("te", "gzip", Stream),
        field("te", "trailers", Stream),
        field("x-before", " x", Stream),
        field("x-after", "x\t", Stream),
        field(":status", "200", Stream),
        field("content-length", "x", Stream),
        field("content-length", "", Stream),
        field("content-length", "+1", Stream),
        field("content-length", "-1", Stream),
        field("content-length", "2, 2", Stream),
        field("content-length", "18446744073709551616", Stream),
        field("X-Upper", "x", Connection),
        field("white space", "x", Connection),
        field("x\0", "x", Connection),
        field("x\u{7f}", "x", Connection),
        field("b\u{fc}cher", "x", Connection),
        field("a:b", "x", Connection),
        field("", "x", Connection),
        field("x-nul", "a\0b", Connection),
        field("x-lf", "a\nb", Connection),
        field("x-cr", "a\rb", Connection),
        field(":unknown", "x", Connection),
        field(":protocol", "x", Accepted),
        // h2 drops the pseudo-fields of requests.
        field(":method", "GET", Accepted),
        field(":path", "/", Accepted),
        field("x-del", "b\u{fc}cher", Accepted),
        field("content-length", "0", Accepted),
    ]
}

fn heads() -> Vec<Row> {
    let status = |status: &str| vec![Http2Frame::headers(1, &[(":status", status)], false)];
    let raw = |block: &[u8]| vec![frame(Http2Frame::END_HEADERS, block)];
    let lengths = head(&[("content-length", "2"), ("content-length", "3")], false);
    let same_lengths = head(&[("content-length", "2"), ("content-length", "2")], false);
    let split = vec![
        frame(0, &Http2Frame::header_block(&[(":status", "200"), ("upgrade", "x")])),
        Http2Frame::new(Http2Frame::CONTINUATION, Http2Frame::END_HEADERS, 1, Http2Frame::header_block(&[("x", "y")])),
    ];
    vec![
        ("no status", Method::GET, vec![Http2Frame::headers(1, &[("x", "y")], false)], Stream),
        ("empty head", Method::GET, raw(&[]), Stream),
        (
            "status after a field",
            Method::GET,
            vec![Http2Frame::headers(1, &[("x", "y"), (":status", "200")], false)],
            Stream,
        ),
        ("two lengths", Method::GET, vec![lengths], Stream),
        ("the same length twice", Method::GET, vec![same_lengths, data("ab", true)], Accepted),
        ("status 101", Method::GET, status("101"), Stream),
        ("status of two digits", Method::GET, status("20"), Connection),
        ("status of four digits", Method::GET, status("2000"), Connection),
        ("status 099", Method::GET, status("099"), Connection),
        ("empty status", Method::GET, status(""), Connection),
        ("status that is no number", Method::GET, status("abc"), Connection),
        ("status 999", Method::GET, status("999"), Accepted),
        (
            "informational head with END_STREAM",
            Method::GET,
            vec![Http2Frame::headers(1, &[(":status", "103")], true)],
            Ended,
        ),
        ("faulty head in two frames", Method::GET, split, Connection),
    ]
}

fn bodies() -> Vec<Row> {
    let of = |length: &'static str| head(&[("content-length", length)], false);
    let bodiless = |status: &str| Http2Frame::headers(1, &[(":status", status)], false);
    let trailers = |fields: &[(&str, &str)], end: bool| Http2Frame::headers(1, fields, end);
    vec![
        ("longer body", Method::GET, vec![of("4"), data("hello", true)], Stream),
        ("longer body in two frames", Method::GET, vec![of("4"), data("hell", false), data("o", false)], Stream),
        ("shorter body", Method::GET, vec![of("6"), data("hello", true)], Stream),
        (
            "shorter body that ends with an empty frame",
            Method::GET,
            vec![of("6"), data("hello", false), data("", true)],
            Stream,
        ),
        (
            "shorter body that ends with trailers",
            Method::GET,
            vec![of("6"), data("hello", false), trailers(&[("x", "y")], true)],
            Ended,
        ),
        ("no body, although a length is declared", Method::GET, vec![head(&[("content-length", "5")], true)], Ended),
        ("body after a length of 0", Method::GET, vec![of("0"), data("x", true)], Stream),
        ("HEAD with a length", Method::HEAD, vec![head(&[("content-length", "5")], true)], Accepted),
        ("HEAD with a body", Method::HEAD, vec![of("5"), data("hello", true)], Stream),
        ("HEAD with a body without a length", Method::HEAD, vec![head(&[], false), data("hello", true)], Stream),
        ("204 with a body", Method::GET, vec![bodiless("204"), data("x", true)], Ended),
        ("304 with a body", Method::GET, vec![bodiless("304"), data("x", true)], Ended),
        (
            "304 with a length",
            Method::GET,
            vec![Http2Frame::headers(1, &[(":status", "304"), ("content-length", "5")], true)],
            Accepted,
        ),
        ("DATA before the head", Method::GET, vec![data("x", true)], Connection),
        (
            "DATA between heads",
            Method::GET,
            vec![Http2Frame::headers(1, &[(":status", "103")], false), data("x", false)],
            Connection,
        ),
        ("two heads", Method::GET, vec![head(&[], false), head(&[], false)], Stream),
        (
            "trailers without END_STREAM",
            Method::GET,
            vec![head(&[], false), data("x", false), trailers(&[("x", "y")], false)],
            Stream,
        ),
        (
            "trailers with a field of the connection",
            Method::GET,
            vec![head(&[], false), trailers(&[("connection", "close")], true)],
            Stream,
        ),
        ("trailers with `te`", Method::GET, vec![head(&[], false), trailers(&[("te", "trailers")], true)], Ended),
        (
            "trailers with white space around a value",
            Method::GET,
            vec![head(&[], false), trailers(&[("x", " y")], true)],
            Ended,
        ),
        ("trailers with upper case", Method::GET, vec![head(&[], false), trailers(&[("X", "y")], true)], Connection),
        // h2 drops the pseudo-field.
        (
            "trailers with a pseudo-field",
            Method::GET,
            vec![head(&[], false), trailers(&[(":status", "200"), ("x", "y")], true)],
            Accepted,
        ),
        (
            "trailers after a body",
            Method::GET,
            vec![of("1"), data("x", false), trailers(&[("x", "y")], true)],
            Accepted,
        ),
    ]
}

/// Sends the request, and receives its whole response.
async fn receive(request: waterspout::RequestBuilder<waterspout::Client>) -> waterspout::Result<()> {
    let mut response: Response = request.await?;
    while response.chunk().await?.is_some() {}
    Ok(())
}

#[test]
fn malformed_response_fails_its_request_alone_where_h2_allows_it() {
    let mut faults = Vec::new();
    for (name, method, frames, expected) in [fields(), heads(), bodies()].into_iter().flatten() {
        let mut rig = Rig::new();
        let victim = rig.start(receive(rig.client.request(method, URL)));
        let witness = rig.start(get(&rig.client));
        let peer = rig.peer(0);
        drop(peer.received());
        peer.send_frames(&frames);
        rig.run();
        if expected == Accepted {
            peer.send_frames(&[Http2Frame::data(1, "", true)]);
            rig.run();
        }
        let victim = victim.take().map(|outcome| outcome.map_err(|error| error.kind()));
        let resets: Vec<_> = peer
            .received()
            .into_iter()
            .filter(|frame| frame.kind == Http2Frame::RST_STREAM && frame.stream == 1)
            .collect();
        peer.send_frames(&[ok(3, true)]);
        rig.run();
        // A request on a connection that ends fails with the same error. It may have been processed, so it is not sent
        // again.
        let witness = witness.take().map(|outcome| outcome.map(drop).map_err(|error| error.kind()));
        let failed = Some(Err(ErrorKind::Protocol));
        let has_failed = (victim == failed, witness == failed);
        let is_expected = match expected {
            Stream => has_failed == (true, false) && witness == Some(Ok(())) && resets.len() == 1,
            Ended => has_failed == (true, false) && witness == Some(Ok(())) && resets.is_empty(),
            Connection => has_failed == (true, true),
            Accepted => victim == Some(Ok(())) && witness == Some(Ok(())),
        };
        let next = rig.next_request();
        if !is_expected || next != usize::from(expected == Connection) {
            let resets = resets.len();
            faults
                .push(format!("{name}: {victim:?} and {witness:?}, {resets} resets, next on {next}; not {expected:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn white_space_around_a_value_is_accepted_if_the_program_says_so() {
    let mut rig = Rig::new();
    let config = Config::new().ignore_invalid_headers(true);
    let request = rig.client.get(URL).extension(config);
    let request = rig.start(async move { request.await.map(|response| response.headers()["x"].clone()) });
    rig.peer(0).send_frames(&[head(&[("x", " y ")], true)]);
    rig.run();
    assert_eq!(request.take().unwrap().unwrap(), " y ");
}
