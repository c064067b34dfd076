//! The window that the server gives the client for all uploads of a connection (RFC 9113, section 5.2), and whether the
//! server still returns it.
//!
//! Each DATA frame uses up the window by its payload with its padding, and a WINDOW_UPDATE on stream 0 opens it again. A
//! server has to return the bytes that it discards, too (RFC 9113, section 5.1). HAProxy 2.6 does not return them after an
//! early response. A later upload on such a connection would wait until its time limit.
//!
//! # Which bytes are lost
//! A server may return the bytes of a stream until the stream is closed: until both sides have ended it, or a side has
//! reset it. So the bytes of streams that are not closed count as returned. The window is low if less than [`LOW`] bytes
//! are left in spite of that. An upload that waits for the lost bytes has sent nothing, so it hides no loss.
//!
//! # Why an honest server keeps its connection
//! - A low window alone retires nothing, because the update may be on its way. A request with a body then sends a PING
//!   first. The server gets the PING after the end of all these streams, so its answer follows their last bytes by a whole
//!   round trip. A second PING follows, because a server may answer the first before its program has dropped the body.
//!   A window that is low after both answers retires the connection. The request has not left by then. If another stream
//!   was closed after a PING, that PING does not count. After four PINGs of which none counts, the connection is retired
//!   too: a request cannot wait for ever until the others are quiet.
//! - Servers return the window when a part of it is consumed: each piece (Go), a half (nghttp2 in Node and Apache httpd,
//!   h2 in hyper, Netty, Jetty), or three quarters (nginx, of 2^31 - 1 bytes). Less than a quarter of the initial window
//!   is left with none of them, once they have consumed everything.
//! - A server may open the window beyond its initial 65,535 bytes. [`LOW`] stays the same: such a window is low only if
//!   nearly all of it is gone.
//! - A mistake costs a connect: the requests on the connection end there.

use super::frame_headers::{self, FrameHeader};

/// The window of a new connection in bytes (RFC 9113, section 6.9.2).
const INITIAL: u64 = 65_535;

/// The window is low if less than this number of bytes is left.
const LOW: u64 = INITIAL / 4;

/// Counts the window of a connection's uploads.
#[derive(Debug, Default)]
pub(super) struct ConnectionWindow {
    /// The bytes of all DATA frames.
    sent: u64,
    /// The bytes of `sent` that belong to `open`.
    sent_on_open: u64,
    /// The uploads whose streams are not closed, by ascending streams.
    open: Vec<OpenUpload>,
    /// The number of uploads whose streams are closed.
    closed: u64,
}

/// An upload whose stream is not closed.
#[derive(Debug)]
struct OpenUpload {
    stream: u32,
    /// The bytes of its DATA frames.
    sent: u64,
    is_request_sent: bool,
    is_response_received: bool,
}

impl ConnectionWindow {
    /// Returns whether the window is low. `opened` is the sum of all WINDOW_UPDATE frames on stream 0.
    pub(super) fn is_low(&self, opened: u64) -> bool {
        let left = INITIAL.saturating_add(opened).saturating_sub(self.sent);
        left.saturating_add(self.sent_on_open) < LOW
    }

    /// Returns how many uploads are closed.
    pub(super) fn closed_uploads(&self) -> u64 {
        self.closed
    }

    /// Counts a frame of the client.
    pub(super) fn sent(&mut self, frame: FrameHeader) {
        match frame.kind {
            frame_headers::DATA => {
                let bytes = u64::from(frame.length);
                self.sent = self.sent.saturating_add(bytes);
                if let Ok(at) = self.find(frame.stream) {
                    self.open[at].sent += bytes;
                    self.sent_on_open += bytes;
                }
            }
            frame_headers::HEADERS if !frame.ends_stream() => {
                if let Err(at) = self.find(frame.stream) {
                    let (is_request_sent, is_response_received) = (false, false);
                    let upload = OpenUpload { stream: frame.stream, sent: 0, is_request_sent, is_response_received };
                    self.open.insert(at, upload);
                }
            }
            _ => {}
        }
        self.end(frame, |upload| &mut upload.is_request_sent);
    }

    /// Counts a frame of the server.
    pub(super) fn received(&mut self, frame: FrameHeader) {
        self.end(frame, |upload| &mut upload.is_response_received);
    }

    /// Records the end of a direction of a stream, if this frame ends it.
    fn end(&mut self, frame: FrameHeader, direction: impl Fn(&mut OpenUpload) -> &mut bool) {
        let is_reset = frame.kind == frame_headers::RST_STREAM;
        if !is_reset && !frame.ends_stream() {
            return;
        }
        let Ok(at) = self.find(frame.stream) else { return };
        let upload = &mut self.open[at];
        *direction(upload) = true;
        if is_reset || upload.is_request_sent && upload.is_response_received {
            self.sent_on_open -= upload.sent;
            self.open.remove(at);
            self.closed += 1;
        }
    }

    fn find(&self, stream: u32) -> Result<usize, usize> {
        self.open.binary_search_by_key(&stream, |upload| upload.stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use frame_headers::{DATA, HEADERS, RST_STREAM};

    const END: u8 = 1;
    const PADDED: u8 = 8;

    fn frame(kind: u8, flags: u8, stream: u32, length: u32) -> FrameHeader {
        FrameHeader { length, kind, flags, stream }
    }

    /// Begins an upload, and sends these bytes of it.
    fn upload(window: &mut ConnectionWindow, stream: u32, bytes: u32) {
        window.sent(frame(HEADERS, 4, stream, 40));
        window.sent(frame(DATA, 0, stream, bytes));
    }

    /// Ends a stream from both sides.
    fn close(window: &mut ConnectionWindow, stream: u32) {
        window.sent(frame(DATA, END, stream, 0));
        window.received(frame(HEADERS, END, stream, 10));
    }

    #[test]
    fn window_is_low_below_a_quarter_after_the_stream_is_closed() {
        for (sent, opened, is_low) in [
            (0, 0, false),
            (49_152, 0, false),
            (49_153, 0, true),
            (65_535, 0, true),
            (65_535, 16_382, true),
            (65_535, 16_383, false),
            (65_535, 65_535, false),
            // A server that has opened the window far.
            (65_535, 1 << 20, false),
            (1 << 20, 1 << 20, false),
            ((1 << 20) + 49_153, 1 << 20, true),
        ] {
            let mut window = ConnectionWindow::default();
            upload(&mut window, 1, sent);
            assert!(!window.is_low(opened), "{sent} bytes of an open stream");
            close(&mut window, 1);
            assert_eq!(window.is_low(opened), is_low, "{sent} bytes, {opened} returned");
        }
    }

    #[test]
    fn stream_is_closed_by_both_ends_or_by_a_reset() {
        let request_end = [(true, frame(DATA, END, 1, 0))];
        let trailers = [(true, frame(HEADERS, END, 1, 9))];
        let response = [(false, frame(HEADERS, 4, 1, 9)), (false, frame(DATA, 0, 1, 9))];
        let response_end = [(false, frame(DATA, END, 1, 9))];
        let other_end = [(false, frame(DATA, END, 3, 9)), (true, frame(RST_STREAM, 0, 3, 4))];
        let informational = [(false, frame(HEADERS, 4, 1, 9))];
        for (name, frames, is_low) in [
            ("request", request_end.to_vec(), false),
            ("response", [&response[..], &response_end].concat(), false),
            ("request and a part of the response", [&request_end[..], &response].concat(), false),
            ("request and an informational response", [&request_end[..], &informational].concat(), false),
            ("end of another stream", [&request_end[..], &other_end].concat(), false),
            ("request, response", [&request_end[..], &response_end].concat(), true),
            ("response, request", [&response_end[..], &request_end].concat(), true),
            ("response, trailers", [&response_end[..], &trailers].concat(), true),
            ("reset by the client", vec![(true, frame(RST_STREAM, 0, 1, 4))], true),
            ("reset by the server", vec![(false, frame(RST_STREAM, 0, 1, 4))], true),
        ] {
            let mut window = ConnectionWindow::default();
            upload(&mut window, 1, 65_535);
            for (is_sent, frame) in frames {
                if is_sent { window.sent(frame) } else { window.received(frame) }
            }
            assert_eq!(window.is_low(0), is_low, "{name}");
        }
    }

    #[test]
    fn bytes_of_each_stream_count_until_its_own_end() {
        let mut window = ConnectionWindow::default();
        for stream in [1, 3, 5] {
            upload(&mut window, stream, 20_000);
        }
        close(&mut window, 3);
        close(&mut window, 1);
        assert!(!window.is_low(0));
        close(&mut window, 5);
        assert!(window.is_low(0));
        // An upload that waits hides nothing, and a request without a body neither.
        upload(&mut window, 7, 0);
        window.sent(frame(HEADERS, END, 9, 40));
        assert!(window.is_low(0));
        assert!(!window.is_low(20_000));
        close(&mut window, 7);
        assert!(window.open.is_empty());
    }

    #[test]
    fn padding_counts() {
        let mut window = ConnectionWindow::default();
        window.sent(frame(HEADERS, 4, 1, 40));
        // The payload has a byte for the length of the padding, the padding, and no data.
        for _ in 0..193 {
            window.sent(frame(DATA, PADDED, 1, 256));
        }
        close(&mut window, 1);
        assert!(window.is_low(0));
    }

    #[test]
    fn largest_values_do_not_overflow() {
        let mut window = ConnectionWindow::default();
        upload(&mut window, 1, 0xff_ffff);
        assert!(!window.is_low(u64::MAX));
        close(&mut window, 1);
        assert!(!window.is_low(u64::MAX));
        assert!(window.is_low(0));
        // Frames of streams that are not open change nothing.
        close(&mut window, 1);
        window.received(frame(RST_STREAM, 0, u32::MAX >> 1, 4));
        assert!(window.is_low(0));
    }
}
