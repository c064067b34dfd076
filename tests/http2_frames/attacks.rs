//! The table of attacks.

use waterspout::ErrorKind::{self, LimitExceeded};
use waterspout::testing::{Http2ErrorCode, Http2Frame};

use crate::peer::ok;
use crate::violations::{harmless, heads, violations};

/// What the attacked request does. It has the stream 1. Another request on the stream 3 waits for its head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Victim {
    /// It waits for its head.
    Waiting,
    /// It reads its body.
    Reading,
    /// It has the head, and the program does not read the body.
    Held,
    /// It sends a body of 1,000,000 bytes.
    Uploading,
    /// It has the whole response.
    Done,
}

/// How an attack ends.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// The connection ends at this frame, with an error of this kind that has this text.
    Connection { at: u32, kind: ErrorKind, text: &'static str },
    /// The victim ends at this frame, and the connection lives.
    Stream { at: u32, kind: ErrorKind, text: &'static str },
    /// So many frames do nothing.
    Harmless { frames: u32 },
}

pub(crate) struct Attack {
    pub(crate) name: &'static str,
    pub(crate) victim: Victim,
    /// Makes the frame with this number.
    pub(crate) frame: Box<dyn Fn(u32) -> Http2Frame>,
    pub(crate) end: End,
    /// Maximum bytes by which the memory grows.
    pub(crate) memory: usize,
}

impl Attack {
    /// Returns how many frames are sent at most.
    pub(crate) fn max_frames(&self) -> u32 {
        match self.end {
            End::Connection { at, .. } | End::Stream { at, .. } => at + 10_000,
            End::Harmless { frames } => frames,
        }
    }
}

pub(crate) const KIB: usize = 1024;

/// The memory of an attack of which nothing is stored: the buffers for reading, and what other threads of the tests need.
const NOTHING: usize = 256 * KIB;

pub(crate) fn attack(
    name: &'static str,
    victim: Victim,
    frame: impl Fn(u32) -> Http2Frame + 'static,
    end: End,
) -> Attack {
    Attack { name, victim, frame: Box::new(frame), end, memory: NOTHING }
}

/// An attack that repeats a frame.
pub(crate) fn repeated(name: &'static str, victim: Victim, frame: Http2Frame, end: End) -> Attack {
    attack(name, victim, move |_| frame.clone(), end)
}

/// The end of a connection at the 1,001st frame without progress.
const fn overhead(text: &'static str) -> End {
    End::Connection { at: 1_001, kind: LimitExceeded, text }
}

/// A frame of a type that `Http2Frame` does not name.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Http2Frame {
    Http2Frame::new(kind, flags, stream, payload.to_vec())
}

pub(crate) const PRIORITY: u8 = 2;
pub(crate) const ALTSVC: u8 = 10;
const ORIGIN: u8 = 12;
const PRIORITY_UPDATE: u8 = 16;
const PADDED: u8 = 8;

pub(crate) fn attacks() -> Vec<Attack> {
    [windows(), floods(), heads(), violations(), harmless()].into_iter().flatten().collect()
}

/// Windows that are opened in tiny pieces, and bodies in tiny pieces.
fn windows() -> Vec<Attack> {
    use Victim::{Held, Reading, Uploading};
    let dribble = End::Stream { at: 10_001, kind: LimitExceeded, text: "more than 10000 times by less than 32 bytes" };
    vec![
        attack(
            "CVE-2019-9511: window of an upload in tiny pieces",
            Uploading,
            // The windows of the connection and of the stream are 65,535 bytes at first.
            |number| match number {
                0 => Http2Frame::window_update(0, 1_000_000),
                _ => Http2Frame::window_update(1, 1),
            },
            dribble,
        ),
        Attack {
            // h2 needs more than the 255 bytes of bookkeeping for each frame that it counts.
            memory: 25 << 20,
            ..repeated(
                "CVE-2019-9511: body in tiny pieces that the program does not read",
                Held,
                Http2Frame::data(1, "x", false),
                End::Connection { at: 32_897, kind: LimitExceeded, text: "8 MiB of bookkeeping" },
            )
        },
        attack(
            "CVE-2019-9511: window of the connection in tiny pieces",
            Uploading,
            |number| match number {
                0 => Http2Frame::window_update(1, 1_000_000),
                _ => Http2Frame::window_update(0, 1),
            },
            dribble,
        ),
        attack(
            "CVE-2019-9511: window in tiny pieces after the head of the response",
            Uploading,
            |number| match number {
                0 => ok(1, false),
                1 => Http2Frame::window_update(0, 1_000_000),
                _ => Http2Frame::window_update(1, 1),
            },
            End::Stream { at: 10_002, kind: LimitExceeded, text: "more than 10000 times by less than 32 bytes" },
        ),
        attack(
            "CVE-2019-9511: initial window that grows in tiny pieces",
            Uploading,
            |number| match number {
                0 => Http2Frame::window_update(0, 1_000_000),
                _ => Http2Frame::settings(&[(4, 65_535 + number)]),
            },
            dribble,
        ),
        repeated(
            "CVE-2019-9511: body in tiny pieces that the program reads",
            Reading,
            Http2Frame::data(1, "x", false),
            End::Harmless { frames: 20_000 },
        ),
    ]
}

fn floods() -> Vec<Attack> {
    use Victim::{Done, Reading, Uploading, Waiting};
    let large_settings: Vec<(u16, u32)> = (0..2_700).map(|_| (6, 1_000)).collect();
    let reset = Http2Frame::rst_stream(1, Http2ErrorCode::CANCEL);
    vec![
        repeated("CVE-2019-9512: PING flood", Waiting, Http2Frame::ping([0; 8]), overhead("PING")),
        repeated("flood of answers to PING", Waiting, frame(Http2Frame::PING, 1, 0, &[0; 8]), overhead("PING")),
        repeated("CVE-2019-9513: PRIORITY flood", Waiting, frame(PRIORITY, 0, 1, &[0; 5]), overhead("PRIORITY")),
        attack(
            "CVE-2019-9513: PRIORITY flood that moves streams around",
            Waiting,
            |number| frame(PRIORITY, 0, 2 * number + 1, &(2 * number + 3).to_be_bytes().repeat(2)[..5]),
            overhead("PRIORITY"),
        ),
        repeated("CVE-2019-9514: RST_STREAM flood", Done, reset, overhead("RST_STREAM")),
        repeated("CVE-2019-9515: SETTINGS flood", Waiting, Http2Frame::settings(&[(4, 65_535)]), overhead("SETTINGS")),
        repeated("flood of empty SETTINGS", Waiting, Http2Frame::settings(&[]), overhead("SETTINGS")),
        repeated(
            "CVE-2020-11080: large SETTINGS frames",
            Waiting,
            Http2Frame::settings(&large_settings),
            End::Connection { at: 16, kind: LimitExceeded, text: "SETTINGS" },
        ),
        repeated(
            "CVE-2019-9518: empty DATA",
            Reading,
            Http2Frame::data(1, "", false),
            End::Connection { at: 101, kind: LimitExceeded, text: "100 empty DATA frames" },
        ),
        repeated(
            "DATA with padding only",
            Reading,
            frame(Http2Frame::DATA, PADDED, 1, &[9, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            End::Connection { at: 101, kind: LimitExceeded, text: "100 frames with padding alone" },
        ),
        repeated("CVE-2019-9518: empty DATA after the end", Done, Http2Frame::data(1, "", true), overhead("DATA")),
        repeated("WINDOW_UPDATE flood", Waiting, Http2Frame::window_update(0, 1), overhead("WINDOW_UPDATE")),
        repeated(
            "WINDOW_UPDATE flood of a stream",
            Waiting,
            Http2Frame::window_update(1, 1),
            overhead("WINDOW_UPDATE"),
        ),
        repeated("WINDOW_UPDATE flood after the end", Done, Http2Frame::window_update(1, 1), overhead("WINDOW_UPDATE")),
        repeated(
            "WINDOW_UPDATE flood of an upload that waits for the other window",
            Uploading,
            Http2Frame::window_update(1, 1),
            // The first window has four DATA frames, with two updates each, and an update for each 4 of its bytes.
            End::Connection { at: 17_392, kind: LimitExceeded, text: "WINDOW_UPDATE" },
        ),
        repeated("GOAWAY flood", Waiting, Http2Frame::go_away(3, Http2ErrorCode::NO_ERROR), overhead("GOAWAY")),
        repeated("ALTSVC flood", Waiting, frame(ALTSVC, 0, 0, b"\0\x0bserver.testh2=\":1\""), overhead("unknown")),
        repeated("ORIGIN flood", Waiting, frame(ORIGIN, 0, 0, b"\0\x12https://other.test"), overhead("unknown")),
        repeated("PRIORITY_UPDATE flood", Waiting, frame(PRIORITY_UPDATE, 0, 0, b"\0\0\0\x01u=0"), overhead("unknown")),
        attack(
            "flood of unknown frames",
            Waiting,
            |number| frame(20 + (number % 200) as u8, number as u8, number % 7, &[]),
            overhead("unknown"),
        ),
        repeated(
            "flood of large unknown frames",
            Waiting,
            frame(200, 0, 0, &[0; 16_384]),
            End::Connection { at: 16, kind: LimitExceeded, text: "unknown" },
        ),
    ]
}
