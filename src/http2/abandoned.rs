//! Streams of dropped requests whose heads are still to be written.
//!
//! If a GOAWAY arrives for a stream that was dropped before its head was written, h2 0.4.20 forgets the head and writes
//! the reset. A reset of a stream that was never opened ends the whole connection (RFC 9113, section 6.4). So such a
//! stream is kept until its head is written or the stream has failed, and reset then.

use std::sync::PoisonError;

use super::stream::Handles;

use crate::runtime::sync::Mutex;
use crate::runtime::sync::atomic::{AtomicBool, Ordering};

/// The streams of dropped requests, each with its number.
#[derive(Default)]
pub(super) struct AbandonedStreams {
    streams: Mutex<Vec<(u32, Handles)>>,
    /// Whether there are any.
    has_streams: AtomicBool,
}

impl AbandonedStreams {
    /// Keeps a stream.
    pub(super) fn add(&self, number: u32, handles: Handles) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        streams.push((number, handles));
        self.has_streams.store(true, Ordering::Relaxed);
    }

    /// Takes the streams that meet a condition, to be dropped.
    pub(super) fn take(&self, is_over: impl Fn(u32) -> bool) -> Vec<(u32, Handles)> {
        if !self.has_streams.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let (over, kept) = std::mem::take(&mut *streams).into_iter().partition(|(number, _)| is_over(*number));
        *streams = kept;
        self.has_streams.store(!streams.is_empty(), Ordering::Relaxed);
        over
    }
}
