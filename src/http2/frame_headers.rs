//! Finds the headers of frames in a stream of bytes, in any split (RFC 9113, section 4.1).

/// Types of frames (RFC 9113, section 6).
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// The names of the types, by number.
const NAMES: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

/// The error code by which a server asks for less (RFC 9113, section 7).
const ENHANCE_YOUR_CALM: u32 = 0xb;

/// The bytes of a frame's header.
const LENGTH: usize = 9;

/// The bytes that a client sends before its first frame (RFC 9113, section 3.4).
const PREFACE: usize = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".len();

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// The bytes of the payload.
    pub(super) length: u32,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHeader {
    fn parse(bytes: [u8; LENGTH]) -> Self {
        let [a, b, c, kind, flags, stream @ ..] = bytes;
        // The highest bit of the stream is reserved and ignored.
        let stream = u32::from_be_bytes(stream) & (u32::MAX >> 1);
        Self { length: u32::from_be_bytes([0, a, b, c]), kind, flags, stream }
    }

    /// Returns whether the frame is the last of its stream in this direction. Other frames than DATA and HEADERS use the
    /// flag for another purpose.
    pub(super) fn ends_stream(self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & 0x1 != 0
    }

    /// Returns whether a DATA frame has padding.
    pub(super) fn is_padded(self) -> bool {
        self.flags & 0x8 != 0
    }

    /// Returns the bytes of the frame with its header.
    pub(super) fn total_length(self) -> u64 {
        u64::from(self.length) + LENGTH as u64
    }

    /// Returns the name of the type.
    pub(super) fn name(self) -> &'static str {
        NAMES.get(usize::from(self.kind)).copied().unwrap_or("unknown")
    }
}

/// The first bytes of a payload that is read.
#[derive(Debug)]
struct PayloadStart<const LENGTH: usize> {
    bytes: [u8; LENGTH],
    /// How many bytes have not passed yet.
    missing: usize,
}

impl<const LENGTH: usize> Default for PayloadStart<LENGTH> {
    fn default() -> Self {
        Self { bytes: [0; LENGTH], missing: 0 }
    }
}

impl<const LENGTH: usize> PayloadStart<LENGTH> {
    /// Begins to read a payload.
    fn begin(&mut self) {
        self.missing = LENGTH;
    }

    /// Adds bytes of the payload. Returns the bytes once they are whole.
    fn read(&mut self, payload: &[u8]) -> Option<[u8; LENGTH]> {
        if self.missing == 0 {
            return None;
        }
        let at = LENGTH - self.missing;
        let added = self.missing.min(payload.len());
        self.bytes[at..at + added].copy_from_slice(&payload[..added]);
        self.missing -= added;
        (self.missing == 0).then_some(self.bytes)
    }
}

/// Searches for headers of frames while the bytes of a connection pass by.
#[derive(Debug, Default)]
pub(super) struct FrameHeaders {
    /// The bytes before the next header.
    skip: usize,
    /// The first bytes of a header whose other bytes have not passed yet.
    begun: [u8; LENGTH],
    begun_length: usize,
    /// The first bytes of a GOAWAY frame.
    go_away: PayloadStart<8>,
    /// The payload of a WINDOW_UPDATE frame on stream 0.
    window_update: PayloadStart<4>,
    /// The sum of all WINDOW_UPDATE frames on stream 0.
    window_opened: u64,
    /// The last stream that the last GOAWAY names.
    last_stream: Option<u32>,
    /// Whether a GOAWAY asks for less.
    is_calm: bool,
}

impl FrameHeaders {
    /// Skips the preface of a client before the first frame.
    pub(super) fn after_preface() -> Self {
        Self { skip: PREFACE, ..Self::default() }
    }

    /// Returns whether the last frame has not passed yet as a whole.
    pub(super) fn is_within_frame(&self) -> bool {
        self.skip > 0 || self.begun_length > 0
    }

    /// Returns the next header, and removes the bytes up to its end from `bytes`. Returns `None` if all bytes have
    /// passed.
    pub(super) fn next(&mut self, bytes: &mut &[u8]) -> Option<FrameHeader> {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.read_payload(&bytes[..skipped]);
        *bytes = &bytes[skipped..];
        // Most headers arrive whole.
        let whole = if self.begun_length == 0 { bytes.split_first_chunk() } else { None };
        let header = match whole {
            Some((header, rest)) => {
                *bytes = rest;
                *header
            }
            None => self.complete(bytes)?,
        };
        let header = FrameHeader::parse(header);
        self.skip = header.length as usize;
        // h2 refuses a GOAWAY that is shorter.
        if header.kind == GOAWAY && header.length >= 8 {
            self.go_away.begin();
        }
        // h2 refuses a WINDOW_UPDATE of another size.
        if header.kind == WINDOW_UPDATE && header.stream == 0 && header.length == 4 {
            self.window_update.begin();
        }
        Some(header)
    }

    /// Returns the last stream that the server processes, once it has sent GOAWAY (RFC 9113, section 6.8).
    pub(super) fn last_stream(&self) -> Option<u32> {
        self.last_stream
    }

    /// Returns the sum of all WINDOW_UPDATE frames on stream 0.
    pub(super) fn window_opened(&self) -> u64 {
        self.window_opened
    }

    /// Returns whether a GOAWAY has the code ENHANCE_YOUR_CALM.
    pub(super) fn is_calm(&self) -> bool {
        self.is_calm
    }

    fn read_payload(&mut self, payload: &[u8]) {
        if let Some([l0, l1, l2, l3, code @ ..]) = self.go_away.read(payload) {
            self.last_stream = Some(u32::from_be_bytes([l0, l1, l2, l3]) & (u32::MAX >> 1));
            self.is_calm |= u32::from_be_bytes(code) == ENHANCE_YOUR_CALM;
        }
        if let Some(increment) = self.window_update.read(payload) {
            // The highest bit is reserved and ignored.
            let increment = u32::from_be_bytes(increment) & (u32::MAX >> 1);
            self.window_opened = self.window_opened.saturating_add(increment.into());
        }
    }

    /// Adds bytes to a header that has begun. Returns the header if it is then whole.
    fn complete(&mut self, bytes: &mut &[u8]) -> Option<[u8; LENGTH]> {
        let missing = &mut self.begun[self.begun_length..];
        let added = missing.len().min(bytes.len());
        missing[..added].copy_from_slice(&bytes[..added]);
        *bytes = &bytes[added..];
        self.begun_length += added;
        if self.begun_length < LENGTH {
            return None;
        }
        self.begun_length = 0;
        Some(self.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the headers that are found in `bytes` in pieces of `step` bytes.
    fn found(mut headers: FrameHeaders, bytes: &[u8], step: usize) -> Vec<FrameHeader> {
        let mut found = Vec::new();
        for mut piece in bytes.chunks(step) {
            while let Some(header) = headers.next(&mut piece) {
                found.push(header);
            }
            assert!(piece.is_empty());
        }
        found
    }

    #[test]
    fn headers_are_found_however_the_bytes_are_split() {
        // Payloads that look like headers, empty payloads, and the reserved bit of the stream.
        let bytes = [
            &[0, 0, 9, 0, 8, 0, 0, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0][..],
            &[0, 0, 0, 4, 1, 0x80, 0, 0, 0],
            &[0, 0, 0, 9, 4, 0xff, 0xff, 0xff, 0xff],
            &[0, 1, 0, 0xfa, 0, 0, 0, 1, 2],
            &[0; 256],
            &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
        ]
        .concat();
        let header = |length, kind, flags, stream| FrameHeader { length, kind, flags, stream };
        let expected = [
            header(9, DATA, 8, 1),
            header(0, 4, 1, 0),
            header(0, CONTINUATION, 4, u32::MAX >> 1),
            header(256, 0xfa, 0, 258),
            header(8, 6, 0, 0),
        ];
        for step in 1..=bytes.len() {
            assert_eq!(found(FrameHeaders::default(), &bytes, step), expected, "in steps of {step}");
            let sent = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &bytes[..]].concat();
            assert_eq!(found(FrameHeaders::after_preface(), &sent, step), expected, "in steps of {step}");
        }
    }

    #[test]
    fn largest_frame_is_skipped() {
        let mut bytes = vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1];
        bytes.resize(LENGTH + 0xff_ffff, 0);
        bytes.extend([0, 0, 0, 6, 0, 0, 0, 0, 0]);
        for step in [1000, 16_384, bytes.len()] {
            let kinds: Vec<_> = found(FrameHeaders::default(), &bytes, step).iter().map(|it| it.kind).collect();
            assert_eq!(kinds, [DATA, 6]);
        }
    }

    #[test]
    fn last_stream_of_a_go_away_is_read_however_its_bytes_are_split() {
        let go_away = |last: u8| [&[0, 0, 10, 7, 0, 0, 0, 0, 0, 0x80, 0, 0, last, 0, 0, 0, 0][..], b"hi"].concat();
        let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        let short = [0, 0, 2, 7, 0, 0, 0, 0, 0, 9, 9];
        for (frames, expected) in [
            (vec![&go_away(5)[..], &ping], Some(5)),
            (vec![&go_away(255)[..], &ping, &go_away(3)], Some(3)),
            (vec![&short[..], &ping], None),
            (vec![&ping[..]], None),
        ] {
            let bytes = frames.concat();
            for step in 1..=bytes.len() {
                let mut headers = FrameHeaders::default();
                for mut piece in bytes.chunks(step) {
                    while headers.next(&mut piece).is_some() {}
                }
                assert_eq!(headers.last_stream(), expected, "in steps of {step}");
                assert!(!headers.is_calm());
            }
        }
    }

    #[test]
    fn code_of_a_go_away_is_read_however_its_bytes_are_split() {
        for (code, is_calm) in [(0, false), (0xb, true), (1, false)] {
            let bytes = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, code];
            for step in 1..=bytes.len() {
                let mut headers = FrameHeaders::default();
                for mut piece in bytes.chunks(step) {
                    while headers.next(&mut piece).is_some() {}
                }
                assert_eq!((headers.last_stream(), headers.is_calm()), (Some(5), is_calm), "{code} in steps of {step}");
            }
        }
    }

    #[test]
    fn window_updates_of_the_connection_are_added_however_their_bytes_are_split() {
        let update = |stream: u8, bytes: [u8; 4]| [&[0, 0, 4, 8, 0, 0, 0, 0, stream][..], &bytes].concat();
        let long = [0, 0, 5, 8, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9];
        let short = [0, 0, 3, 8, 0, 0, 0, 0, 0, 0, 0, 9];
        let data = [0, 0, 13, 0, 0, 0, 0, 0, 1, 0, 0, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        for (frames, expected) in [
            (vec![update(0, [0, 0, 1, 2])], 258),
            (vec![update(0, [0, 0, 1, 2]), update(1, [0, 0, 0, 9]), update(0, [0, 1, 0, 0])], 65_794),
            (vec![update(0, [0xff; 4]), update(0, [0x7f, 0xff, 0xff, 0xff])], 2 * (u64::from(u32::MAX) >> 1)),
            (vec![long.to_vec(), short.to_vec(), data.to_vec()], 0),
            (vec![data.to_vec(), update(0, [0, 0, 0, 0]), update(0, [0, 0, 0, 7])], 7),
        ] {
            let bytes = frames.concat();
            for step in 1..=bytes.len() {
                let mut headers = FrameHeaders::default();
                for mut piece in bytes.chunks(step) {
                    while headers.next(&mut piece).is_some() {}
                }
                assert_eq!(headers.window_opened(), expected, "in steps of {step}");
            }
        }
    }

    #[test]
    fn flag_ends_a_stream_only_on_data_and_headers() {
        for kind in 0..=20 {
            let header = FrameHeader { length: 0, kind, flags: 1, stream: 1 };
            assert_eq!(header.ends_stream(), kind < 2, "{kind}");
        }
    }
}
