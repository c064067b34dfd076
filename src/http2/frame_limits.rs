//! Bounds what a server may send besides responses, by the headers of its frames (RFC 9113, sections 4.1 and 10.5).
//!
//! h2 answers or ignores most frames without a limit. A [`FrameMeter`] sees the bytes of a connection on their way and
//! counts frames. It reads 9 bytes of each frame and skips its payload. It decodes no fields, so it takes every HEADERS
//! frame for a possible informational response.
//!
//! # The budgets
//! - **Overhead frames.** PING, SETTINGS, RST_STREAM, WINDOW_UPDATE, PRIORITY, GOAWAY, PUSH_PROMISE, empty DATA and frames
//!   of unknown types use up a budget of [`OVERHEAD`]. Progress of requests refills it: each request, each DATA frame
//!   with a payload in either direction. Time refills it too, by [`OVERHEAD_PER_SECOND`]. So a connection may be idle for
//!   days while its server sends a PING every few seconds. The clock is read only when the budget is used up.
//! - **Window updates for uploads.** Each sent DATA frame allows [`UPDATES_PER_DATA_SENT`] WINDOW_UPDATE frames, and
//!   another for each [`BYTES_PER_WINDOW_UPDATE`] bytes. They do not use up the budget above, because a server may answer
//!   thousands of small frames at once.
//! - **Heads.** HEADERS and CONTINUATION frames may have together as many bytes as the limit of informational responses,
//!   and for each open request the size of a head. A request that ends takes what it did not use with it. Time does not
//!   refill this budget, because h2 stores each informational response until its request is polled. Its fields may need
//!   72 times as much memory as their bytes on the wire.
//! - **Late DATA.** A stream that the client has reset may still receive as many bytes as its window has. All other bytes
//!   for streams that are not open are a fault of the server.
//! - **CONTINUATION frames of a head**: [`max_continuations`], below the limit of h2, so that the error names the limit.
//! - **Empty DATA frames**: [`MAX_EMPTY_DATA`] in the life of a connection. h2 has this limit, and no setting for it.
//!
//! # What stops which attack
//! `h2_limits` has the settings. The names of h2's errors are the reason and the debug data of the GOAWAY or RST_STREAM frame that h2 0.4.20 sends.
//!
//! | Attack | What stops it |
//! |---|---|
//! | Rapid reset of pushed streams (CVE-2023-44487) | setting `enable_push(false)`: h2 ends the connection, PROTOCOL_ERROR |
//! | RST_STREAM flood on streams that have ended (CVE-2019-9514), which h2 ignores without limit | meter, overhead |
//! | Frames that make the client reset (CVE-2025-8671) | setting `max_local_error_reset_streams`, 1,024: ENHANCE_YOUR_CALM `too_many_internal_resets` |
//! | CONTINUATION flood (CVE-2024-28182 and others), with or without payload | meter, 8 frames by default; h2 at 10, ENHANCE_YOUR_CALM `too_many_continuations` |
//! | SETTINGS flood (CVE-2019-9515), which h2 acknowledges without limit | meter, overhead |
//! | PING flood (CVE-2019-9512), which h2 answers without limit | meter, overhead |
//! | Answers that the server does not read (CVE-2019-9517) | h2 reads no frame while it cannot write |
//! | Empty DATA (CVE-2019-9518) | meter, and h2 at the same 100 frames, ENHANCE_YOUR_CALM `too_many_data_frames` |
//! | Empty DATA with END_STREAM on a stream that was reset, which h2 ignores without limit | meter, overhead |
//! | DATA with padding only | h2, at 100 frames, ENHANCE_YOUR_CALM `too_many_data_frames` |
//! | DATA in tiny pieces (CVE-2019-9511) that the program does not read | setting `data_frame_budget`: ENHANCE_YOUR_CALM `too_many_data_frames` |
//! | Window in tiny pieces (CVE-2019-9511) | `send_window`: 10,000 pieces of less than 32 bytes end the request |
//! | Header bomb: a large head | setting `max_header_list_size`: the stream is reset, and 4 times as much is ENHANCE_YOUR_CALM `header_list_way_too_large` |
//! | HPACK bomb: many references to a large entry (CVE-2016-6581) | the same setting, because h2 counts decoded sizes; entries share their memory |
//! | More fields than a header map can hold | h2 resets the stream |
//! | HPACK table abuse: a large decoder table | setting `header_table_size`, left at 4,096: h2 ends the connection, PROTOCOL_ERROR |
//! | HPACK table abuse: SETTINGS_HEADER_TABLE_SIZE of 4 GiB | h2 uses at most 4,096 bytes to encode |
//! | Headers without a name (CVE-2019-9516) | h2 ends the connection, PROTOCOL_ERROR |
//! | Window overflow by WINDOW_UPDATE | h2: FLOW_CONTROL_ERROR for the stream or the connection |
//! | Window overflow by SETTINGS_INITIAL_WINDOW_SIZE | h2 ends the connection |
//! | WINDOW_UPDATE of 0 | h2 ends the connection, PROTOCOL_ERROR |
//! | WINDOW_UPDATE flood, which h2 applies without limit | meter, overhead, and 2 for each sent DATA frame |
//! | DATA on streams that have ended, which h2 ignores without limit | meter, late DATA |
//! | DATA beyond the window | h2: FLOW_CONTROL_ERROR for the stream or the connection |
//! | PRIORITY flood (CVE-2019-9513), which h2 ignores without limit | meter, overhead |
//! | Frames of unknown types, which h2 ignores without limit | meter, overhead |
//! | GOAWAY flood, each of which visits all streams in h2 | meter, overhead |
//! | Informational (1xx) flood, which h2 stores without limit | meter, heads; `response_fields` for a request that is polled |
//! | HEADERS flood on a stream that was reset, which h2 ignores without limit | meter, heads |
//! | PUSH_PROMISE | setting `enable_push(false)`: h2 ends the connection, PROTOCOL_ERROR |
//! | A frame above 16,384 bytes | setting `max_frame_size`, left at its default: h2 ends the connection, FRAME_SIZE_ERROR |

use std::fmt;

use super::connection_window::ConnectionWindow;
use super::frame_headers::{self, FrameHeader, FrameHeaders};
use super::response_fields::max_header_list_size;
use super::settings::STREAM_WINDOW;
use crate::error::{Error, ErrorKind, Phase};
use crate::http1::Http1Limits;
use crate::runtime::Instant;

/// Maximum number of overhead frames without progress. A server needs a few in a row: SETTINGS and WINDOW_UPDATE when a
/// connection opens, and a RST_STREAM for each stream that it gives up.
const OVERHEAD: u32 = 1_000;

/// Overhead frames that each second allows in addition. Servers send a PING every few seconds to learn whether an idle
/// connection is alive.
const OVERHEAD_PER_SECOND: u64 = 10;

/// Overhead frames that each request allows in addition: its reset, two window updates, and an unknown frame, such as
/// the frames that some servers send to test that clients ignore them.
const OVERHEAD_PER_REQUEST: u32 = 4;

/// Overhead frames that each DATA frame of an upload allows in addition: a window update for the stream and for the
/// connection, and a PING, by which gRPC servers measure the bandwidth.
const OVERHEAD_PER_DATA_SENT: u32 = 3;

/// WINDOW_UPDATE frames that each DATA frame of an upload allows: for the stream and for the connection.
const UPDATES_PER_DATA_SENT: u32 = 2;

/// Each such number of bytes of an upload allows a further WINDOW_UPDATE. A server that reads an upload in pieces may
/// return the window of each piece, for the stream and for the connection: Go did so before 1.20. A piece may be as short
/// as the 5 bytes before each message of gRPC.
const BYTES_PER_WINDOW_UPDATE: u32 = 4;

/// Maximum number of such WINDOW_UPDATE frames that the server has not sent yet.
const MAX_WINDOW_UPDATES: u32 = 64 * 1024;

/// Overhead frames that each DATA frame with a payload allows in addition.
const OVERHEAD_PER_DATA_RECEIVED: u32 = 1;

/// An overhead frame with a larger payload counts once more for each such number of bytes.
const BYTES_OF_OVERHEAD: u32 = 256;

/// The largest frame that h2 accepts without a setting. It refuses a larger frame with an error of its own.
const MAX_FRAME_SIZE: u32 = 16_384;

/// Maximum number of empty DATA frames without END_STREAM in the life of a connection, as in h2.
const MAX_EMPTY_DATA: u32 = 100;

/// Counts the frames of a connection.
#[derive(Debug)]
pub(crate) struct FrameMeter {
    pub(super) incoming: FrameHeaders,
    outgoing: FrameHeaders,
    pub(super) window: ConnectionWindow,
    /// How many overhead frames the server may still send.
    overhead: u32,
    /// How many WINDOW_UPDATE frames the server may still send for uploads.
    window_updates: u32,
    /// Until when time has refilled `overhead`.
    refilled_at: Instant,
    /// How many bytes the frames of heads may still have.
    heads: u64,
    /// The limit of `heads` without open requests.
    informational: u64,
    /// What each open request adds to the limit of `heads`.
    head: u64,
    /// The streams of requests that the server has not ended, in ascending order.
    open: Vec<u32>,
    /// The highest stream of a request.
    last_stream: u32,
    /// The CONTINUATION frames of the present head.
    continuations: usize,
    max_continuations: usize,
    /// The empty DATA frames without END_STREAM so far.
    empty_data: u32,
    /// The window of a stream in bytes.
    stream_window: u32,
    /// How many bytes of DATA streams may still receive that are not open.
    late: u64,
    /// The RST_STREAM frames that were sent.
    resets_sent: u32,
}

impl FrameMeter {
    /// Creates the meter of a new connection. `now` is the present time.
    pub(crate) fn new(limits: &Http1Limits, now: Instant) -> Self {
        let informational = limits.informational as u64;
        Self {
            incoming: FrameHeaders::default(),
            outgoing: FrameHeaders::after_preface(),
            window: ConnectionWindow::default(),
            overhead: OVERHEAD,
            window_updates: 0,
            refilled_at: now,
            heads: informational,
            informational,
            head: max_header_list_size(limits).into(),
            open: Vec::new(),
            last_stream: 0,
            continuations: 0,
            max_continuations: max_continuations(limits),
            empty_data: 0,
            stream_window: STREAM_WINDOW,
            late: 0,
            resets_sent: 0,
        }
    }

    /// Sets the window that each stream has.
    pub(crate) fn with_stream_window(self, bytes: u32) -> Self {
        Self { stream_window: bytes, ..self }
    }

    /// Counts received bytes, before h2 gets them. `now` returns the present time.
    ///
    /// # Errors
    /// A [`FrameFlood`] if the server exceeds a limit. The connection must then be closed.
    pub(crate) fn received(&mut self, mut bytes: &[u8], now: &dyn Fn() -> Instant) -> Result<(), FrameFlood> {
        while let Some(frame) = self.incoming.next(&mut bytes) {
            self.window.received(frame);
            self.frame_received(frame, now)?;
        }
        Ok(())
    }

    /// Counts sent bytes, after the transport has taken them.
    pub(crate) fn sent(&mut self, mut bytes: &[u8]) {
        while let Some(frame) = self.outgoing.next(&mut bytes) {
            self.window.sent(frame);
            self.frame_sent(frame);
        }
    }

    /// Returns whether new requests should use another connection, because this connection comes near a limit that
    /// nothing refills.
    pub(crate) fn should_retire(&self) -> bool {
        self.empty_data > MAX_EMPTY_DATA / 2
    }

    /// Returns the last stream that the server processes, once it has sent GOAWAY.
    pub(crate) fn last_stream(&self) -> Option<u32> {
        self.incoming.last_stream()
    }

    /// Returns the highest stream of which at least the beginning was sent.
    pub(crate) fn last_sent(&self) -> u32 {
        self.last_stream
    }

    /// Returns the number of RST_STREAM frames since the last call.
    pub(crate) fn take_resets_sent(&mut self) -> u32 {
        std::mem::take(&mut self.resets_sent)
    }

    /// Returns whether little is left of the window of all uploads, and no open stream has used it up.
    pub(crate) fn has_low_window(&self) -> bool {
        self.window.is_low(self.incoming.window_opened())
    }

    fn frame_received(&mut self, frame: FrameHeader, now: &dyn Fn() -> Instant) -> Result<(), FrameFlood> {
        match frame.kind {
            frame_headers::DATA if frame.length > 0 && self.has_ended(frame.stream) => {
                let rest = self.late.checked_sub(frame.length.into());
                self.late = rest.ok_or(FrameFlood::LateData)?;
            }
            frame_headers::DATA if frame.length > 0 => {
                // A short frame may be padding only.
                if !frame.is_padded() || frame.length > 256 {
                    self.refill(OVERHEAD_PER_DATA_RECEIVED);
                }
            }
            frame_headers::DATA => {
                if !frame.ends_stream() {
                    self.count_empty_data()?;
                }
                self.spend_overhead(frame, now)?;
            }
            frame_headers::HEADERS => {
                self.continuations = 0;
                self.spend_heads(frame)?;
            }
            frame_headers::CONTINUATION => {
                self.continuations += 1;
                if self.continuations > self.max_continuations {
                    return Err(FrameFlood::Continuations(self.max_continuations));
                }
                self.spend_heads(frame)?;
            }
            frame_headers::WINDOW_UPDATE if self.window_updates > 0 => self.window_updates -= 1,
            _ => self.spend_overhead(frame, now)?,
        }
        if frame.ends_stream() || frame.kind == frame_headers::RST_STREAM {
            self.close(frame.stream);
        }
        Ok(())
    }

    fn frame_sent(&mut self, frame: FrameHeader) {
        match frame.kind {
            // The streams of requests ascend (RFC 9113, section 5.1.1), and HEADERS on an earlier stream are trailers.
            frame_headers::HEADERS if frame.stream > self.last_stream => {
                self.last_stream = frame.stream;
                self.open.push(frame.stream);
                self.heads = self.heads.saturating_add(self.head);
                self.refill(OVERHEAD_PER_REQUEST);
            }
            frame_headers::DATA if frame.length > 0 => {
                self.refill(OVERHEAD_PER_DATA_SENT);
                let allowed = UPDATES_PER_DATA_SENT + frame.length / BYTES_PER_WINDOW_UPDATE;
                self.window_updates = self.window_updates.saturating_add(allowed).min(MAX_WINDOW_UPDATES);
            }
            frame_headers::RST_STREAM => {
                self.resets_sent = self.resets_sent.saturating_add(1);
                if self.close(frame.stream) {
                    self.late = self.late.saturating_add(self.stream_window.into());
                }
            }
            _ => {}
        }
    }

    /// Returns whether a request on this stream has ended.
    fn has_ended(&self, stream: u32) -> bool {
        stream <= self.last_stream && self.open.binary_search(&stream).is_err()
    }

    /// Counts a request as ended. Returns whether it was open.
    fn close(&mut self, stream: u32) -> bool {
        let Ok(at) = self.open.binary_search(&stream) else { return false };
        self.open.remove(at);
        let limit = self.informational.saturating_add(self.head.saturating_mul(self.open.len() as u64));
        self.heads = self.heads.min(limit);
        true
    }

    fn count_empty_data(&mut self) -> Result<(), FrameFlood> {
        self.empty_data += 1;
        if self.empty_data > MAX_EMPTY_DATA { Err(FrameFlood::EmptyData) } else { Ok(()) }
    }

    /// Allows this number of overhead frames in addition.
    fn refill(&mut self, frames: u32) {
        self.overhead = self.overhead.saturating_add(frames).min(OVERHEAD);
    }

    fn spend_overhead(&mut self, frame: FrameHeader, now: &dyn Fn() -> Instant) -> Result<(), FrameFlood> {
        let cost = 1 + frame.length.min(MAX_FRAME_SIZE) / BYTES_OF_OVERHEAD;
        if cost > self.overhead {
            self.refill_by_time(now());
        }
        match self.overhead.checked_sub(cost) {
            Some(rest) => {
                self.overhead = rest;
                Ok(())
            }
            None => Err(FrameFlood::Overhead(frame.name())),
        }
    }

    fn refill_by_time(&mut self, now: Instant) {
        let frames = now.nanos_since(self.refilled_at) / (1_000_000_000 / OVERHEAD_PER_SECOND);
        // Without this, many reads within a short time would each lose a part of a frame.
        if frames > 0 {
            self.refilled_at = now;
            self.refill(u32::try_from(frames).unwrap_or(u32::MAX));
        }
    }

    fn spend_heads(&mut self, frame: FrameHeader) -> Result<(), FrameFlood> {
        match self.heads.checked_sub(frame.total_length()) {
            Some(rest) => {
                self.heads = rest;
                Ok(())
            }
            None => Err(FrameFlood::Heads(self.informational)),
        }
    }
}

/// Returns how many CONTINUATION frames a head may have: twice as many as the largest head needs in frames of 16 KiB,
/// and at least 4. h2 allows 1.25 times the frames of [`max_header_list_size`], which is more.
fn max_continuations(limits: &Http1Limits) -> usize {
    (limits.head.max(limits.trailers) / (MAX_FRAME_SIZE as usize / 2)).max(4)
}

/// The limit that a server has exceeded by its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameFlood {
    /// More overhead frames than [`OVERHEAD`]. The name is the type of the last frame.
    Overhead(&'static str),
    /// Heads of more bytes than this limit and the limit of each open request.
    Heads(u64),
    /// More CONTINUATION frames in a head than this.
    Continuations(usize),
    /// More empty DATA frames than [`MAX_EMPTY_DATA`].
    EmptyData,
    /// More bytes of DATA for streams that are not open than their windows had.
    LateData,
}

impl FrameFlood {
    /// Creates the error of a request on the connection.
    pub(crate) fn error(self, phase: Phase) -> Error {
        Error::new(ErrorKind::LimitExceeded, phase, self.to_string())
    }
}

impl fmt::Display for FrameFlood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overhead(frame) => write!(
                f,
                "the server sent more than {OVERHEAD} HTTP/2 frames without progress of a request; the type of the last is {frame}"
            ),
            Self::Heads(limit) => write!(
                f,
                "the server sent HEADERS frames of more than {limit} bytes beyond the heads of its responses; the limit is \
                 `Config::informational_bytes`"
            ),
            Self::Continuations(limit) => {
                write!(f, "the server sent a head with more than {limit} CONTINUATION frames, their limit")
            }
            Self::LateData => f.write_str(
                "the server sent more DATA for requests that have ended than their windows had, their limit",
            ),
            Self::EmptyData => write!(f, "the server sent more than {MAX_EMPTY_DATA} empty DATA frames, their limit"),
        }
    }
}

impl std::error::Error for FrameFlood {}

#[cfg(test)]
mod h2_tests;
#[cfg(test)]
mod tests;
