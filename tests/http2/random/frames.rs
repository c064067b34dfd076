//! Reads the frames of a connection as they pass, and says what they mean for the streams of the client.

use waterspout::testing::Http2Frame;

/// The bytes of a frame's header (RFC 9113, section 4.1).
const HEADER: usize = 9;

/// What happened on a connection, as its client saw it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// The client has sent the head of a request; the number of the request is in its path.
    Request {
        stream: u32,
        request: u64,
    },
    /// The client has ended the request on a stream.
    SentEnd(u32),
    SentReset(u32),
    SentData {
        stream: u32,
        bytes: u64,
    },
    /// The client has opened a window. Stream 0 is the connection.
    SentWindow {
        stream: u32,
        bytes: u64,
    },
    /// The client has acknowledged SETTINGS.
    SentSettingsAck,
    SentPing,
    /// The server has answered a PING.
    Pong,
    /// Fields have arrived: an informational head, the head or trailers.
    Fields {
        stream: u32,
        is_final: bool,
        ends: bool,
    },
    Data {
        stream: u32,
        bytes: u64,
        ends: bool,
    },
    Reset {
        stream: u32,
        code: u32,
    },
    /// The server has opened a window. Stream 0 is the connection.
    Window {
        stream: u32,
        bytes: u64,
    },
    GoAway {
        last: u32,
        code: u32,
    },
    /// SETTINGS have arrived, with the limit of streams if they have any.
    Settings(Option<u32>),
    /// The clock has moved. The bytes of the connection may be held back meanwhile.
    Later {
        is_held: bool,
        /// Whether a request is not polled.
        holds_requests: bool,
    },
    /// The transport has failed or ended.
    Broken,
}

impl Event {
    /// Returns what a frame of the client means. `last_opened` is the last stream that the client has opened.
    pub(super) fn sent(frame: &Http2Frame, last_opened: u32) -> Vec<Self> {
        let stream = frame.stream;
        let ends = frame.flags & Http2Frame::END_STREAM != 0;
        let mut events = match frame.kind {
            Http2Frame::HEADERS if stream > last_opened => {
                vec![Self::Request { stream, request: request_number(&frame.payload) }]
            }
            Http2Frame::RST_STREAM => vec![Self::SentReset(stream)],
            Http2Frame::DATA => vec![Self::SentData { stream, bytes: frame.payload.len() as u64 }],
            Http2Frame::WINDOW_UPDATE => vec![Self::SentWindow { stream, bytes: number(&frame.payload, 0).into() }],
            Http2Frame::SETTINGS if ends => vec![Self::SentSettingsAck],
            Http2Frame::PING if !ends => vec![Self::SentPing],
            _ => Vec::new(),
        };
        if matches!(frame.kind, Http2Frame::HEADERS | Http2Frame::DATA) && ends {
            events.push(Self::SentEnd(stream));
        }
        events
    }

    /// Returns what a frame of the server means.
    pub(super) fn received(frame: &Http2Frame) -> Option<Self> {
        let stream = frame.stream;
        let ends = frame.flags & Http2Frame::END_STREAM != 0;
        Some(match frame.kind {
            Http2Frame::HEADERS => Self::Fields { stream, is_final: has_status_200(&frame.payload), ends },
            Http2Frame::DATA => Self::Data { stream, bytes: frame.payload.len() as u64, ends },
            Http2Frame::RST_STREAM => Self::Reset { stream, code: number(&frame.payload, 0) },
            Http2Frame::WINDOW_UPDATE => Self::Window { stream, bytes: number(&frame.payload, 0).into() },
            Http2Frame::GOAWAY => Self::GoAway { last: number(&frame.payload, 0), code: number(&frame.payload, 4) },
            Http2Frame::PING if ends => Self::Pong,
            Http2Frame::SETTINGS if frame.flags & Http2Frame::ACK == 0 => {
                let limit = frame.payload.chunks(6).find(|entry| entry[..2] == [0, 3]);
                Self::Settings(limit.map(|entry| number(entry, 2)))
            }
            _ => return None,
        })
    }
}

fn number(payload: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(payload[at..at + 4].try_into().unwrap())
}

/// Returns whether the first field of a block is `:status: 200`, which has the number 8 in the static table of RFC 7541.
/// Changes of the table's size may stand before it.
fn has_status_200(block: &[u8]) -> bool {
    block.iter().find(|byte| **byte & 0xe0 != 0x20) == Some(&0x88)
}

/// Reads the request's number out of `:path`. The client sends the path as a literal with the name 4 of the static table,
/// in Huffman code. The paths of these tests begin with `/` and digits.
fn request_number(block: &[u8]) -> u64 {
    let mut rest = block;
    while let Some(first) = rest.first().copied() {
        let prefix = match first {
            0x80.. => 7,
            0x40.. => 6,
            0x20.. => 5,
            _ => 4,
        };
        let name = integer(&mut rest, prefix);
        // An indexed field and a change of the table's size have no literals.
        if prefix == 7 || prefix == 5 {
            continue;
        }
        if name == 0 {
            literal(&mut rest);
        }
        let value = literal(&mut rest);
        if prefix == 4 && name == 4 {
            return leading_number(value);
        }
    }
    panic!("a request has no path: {block:?}");
}

/// Reads an integer of RFC 7541, section 5.1.
fn integer(rest: &mut &[u8], prefix: u32) -> usize {
    let max = (1_usize << prefix) - 1;
    let mut value = usize::from(rest[0]) & max;
    *rest = &rest[1..];
    let mut shift = 0;
    let mut goes_on = value == max;
    while goes_on {
        value += usize::from(rest[0] & 0x7f) << shift;
        goes_on = rest[0] & 0x80 != 0;
        shift += 7;
        *rest = &rest[1..];
    }
    value
}

fn literal<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let length = integer(rest, 7);
    let (value, left) = rest.split_at(length);
    *rest = left;
    value
}

/// Reads the digits after the first character (RFC 7541, appendix B: 0 to 2 have 5 bits, 3 to 9 and `/` have 6).
fn leading_number(huffman: &[u8]) -> u64 {
    let bits: Vec<u8> = huffman.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let take =
        |at: usize, count: usize| bits[at..at + count].iter().fold(0_u64, |value, bit| value << 1 | u64::from(*bit));
    let (mut at, mut value) = (6, 0);
    loop {
        let (short, long) = (take(at, 5), take(at, 6));
        let (digit, length) = match (short, long) {
            (0..=2, _) => (short, 5),
            (_, 0b01_1001..=0b01_1111) => (long - 0b01_1001 + 3, 6),
            _ => return value,
        };
        value = value * 10 + digit;
        at += length;
    }
}

/// Splits the bytes of a direction into frames.
#[derive(Default)]
pub(super) struct FrameReader {
    bytes: Vec<u8>,
    /// The bytes before the next frame.
    skip: usize,
}

impl FrameReader {
    /// Makes the reader of a client's bytes.
    pub(super) fn after_preface() -> Self {
        Self { skip: Http2Frame::PREFACE.len(), ..Self::default() }
    }

    /// Adds bytes, and returns the frames that they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Http2Frame> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.bytes.extend_from_slice(&bytes[skipped..]);
        let (mut at, mut frames) = (0, Vec::new());
        while let Some(header) = self.bytes.get(at..at + HEADER) {
            let length = number(&[0, header[0], header[1], header[2]], 0) as usize;
            let (kind, flags, stream) = (header[3], header[4], number(header, 5) & (u32::MAX >> 1));
            let Some(payload) = self.bytes.get(at + HEADER..at + HEADER + length) else { break };
            frames.push(Http2Frame::new(kind, flags, stream, payload.to_vec()));
            at += HEADER + length;
        }
        self.bytes.drain(..at);
        frames
    }

    /// Returns whether a frame has begun and is not complete.
    pub(super) fn is_within_frame(&self) -> bool {
        !self.bytes.is_empty()
    }
}
