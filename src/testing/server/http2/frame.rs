//! Frames of HTTP/2, written byte by byte.

use bytes::{BufMut, Bytes};

use super::Http2ErrorCode;

/// The size of a frame's head in bytes.
pub(super) const HEAD_SIZE: usize = 9;

/// A frame of HTTP/2 (RFC 9113, section 4.1). It need not be valid.
///
/// # Examples
///
/// A server that sends a response without a `:status`:
///
/// ```
/// use waterspout::http::Version;
/// use waterspout::testing::{Http2Frame, ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let script = Script::new()
///     .send(Http2Frame::settings(&[]))
///     .expect_frame(Http2Frame::HEADERS)
///     .send(Http2Frame::headers(1, &[("content-type", "text/plain")], true))
///     .silence();
/// let connector = ScriptedConnector::new([script]).version(Version::HTTP_2);
/// let client = Client::builder().backend(Agent::new(connector.clone(), ManualTimer::new())).build()?;
/// let result = futures::executor::block_on(client.get("http://example.com/").send());
/// assert!(result.is_err());
/// assert!(connector.frames(0).iter().any(|frame| frame.kind == Http2Frame::HEADERS));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http2Frame {
    /// The type, such as [`DATA`](Self::DATA).
    pub kind: u8,
    /// The flags, such as [`END_STREAM`](Self::END_STREAM).
    pub flags: u8,
    /// The stream; 0 for the connection.
    pub stream: u32,
    /// The bytes after the head of the frame.
    pub payload: Bytes,
}

impl Http2Frame {
    /// The bytes that a client sends before its first frame (RFC 9113, section 3.4).
    pub const PREFACE: &'static [u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    /// The type of a frame with bytes of a body.
    pub const DATA: u8 = 0x0;
    /// The type of a frame with a head or with trailers.
    pub const HEADERS: u8 = 0x1;
    /// The type of a frame that ends a stream early.
    pub const RST_STREAM: u8 = 0x3;
    /// The type of a frame with settings.
    pub const SETTINGS: u8 = 0x4;
    /// The type of a frame that the peer answers at once.
    pub const PING: u8 = 0x6;
    /// The type of a frame that ends a connection.
    pub const GOAWAY: u8 = 0x7;
    /// The type of a frame that opens a window.
    pub const WINDOW_UPDATE: u8 = 0x8;
    /// The type of a frame that continues a head.
    pub const CONTINUATION: u8 = 0x9;
    /// The flag of the last frame of a stream.
    pub const END_STREAM: u8 = 0x1;
    /// The flag of an answer to SETTINGS or PING.
    pub const ACK: u8 = 0x1;
    /// The flag of the last frame of a head.
    pub const END_HEADERS: u8 = 0x4;

    /// Makes a frame.
    pub fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Bytes>) -> Self {
        Self { kind, flags, stream, payload: payload.into() }
    }

    /// Makes a DATA frame. `end` tells whether it ends the stream.
    pub fn data(stream: u32, bytes: impl Into<Bytes>, end: bool) -> Self {
        Self::new(Self::DATA, if end { Self::END_STREAM } else { 0 }, stream, bytes)
    }

    /// Makes a HEADERS frame with a whole head or whole trailers. `end` tells whether it ends the stream.
    pub fn headers(stream: u32, fields: &[(&str, &str)], end: bool) -> Self {
        let flags = Self::END_HEADERS | if end { Self::END_STREAM } else { 0 };
        Self::new(Self::HEADERS, flags, stream, Self::header_block(fields))
    }

    /// Encodes fields for HEADERS and CONTINUATION frames, each as a literal without compression (RFC 7541, section
    /// 6.2.2). The order of the fields stays, and nothing is checked.
    pub fn header_block(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in fields {
            block.push(0);
            for text in [name, value] {
                put_length(&mut block, text.len());
                block.extend_from_slice(text.as_bytes());
            }
        }
        block
    }

    /// Makes an RST_STREAM frame.
    pub fn rst_stream(stream: u32, code: Http2ErrorCode) -> Self {
        Self::new(Self::RST_STREAM, 0, stream, code.0.to_be_bytes().to_vec())
    }

    /// Makes a SETTINGS frame of identifiers and values (RFC 9113, section 6.5.2).
    pub fn settings(settings: &[(u16, u32)]) -> Self {
        let mut payload = Vec::new();
        for (identifier, value) in settings {
            payload.put_u16(*identifier);
            payload.put_u32(*value);
        }
        Self::new(Self::SETTINGS, 0, 0, payload)
    }

    /// Makes the answer to a SETTINGS frame.
    pub fn settings_ack() -> Self {
        Self::new(Self::SETTINGS, Self::ACK, 0, Bytes::new())
    }

    /// Makes a PING frame.
    pub fn ping(data: [u8; 8]) -> Self {
        Self::new(Self::PING, 0, 0, data.to_vec())
    }

    /// Makes a GOAWAY frame. `last_stream` is the last stream that the server may have processed.
    pub fn go_away(last_stream: u32, code: Http2ErrorCode) -> Self {
        let payload = [last_stream.to_be_bytes(), code.0.to_be_bytes()].concat();
        Self::new(Self::GOAWAY, 0, 0, payload)
    }

    /// Makes a WINDOW_UPDATE frame. The stream 0 is the connection.
    pub fn window_update(stream: u32, bytes: u32) -> Self {
        Self::new(Self::WINDOW_UPDATE, 0, stream, bytes.to_be_bytes().to_vec())
    }

    /// Returns the bytes of the frame.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD_SIZE + self.payload.len());
        bytes.put_uint(self.payload.len() as u64, 3);
        bytes.put_u8(self.kind);
        bytes.put_u8(self.flags);
        bytes.put_u32(self.stream);
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    /// Returns the complete frames at the beginning of `bytes`. A preface before the frames is skipped.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::Http2Frame;
    ///
    /// let sent = [Http2Frame::PREFACE.to_vec(), Http2Frame::settings(&[(4, 65_535)]).to_bytes()].concat();
    /// assert_eq!(Http2Frame::parse(&sent), [Http2Frame::settings(&[(4, 65_535)])]);
    /// ```
    pub fn parse(bytes: &[u8]) -> Vec<Self> {
        let mut rest = bytes.strip_prefix(Self::PREFACE).unwrap_or(bytes);
        let mut frames = Vec::new();
        while let Some((head, body)) = rest.split_first_chunk::<HEAD_SIZE>() {
            let head = FrameHead::parse(head);
            let Some((payload, next)) = body.split_at_checked(head.length) else { break };
            frames.push(Self::new(head.kind, head.flags, head.stream, Bytes::copy_from_slice(payload)));
            rest = next;
        }
        frames
    }

    /// Returns whether the frame is a SETTINGS frame that the client acknowledges.
    pub(super) fn wants_settings_ack(&self) -> bool {
        self.kind == Self::SETTINGS && self.flags & Self::ACK == 0
    }
}

impl From<Http2Frame> for Vec<u8> {
    fn from(frame: Http2Frame) -> Self {
        frame.to_bytes()
    }
}

/// Writes the length of a text with a prefix of 7 bits (RFC 7541, section 5.1).
fn put_length(block: &mut Vec<u8>, length: usize) {
    const PREFIX: usize = 127;
    if length < PREFIX {
        block.push(length as u8);
        return;
    }
    block.push(PREFIX as u8);
    let mut rest = length - PREFIX;
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// The head of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHead {
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

impl FrameHead {
    pub(super) fn parse(bytes: &[u8; HEAD_SIZE]) -> Self {
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = *bytes;
        Self {
            length: u32::from_be_bytes([0, l0, l1, l2]) as usize,
            kind,
            flags,
            // The first bit is reserved (RFC 9113, section 4.1).
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        }
    }

    /// Returns whether the frame answers a frame of this type.
    pub(super) fn is_ack_of(&self, kind: u8) -> bool {
        self.kind == kind && self.flags & Http2Frame::ACK != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_hpack_integers() {
        for (length, bytes) in [(0, vec![0]), (126, vec![126]), (127, vec![127, 0]), (1337, vec![127, 186, 9])] {
            let mut block = Vec::new();
            put_length(&mut block, length);
            assert_eq!(block, bytes, "{length}");
        }
    }

    #[test]
    fn frames_are_read_as_they_were_written() {
        let frames = [
            Http2Frame::settings(&[(3, 1)]),
            Http2Frame::headers(1, &[(":status", "200")], false),
            Http2Frame::data(1, "hello", true),
            Http2Frame::go_away(1, Http2ErrorCode::NO_ERROR),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(Http2Frame::to_bytes).collect();
        assert_eq!(Http2Frame::parse(&bytes), frames);
        assert_eq!(Http2Frame::parse(&bytes[..bytes.len() - 1]), frames[..3], "the last frame is not complete");
    }
}
