//! Finds the frames in a stream of bytes, however the bytes are split.

use super::frame::{FrameHead, HEAD_SIZE};

/// Splits bytes into heads and payloads of frames.
#[derive(Default)]
pub(super) struct FrameScan {
    head: [u8; HEAD_SIZE],
    /// How many bytes of the next head were received.
    head_len: usize,
    /// How many bytes of the present payload are still to come.
    left: usize,
}

/// A part of a frame.
pub(super) enum FramePart<'a> {
    /// A complete head.
    Head(FrameHead, [u8; HEAD_SIZE]),
    /// Bytes of the payload. The flag tells whether the frame ends with them.
    Payload(&'a [u8], bool),
}

impl FrameScan {
    /// Returns whether the bytes so far end with a complete frame.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.head_len == 0 && self.left == 0
    }

    /// Takes the next part out of `bytes`. Returns `None` if more bytes are needed.
    ///
    /// A frame without a payload has an empty payload too.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<FramePart<'a>> {
        if self.head_len < HEAD_SIZE {
            let count = bytes.len().min(HEAD_SIZE - self.head_len);
            let (taken, rest) = bytes.split_at(count);
            self.head[self.head_len..self.head_len + count].copy_from_slice(taken);
            self.head_len += count;
            *bytes = rest;
            if self.head_len < HEAD_SIZE {
                return None;
            }
            let head = FrameHead::parse(&self.head);
            self.left = head.length;
            return Some(FramePart::Head(head, self.head));
        }
        if bytes.is_empty() && self.left > 0 {
            return None;
        }
        let (taken, rest) = bytes.split_at(bytes.len().min(self.left));
        *bytes = rest;
        self.left -= taken.len();
        if self.left == 0 {
            self.head_len = 0;
        }
        Some(FramePart::Payload(taken, self.left == 0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Http2ErrorCode, Http2Frame};
    use super::*;

    #[test]
    fn frames_are_found_however_their_bytes_are_split() {
        let frames = [
            Http2Frame::settings_ack(),
            Http2Frame::data(1, "hello", false),
            Http2Frame::rst_stream(3, Http2ErrorCode::CANCEL),
        ];
        let bytes: Vec<u8> = frames.iter().flat_map(Http2Frame::to_bytes).collect();
        for size in 1..=bytes.len() {
            let mut scan = FrameScan::default();
            let mut found = Vec::new();
            let mut payload = Vec::new();
            let mut present = None;
            for mut piece in bytes.chunks(size) {
                while let Some(part) = scan.next(&mut piece) {
                    match part {
                        FramePart::Head(head, _) => present = Some(head),
                        FramePart::Payload(bytes, ends) => {
                            payload.extend_from_slice(bytes);
                            if let (true, Some(head)) = (ends, present) {
                                let payload = std::mem::take(&mut payload);
                                found.push(Http2Frame::new(head.kind, head.flags, head.stream, payload));
                            }
                        }
                    }
                }
            }
            assert_eq!(found, frames, "in pieces of {size}");
            assert!(scan.is_at_boundary());
        }
    }
}
