//! Heads, windows and settings that no server may send, or that cost a client more than the server.

use waterspout::ErrorKind::{LimitExceeded, Protocol};
use waterspout::testing::{Http2ErrorCode, Http2Frame};

use crate::attacks::{ALTSVC, Attack, End, KIB, PRIORITY, Victim, attack, frame, repeated};

const PUSH_PROMISE: u8 = 5;
const PADDED: u8 = 8;

/// The end of a connection at the first frame.
const fn violation(text: &'static str) -> End {
    End::Connection { at: 1, kind: Protocol, text }
}

/// A HEADERS frame with these flags, and an encoded head.
fn head(flags: u8, block: &[u8]) -> Http2Frame {
    frame(Http2Frame::HEADERS, flags, 1, block)
}

/// A whole head, as it is encoded.
fn whole_head(block: &[u8]) -> Http2Frame {
    head(Http2Frame::END_HEADERS, block)
}

/// `:status: 200` (RFC 7541, appendix A).
const OK: u8 = 0x88;

/// The first frame of a head, and CONTINUATION frames with this payload.
fn continuations(payload: Vec<u8>) -> impl Fn(u32) -> Http2Frame {
    move |number| match number {
        0 => head(0, &[OK]),
        _ => frame(Http2Frame::CONTINUATION, 0, 1, &payload),
    }
}

/// A head with an entry of 3,000 bytes in the table, and references to it.
fn bomb(references: usize) -> Http2Frame {
    let entry = [&[0x40, 1, b'x', 0x7f, 0xb9, 0x16][..], &[b'a'; 3_000]].concat();
    whole_head(&[&[OK], &entry[..], &[0xbe].repeat(references)].concat())
}

pub(crate) fn heads() -> Vec<Attack> {
    use Victim::{Done, Waiting};
    let too_many = |text| End::Connection { at: 10, kind: LimitExceeded, text };
    let large = "x".repeat(70_000);
    let large = Http2Frame::header_block(&[(":status", "200"), ("x", &large)]);
    let early_hint = Http2Frame::headers(1, &[(":status", "103")], false);
    let large_hint = Http2Frame::headers(1, &[(":status", "103"), ("link", &"x".repeat(15_000))], false);
    let fields: Vec<(&str, &str)> = [(":status", "200")].into_iter().chain((0..300).map(|_| ("x", ""))).collect();
    let informational = |at| End::Stream { at, kind: LimitExceeded, text: "Config::informational_bytes" };
    vec![
        attack(
            "CVE-2024-27316, -24549, -28182, -30255, -31309, -27983 and CVE-2023-45288: CONTINUATION flood",
            Waiting,
            continuations(Http2Frame::header_block(&[("x", "y")])),
            too_many("8 CONTINUATION frames"),
        ),
        attack(
            "CVE-2019-9518 and CVE-2024-28182: empty CONTINUATION frames",
            Waiting,
            continuations(Vec::new()),
            too_many("8 CONTINUATION frames"),
        ),
        Attack {
            memory: 512 * KIB,
            ..attack(
                "a head above the limit",
                Waiting,
                move |number| {
                    let number = number as usize;
                    let payload = &large[number * 16_384..large.len().min((number + 1) * 16_384)];
                    let flags = if number == 4 { Http2Frame::END_HEADERS } else { 0 };
                    let kind = if number == 0 { Http2Frame::HEADERS } else { Http2Frame::CONTINUATION };
                    frame(kind, flags, 1, payload)
                },
                End::Stream { at: 5, kind: LimitExceeded, text: "65536" },
            )
        },
        repeated(
            "more fields than the limit",
            Waiting,
            Http2Frame::headers(1, &fields, true),
            End::Stream { at: 1, kind: LimitExceeded, text: "256" },
        ),
        Attack {
            memory: 256 * KIB,
            ..repeated(
                "CVE-2016-6581: HPACK bomb",
                Waiting,
                bomb(50),
                End::Stream { at: 1, kind: Protocol, text: "far above `Config::head_bytes`" },
            )
        },
        Attack {
            memory: 256 * KIB,
            ..repeated(
                "CVE-2016-6581: larger HPACK bomb",
                Waiting,
                bomb(10_000),
                End::Connection { at: 1, kind: LimitExceeded, text: "Config::head_bytes" },
            )
        },
        repeated(
            "HPACK table above the limit",
            Waiting,
            whole_head(&[0x3f, 0xe2, 0x1f, OK]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "HPACK reference to no entry",
            Waiting,
            whole_head(&[OK, 0xff, 0xff, 0x7f]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "HPACK integer without end",
            Waiting,
            whole_head(&[&[OK, 0xff][..], &[0xff; 100]].concat()),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "CVE-2019-9516: headers without a name",
            Waiting,
            whole_head(&[OK, 0, 0, 0]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "CVE-2019-9516: headers whose Huffman code is no name",
            Waiting,
            whole_head(&[OK, 0x40, 0x80, 0x80]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated("flood of informational heads", Waiting, early_hint, informational(15_421)),
        repeated("flood of large informational heads", Waiting, large_hint.clone(), informational(18)),
        attack(
            "HPACK table that is resized in each head",
            Waiting,
            |_| whole_head(&[0x20, 0x3f, 0xe1, 0x1f, 0x48, 3, b'1', b'0', b'3']),
            informational(15_421),
        ),
        repeated(
            "flood of heads after the end",
            Done,
            large_hint,
            End::Connection { at: 27, kind: LimitExceeded, text: "Config::informational_bytes" },
        ),
    ]
}

pub(crate) fn violations() -> Vec<Attack> {
    use Victim::{Reading, Uploading, Waiting};
    let max = 0x7fff_ffff;
    let no_flow = "FLOW_CONTROL_ERROR";
    vec![
        repeated(
            "PUSH_PROMISE although push is disabled, and CVE-2023-44487 with it",
            Waiting,
            frame(PUSH_PROMISE, Http2Frame::END_HEADERS, 1, &[0, 0, 0, 2, 0x82]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated("window overflow of the connection", Waiting, Http2Frame::window_update(0, max), violation(no_flow)),
        repeated(
            "window overflow of a stream",
            Uploading,
            Http2Frame::window_update(1, max),
            End::Stream { at: 2, kind: Protocol, text: no_flow },
        ),
        repeated("initial window of 2^31", Waiting, Http2Frame::settings(&[(4, 1 << 31)]), violation("PROTOCOL_ERROR")),
        attack(
            "window overflow by SETTINGS",
            Uploading,
            |number| match number {
                0 => Http2Frame::window_update(1, 0x7fff_0000),
                _ => Http2Frame::settings(&[(4, 0x7fff_ffff)]),
            },
            End::Connection { at: 2, kind: Protocol, text: no_flow },
        ),
        repeated("WINDOW_UPDATE of 0", Waiting, Http2Frame::window_update(0, 0), violation("PROTOCOL_ERROR")),
        repeated(
            "WINDOW_UPDATE of 0 for a stream",
            Uploading,
            Http2Frame::window_update(1, 0),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "stream that depends on itself",
            Waiting,
            frame(PRIORITY, 0, 1, &[0, 0, 0, 1, 0]),
            End::Stream { at: 1, kind: Protocol, text: "PROTOCOL_ERROR" },
        ),
        repeated(
            "frame above 16,384 bytes",
            Reading,
            Http2Frame::data(1, vec![0; 16_385], false),
            violation("FRAME_SIZE_ERROR"),
        ),
        repeated("SETTINGS_MAX_FRAME_SIZE of 0", Waiting, Http2Frame::settings(&[(5, 0)]), violation("PROTOCOL_ERROR")),
        repeated(
            "SETTINGS_MAX_FRAME_SIZE of 2^24",
            Waiting,
            Http2Frame::settings(&[(5, 1 << 24)]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated("SETTINGS_ENABLE_PUSH of 2", Waiting, Http2Frame::settings(&[(2, 2)]), violation("PROTOCOL_ERROR")),
        repeated("SETTINGS of 5 bytes", Waiting, frame(Http2Frame::SETTINGS, 0, 0, &[0; 5]), violation("_ERROR")),
        repeated("SETTINGS of a stream", Waiting, frame(Http2Frame::SETTINGS, 0, 1, &[]), violation("PROTOCOL_ERROR")),
        repeated("PING of 7 bytes", Waiting, frame(Http2Frame::PING, 0, 0, &[0; 7]), violation("_ERROR")),
        repeated(
            "RST_STREAM of the connection",
            Waiting,
            Http2Frame::rst_stream(0, Http2ErrorCode::CANCEL),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "RST_STREAM of an idle stream",
            Waiting,
            Http2Frame::rst_stream(99, Http2ErrorCode::CANCEL),
            violation("PROTOCOL_ERROR"),
        ),
        repeated("DATA on an idle stream", Waiting, Http2Frame::data(99, "x", false), violation("PROTOCOL_ERROR")),
        repeated(
            "head on a stream of the server",
            Waiting,
            Http2Frame::headers(2, &[(":status", "200")], true),
            violation("PROTOCOL_ERROR"),
        ),
        repeated("DATA before the head", Waiting, Http2Frame::data(1, "x", false), violation("PROTOCOL_ERROR")),
        repeated(
            "padding of more than the frame",
            Reading,
            frame(Http2Frame::DATA, PADDED, 1, &[9, 0]),
            violation("PROTOCOL_ERROR"),
        ),
        repeated(
            "CONTINUATION without a head",
            Waiting,
            frame(Http2Frame::CONTINUATION, 4, 1, &[OK]),
            violation("PROTOCOL_ERROR"),
        ),
    ]
}

pub(crate) fn harmless() -> Vec<Attack> {
    use Victim::{Done, Held, Reading, Uploading, Waiting};
    let free = |frames| End::Harmless { frames };
    let settings = |settings: &[(u16, u32)]| Http2Frame::settings(settings);
    vec![
        repeated("SETTINGS_HEADER_TABLE_SIZE of 4 GiB", Waiting, settings(&[(1, u32::MAX)]), free(900)),
        repeated("SETTINGS_MAX_CONCURRENT_STREAMS of 2^32 - 1", Waiting, settings(&[(3, u32::MAX)]), free(900)),
        repeated(
            "largest legal settings",
            Uploading,
            settings(&[(4, 0x7fff_ffff), (5, 0xff_ffff), (6, u32::MAX)]),
            free(1),
        ),
        repeated("SETTINGS_MAX_HEADER_LIST_SIZE of 0", Waiting, settings(&[(6, 0)]), free(1)),
        attack("unknown settings", Waiting, |number| Http2Frame::settings(&[(100 + number as u16, number)]), free(900)),
        repeated("900 ALTSVC frames", Waiting, frame(ALTSVC, 0, 0, b"\0\x0bserver.testh2=\":1\""), free(900)),
        // h2 resets the stream at the 129th frame, and ignores the rest.
        Attack {
            memory: 4096 * KIB,
            ..repeated(
                "body beyond the window of its stream",
                Held,
                Http2Frame::data(1, vec![0; 16_384], false),
                free(2_000),
            )
        },
        repeated("DATA after the end", Done, Http2Frame::data(1, "x", false), free(5_000)),
        attack(
            "as many PING frames as DATA frames",
            Reading,
            |number| if number % 2 == 0 { Http2Frame::data(1, "x", false) } else { Http2Frame::ping([0; 8]) },
            free(20_000),
        ),
        repeated(
            "padded DATA",
            Reading,
            frame(Http2Frame::DATA, PADDED, 1, &[&[200, b'x'][..], &[0; 200]].concat()),
            free(900),
        ),
        attack(
            "window of an upload in pieces of 64 bytes",
            Uploading,
            |number| match number {
                0 => Http2Frame::window_update(0, 1_000_000),
                _ => Http2Frame::window_update(1, 64),
            },
            free(14_000),
        ),
        attack(
            "window of the connection in pieces of 64 bytes",
            Uploading,
            |number| match number {
                0 => Http2Frame::window_update(1, 1_000_000),
                _ => Http2Frame::window_update(0, 64),
            },
            free(14_000),
        ),
    ]
}
