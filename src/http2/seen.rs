//! What the bytes of a connection have shown so far.

use std::sync::OnceLock;

use super::frame_limits::FrameFlood;
use crate::runtime::Instant;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// What the bytes of a connection have shown.
#[derive(Default)]
pub(super) struct Seen {
    /// The last stream that the server processes, and 1 more, so that 0 means that no GOAWAY has come.
    pub(super) last_stream: AtomicU32,
    /// Whether the connection comes near a limit: of the server's frames, or of the resets that a server tolerates.
    pub(super) is_worn: AtomicBool,
    /// Whether uploads that have ended have used up the window of all uploads.
    pub(super) has_low_window: AtomicBool,
    /// The number of uploads that have ended.
    pub(super) closed_uploads: AtomicU64,
    /// Whether the server has sent GOAWAY with ENHANCE_YOUR_CALM. The error of a stream does not always say so.
    pub(super) is_calm: AtomicBool,
    /// The limit that the server has exceeded. It is kept here, because `h2` drops the cause of an error.
    pub(super) flood: OnceLock<FrameFlood>,
    /// The highest stream of which at least the beginning was sent.
    pub(super) last_sent: AtomicU32,
    /// Whether the first frame of the server, its settings, has arrived.
    pub(super) is_settled: AtomicBool,
    /// When bytes last arrived, in nanoseconds of the timer.
    pub(super) last_received: AtomicU64,
}

impl Seen {
    /// Returns the last stream that the server processes, if it has sent GOAWAY.
    pub(super) fn last_stream(&self) -> Option<u32> {
        self.last_stream.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Returns whether any byte of a stream's head was sent.
    pub(super) fn is_sent(&self, stream: u32) -> bool {
        stream <= self.last_sent.load(Ordering::Relaxed)
    }

    /// Returns whether the server's settings have arrived.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::SeqCst)
    }

    /// Returns when bytes last arrived.
    pub(super) fn last_received(&self) -> Instant {
        Instant::from_nanos(self.last_received.load(Ordering::Relaxed))
    }

    /// Returns whether the connection comes near a limit.
    pub(super) fn is_worn(&self) -> bool {
        self.is_worn.load(Ordering::Relaxed)
    }

    /// Returns whether uploads that have ended have used up the window of all uploads.
    pub(super) fn has_low_window(&self) -> bool {
        self.has_low_window.load(Ordering::Relaxed)
    }

    /// Returns how many uploads have ended.
    pub(super) fn closed_uploads(&self) -> u64 {
        self.closed_uploads.load(Ordering::Relaxed)
    }

    /// Returns whether the server has sent GOAWAY with ENHANCE_YOUR_CALM.
    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// Returns the limit that the server has exceeded.
    pub(super) fn flood(&self) -> Option<FrameFlood> {
        self.flood.get().copied()
    }

    /// Returns how many requests the server has taken, and whether it refused more, once it has sent GOAWAY.
    pub(super) fn taken_requests(&self) -> Option<(usize, bool)> {
        // The streams of a client have odd numbers (RFC 9113, section 5.1.1).
        let last = self.last_stream()?;
        let taken = usize::try_from(last.div_ceil(2)).unwrap_or(usize::MAX);
        Some((taken, self.is_sent(last.saturating_add(1))))
    }
}
