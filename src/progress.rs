//! What a backend tells of an attempt while it is under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Shared between a backend and the client that waits for it, so that a slow upload, or a connection with a limit of
/// its own, is not taken for silence.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    connecting: AtomicBool,
    allowance: AtomicU64,
}

impl Progress {
    /// Counts `bytes` more of the request as taken: the head limit starts again.
    pub fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The bytes counted so far.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Says that the backend connects, under a limit of its own, until what is returned is dropped: the head limit does
    /// not count meanwhile.
    pub fn connecting(&self) -> Connecting {
        self.0.connecting.store(true, Ordering::Relaxed);
        Connecting(self.clone())
    }

    /// Whether the backend is connecting.
    pub fn is_connecting(&self) -> bool {
        self.0.connecting.load(Ordering::Relaxed)
    }

    /// Gives the head limit this much more, for a body whose progress cannot be seen.
    pub fn allow(&self, more: Duration) {
        self.0.allowance.store(u64::try_from(more.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn allowance(&self) -> Duration {
        Duration::from_millis(self.0.allowance.load(Ordering::Relaxed))
    }
}

/// The time in which a backend connects; see [`Progress::connecting`].
#[derive(Debug)]
#[must_use = "connecting ends when this is dropped"]
pub struct Connecting(Progress);

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.0.connecting.store(false, Ordering::Relaxed);
    }
}
