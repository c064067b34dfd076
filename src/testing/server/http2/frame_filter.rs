//! Which frames pass between h2 and a transport.

use std::collections::VecDeque;

use bytes::BytesMut;

use super::frame::FrameHead;
use super::frame_scan::{FramePart, FrameScan};
use super::wire::MAX_CONCURRENT_STREAMS;
use super::{Http2Config, Http2Control, Http2Frame};

/// How many bytes of a payload are recorded.
const MAX_RECORDED: usize = 16 * 1024;

/// A SETTINGS frame that the client has not acknowledged.
enum SentSettings {
    /// A frame of h2, which waits for the answer.
    OfH2,
    /// A frame that h2 does not know, with the limit of streams in it. h2 must not see the answer.
    Added(Option<u32>),
}

/// Passes the frames of h2 to the client.
pub(super) struct OutputFilter {
    scan: FrameScan,
    /// Whether the present frame is left out.
    is_skipped: bool,
    /// Bytes for the client that h2 has not made. They are sent at the end of the present frame.
    added: Vec<u8>,
    settings: VecDeque<SentSettings>,
    /// How many streams may be open at once, as far as the client knows.
    pub(super) max_streams: Option<u32>,
    /// The limit of streams, until it is sent in the first SETTINGS frame.
    first_max_streams: Option<u32>,
    /// The last stream that is not silent.
    last_stream: u32,
    skips_window_updates: bool,
    skips_pongs: bool,
}

impl OutputFilter {
    pub(super) fn new(config: &Http2Config) -> Self {
        Self {
            scan: FrameScan::default(),
            is_skipped: false,
            added: Vec::new(),
            settings: VecDeque::new(),
            max_streams: config.max_concurrent_streams,
            first_max_streams: config.max_concurrent_streams,
            last_stream: u32::MAX,
            skips_window_updates: config.keeps_windows_closed,
            skips_pongs: config.ignores_pings,
        }
    }

    /// Adds bytes that are sent at the end of the present frame.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.added.extend_from_slice(bytes);
    }

    pub(super) fn expect_settings_ack(&mut self, max_streams: Option<u32>) {
        self.settings.push_back(SentSettings::Added(max_streams));
    }

    pub(super) fn silence_streams_above(&mut self, last_stream: u32) {
        self.last_stream = self.last_stream.min(last_stream);
    }

    /// Moves the added bytes to `sent`, unless a frame has begun.
    pub(super) fn take_added(&mut self, sent: &mut BytesMut) {
        if self.scan.is_at_boundary() {
            sent.extend_from_slice(&self.added);
            self.added.clear();
        }
    }

    /// Passes bytes of h2 to `sent`.
    pub(super) fn pass(&mut self, mut bytes: &[u8], sent: &mut BytesMut) {
        while let Some(part) = self.scan.next(&mut bytes) {
            match part {
                FramePart::Head(head, encoded) => {
                    self.is_skipped = self.skips(&head);
                    if head.kind == Http2Frame::SETTINGS && !head.is_ack_of(Http2Frame::SETTINGS) {
                        self.settings.push_back(SentSettings::OfH2);
                        self.begin_settings(&head, encoded, sent);
                    } else if !self.is_skipped {
                        sent.extend_from_slice(&encoded);
                    }
                }
                FramePart::Payload(payload, ends) => {
                    if !self.is_skipped {
                        sent.extend_from_slice(payload);
                    }
                    if ends {
                        self.take_added(sent);
                    }
                }
            }
        }
    }

    /// Passes the head of a SETTINGS frame. The first frame gets the limit of streams, because h2 would enforce it
    /// without regard to a later change.
    fn begin_settings(&mut self, head: &FrameHead, mut encoded: [u8; 9], sent: &mut BytesMut) {
        let Some(max) = self.first_max_streams.take() else {
            sent.extend_from_slice(&encoded);
            return;
        };
        let entry = Http2Frame::settings(&[(MAX_CONCURRENT_STREAMS, max)]).payload;
        let length = (head.length + entry.len()) as u32;
        encoded[..3].copy_from_slice(&length.to_be_bytes()[1..]);
        sent.extend_from_slice(&encoded);
        sent.extend_from_slice(&entry);
    }

    fn skips(&self, head: &FrameHead) -> bool {
        // The table of header compression needs every HEADERS frame.
        let is_silent = head.stream > self.last_stream && head.kind != Http2Frame::HEADERS;
        // After a GOAWAY of the test, a GOAWAY of h2 could name a higher stream, which RFC 9113, section 6.8, forbids.
        let is_late_go_away = head.kind == Http2Frame::GOAWAY && self.last_stream != u32::MAX;
        let is_pong = self.skips_pongs && head.is_ack_of(Http2Frame::PING);
        is_silent || is_late_go_away || is_pong || self.skips_window_updates && head.kind == Http2Frame::WINDOW_UPDATE
    }

    /// Notes that the client has acknowledged a SETTINGS frame. Returns whether h2 waits for it.
    fn settings_acknowledged(&mut self) -> bool {
        match self.settings.pop_front() {
            Some(SentSettings::Added(max_streams)) => {
                self.max_streams = max_streams.or(self.max_streams);
                false
            }
            Some(SentSettings::OfH2) | None => true,
        }
    }
}

/// Passes the frames of the client to h2, and records them.
pub(super) struct InputFilter {
    scan: FrameScan,
    /// How many bytes of the preface are still to come.
    preface_left: usize,
    is_skipped: bool,
    /// How many streams the client has reset.
    pub(super) resets: u64,
    recorder: Option<FrameRecorder>,
}

/// Records the frames of a client.
struct FrameRecorder {
    control: Http2Control,
    connection: u64,
    present: Option<FrameHead>,
    payload: Vec<u8>,
}

impl InputFilter {
    pub(super) fn new(connection: u64, config: &Http2Config) -> Self {
        let recorder = config.control.clone().map(|control| FrameRecorder {
            control,
            connection,
            present: None,
            payload: Vec::new(),
        });
        Self {
            scan: FrameScan::default(),
            preface_left: Http2Frame::PREFACE.len(),
            is_skipped: false,
            resets: 0,
            recorder,
        }
    }

    /// Passes bytes of the client to `received`.
    pub(super) fn pass(&mut self, bytes: &[u8], received: &mut BytesMut, output: &mut OutputFilter) {
        let (preface, mut frames) = bytes.split_at(bytes.len().min(self.preface_left));
        self.preface_left -= preface.len();
        received.extend_from_slice(preface);
        while let Some(part) = self.scan.next(&mut frames) {
            if let Some(recorder) = &mut self.recorder {
                recorder.record(&part);
            }
            match part {
                FramePart::Head(head, encoded) => {
                    self.resets += u64::from(head.kind == Http2Frame::RST_STREAM);
                    self.is_skipped = head.is_ack_of(Http2Frame::SETTINGS) && !output.settings_acknowledged();
                    if !self.is_skipped {
                        received.extend_from_slice(&encoded);
                    }
                }
                FramePart::Payload(payload, _) if !self.is_skipped => received.extend_from_slice(payload),
                FramePart::Payload(..) => {}
            }
        }
    }
}

impl FrameRecorder {
    fn record(&mut self, part: &FramePart<'_>) {
        match part {
            FramePart::Head(head, _) => self.present = Some(*head),
            FramePart::Payload(payload, ends) => {
                let room = MAX_RECORDED - self.payload.len();
                self.payload.extend_from_slice(&payload[..payload.len().min(room)]);
                if let (true, Some(head)) = (*ends, self.present) {
                    let payload = std::mem::take(&mut self.payload);
                    let frame = Http2Frame::new(head.kind, head.flags, head.stream, payload);
                    self.control.record(self.connection, frame);
                }
            }
        }
    }
}
