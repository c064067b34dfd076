//! Known attacks on HTTP/2 clients, end to end: each ends with an error that says which limit was exceeded, and requests
//! on other connections go on.

use waterspout::testing::{Http2Action, Http2Config, Http2ErrorCode, Http2Frame, handler};
use waterspout::{Bytes, ErrorKind};

use crate::common::{Log, gated, get};
use crate::served::{Gates, Served};

const STATUS: &[(&str, &str)] = &[(":status", "200")];

fn repeated(count: usize, frame: Http2Frame) -> Vec<Http2Frame> {
    vec![frame; count]
}

/// A head of a HEADERS frame and this many CONTINUATION frames, which has no end.
fn continuations(count: usize, size: usize) -> Vec<Http2Frame> {
    let block = Http2Frame::header_block(&[("x", &"x".repeat(size))]);
    let first = Http2Frame::new(Http2Frame::HEADERS, 0, 1, Http2Frame::header_block(STATUS));
    let mut frames = vec![first];
    frames.extend(repeated(count, Http2Frame::new(Http2Frame::CONTINUATION, 0, 1, block)));
    frames
}

/// A head with many references to a large entry of the table (CVE-2016-6581).
fn hpack_bomb() -> Vec<Http2Frame> {
    // A literal that enters the table, and references to it, which is then the entry 62.
    let name = b"x-bomb";
    let value = [b'x'; 3_000];
    let mut block = vec![0x88, 0x40, name.len() as u8];
    block.extend(name);
    block.extend([127, (3_000 - 127) as u8 & 127 | 128, ((3_000 - 127) >> 7) as u8]);
    block.extend(value);
    block.extend([0xbe; 13_000]);
    vec![Http2Frame::new(Http2Frame::HEADERS, Http2Frame::END_HEADERS, 1, block)]
}

/// What a server sends instead of an answer to the first request, the kind of the error, and a part of its text.
fn attacks() -> Vec<(&'static str, Vec<Http2Frame>, ErrorKind, &'static str)> {
    use ErrorKind::{LimitExceeded, Protocol};
    let head = || vec![Http2Frame::headers(1, STATUS, false)];
    let after_head = |frames: Vec<Http2Frame>| [head(), frames].concat();
    let padding = Http2Frame::new(Http2Frame::DATA, 8, 1, vec![9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let priority = Http2Frame::new(2, 0, 1, vec![0, 0, 0, 0, 0]);
    let push = Http2Frame::new(5, Http2Frame::END_HEADERS, 1, [&[0, 0, 0, 2][..], &[0x82]].concat());
    let large = "x".repeat(15_000);
    let bomb: Vec<_> = (0..3).map(|_| Http2Frame::header_block(&[("x", &large)])).collect();
    let reset = Http2Frame::rst_stream(1, Http2ErrorCode::CANCEL);
    let interim = Http2Frame::headers(1, &[(":status", "103"), ("x", &large)], false);
    vec![
        ("PING flood", repeated(2_000, Http2Frame::ping([0; 8])), LimitExceeded, "1000 HTTP/2 frames"),
        ("SETTINGS flood", repeated(2_000, Http2Frame::settings(&[])), LimitExceeded, "SETTINGS"),
        ("WINDOW_UPDATE flood", repeated(2_000, Http2Frame::window_update(0, 1)), LimitExceeded, "WINDOW_UPDATE"),
        ("PRIORITY flood", repeated(2_000, priority), LimitExceeded, "PRIORITY"),
        ("unknown frames", repeated(2_000, Http2Frame::new(200, 0, 0, vec![])), LimitExceeded, "1000 HTTP/2 frames"),
        ("empty DATA", after_head(repeated(200, Http2Frame::data(1, "", false))), LimitExceeded, "empty DATA"),
        ("padding only", after_head(repeated(200, padding)), LimitExceeded, "small DATA frames"),
        ("CONTINUATION flood", continuations(100, 1), LimitExceeded, "CONTINUATION"),
        ("empty CONTINUATION flood", continuations(100, 0), LimitExceeded, "CONTINUATION"),
        (
            "header bomb",
            bomb.iter().map(|block| Http2Frame::new(Http2Frame::HEADERS, 4, 1, block.clone())).take(1).collect(),
            Protocol,
            "PROTOCOL_ERROR",
        ),
        ("HPACK bomb", hpack_bomb(), LimitExceeded, "Config::head_bytes"),
        ("informational flood", repeated(200, interim), LimitExceeded, "informational"),
        ("PUSH_PROMISE", vec![push], Protocol, "PROTOCOL_ERROR"),
        ("window overflow", vec![Http2Frame::window_update(0, 0x7fff_ffff)], Protocol, "FLOW_CONTROL_ERROR"),
        ("WINDOW_UPDATE of 0", vec![Http2Frame::window_update(0, 0)], Protocol, "PROTOCOL_ERROR"),
        ("initial window above the limit", vec![Http2Frame::settings(&[(4, 0xffff_ffff)])], Protocol, ""),
        (
            "table size in the head",
            vec![Http2Frame::new(Http2Frame::HEADERS, 4, 1, vec![0x3f, 0xff, 0xff, 0x7f, 0x88])],
            Protocol,
            "",
        ),
        ("frame above the limit", vec![Http2Frame::new(200, 0, 0, vec![0; 20_000])], Protocol, "FRAME_SIZE_ERROR"),
        ("upper-case name", vec![Http2Frame::headers(1, &[(":status", "200"), ("Upper", "x")], true)], Protocol, ""),
        ("DATA before the head", vec![Http2Frame::data(1, "x", false)], Protocol, "PROTOCOL_ERROR"),
        ("DATA on an idle stream", vec![Http2Frame::data(99, "x", false)], Protocol, "PROTOCOL_ERROR"),
        (
            "RST_STREAM flood",
            [vec![Http2Frame::headers(1, STATUS, true)], repeated(2_000, reset)].concat(),
            LimitExceeded,
            "RST_STREAM",
        ),
    ]
}

#[test]
fn attack_ends_its_connection_and_no_other() {
    for (name, frames, kind, text) in attacks() {
        let (gates, log) = (Gates::default(), Log::default());
        // The second connection serves the requests that the first has no stream for.
        let config = Http2Config::new().max_concurrent_streams(2);
        let mut served = Served::build(config, gated(&gates, &log), &gates, usize::MAX, |builder| builder);
        let victim = served.start(get(&served.client, "/held/victim"));
        let witness = served.start(get(&served.client, "/held/witness"));
        let other = served.start(get(&served.client, "/held/other"));
        assert_eq!(served.connects(), 2, "{name}");
        // Only the connection of the victim gets the frames: it is the connection that has been opened first.
        let answer: Vec<u8> = frames.iter().flat_map(Http2Frame::to_bytes).collect();
        served.attack_first(Http2Action::Bytes(Bytes::from(answer)));
        let outcome = victim.take().unwrap_or_else(|| panic!("{name}: the victim hangs"));
        if !name.starts_with("RST_STREAM") {
            let error = outcome.expect_err(name);
            assert_eq!(error.kind(), kind, "{name}: {error}");
            assert!(error.to_string().contains(text), "{name}: {error}");
        }
        if name != "header bomb" {
            let error = witness.take().unwrap_or_else(|| panic!("{name}: the witness hangs")).expect_err(name);
            assert_eq!(error.kind(), kind, "{name}: {error}");
        }
        gates.open_all();
        served.tasks.run_until_stalled();
        assert!(other.take().unwrap().is_ok(), "{name}");
        assert_eq!(served.run(get(&served.client, "/")).unwrap().unwrap(), "/", "{name}");
    }
}

#[test]
fn server_may_ping_for_days() {
    let mut served =
        Served::new(Http2Config::new(), handler(|_| Box::pin(async { waterspout::testing::Reply::text("hello") })));
    for _ in 0..1_200 {
        assert!(served.run(get(&served.client, "/")).unwrap().is_ok());
        served.act(Http2Action::Ping([1; 8]));
        served.timer.advance(std::time::Duration::from_secs(5));
    }
    assert_eq!(served.connects(), 1);
}
