//! What a backend tells of an attempt while it is under way.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
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
    /// Whether the present exchange has received a byte.
    answered: AtomicBool,
    /// How much of the body the present exchange has sent, and of how much.
    sent: AtomicU64,
    length: Length,
    /// Who wants to know of it.
    upload: Option<Watcher>,
    queue: Moment,
    total: Moment,
}

/// How far the transfer of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferProgress {
    /// The bytes so far.
    pub bytes: u64,
    /// The length of the whole, if it is known.
    pub total: Option<u64>,
}

/// Who is told how far a transfer is.
#[derive(Clone)]
pub(crate) struct Watcher(Arc<dyn Fn(TransferProgress) + Send + Sync>);

impl Watcher {
    pub(crate) fn new(tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn tell(&self, bytes: u64, total: Option<u64>) {
        (self.0)(TransferProgress { bytes, total });
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// A length that may be unknown, which is told by the largest number.
#[derive(Debug)]
struct Length(AtomicU64);

impl Default for Length {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

/// A duration that is unknown until it is set, once.
#[derive(Debug, Default)]
struct Moment(OnceLock<Duration>);

impl Progress {
    pub(crate) fn watched(upload: Option<Watcher>) -> Self {
        Self(Arc::new(Shared { upload, ..Shared::default() }))
    }

    /// An exchange begins, with a body of this length.
    pub(crate) fn begin_exchange(&self, length: Option<u64>) {
        self.0.answered.store(false, Ordering::Relaxed);
        self.0.sent.store(0, Ordering::Relaxed);
        self.0.length.0.store(length.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts `bytes` more of the body as sent.
    pub(crate) fn send(&self, bytes: u64) {
        if bytes == 0 {
            return;
        }
        let sent = self.0.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(upload) = &self.0.upload {
            let length = self.0.length.0.load(Ordering::Relaxed);
            upload.tell(sent, (length != u64::MAX).then_some(length));
        }
    }

    /// The first byte of an answer is here.
    pub(crate) fn answer(&self) {
        self.0.answered.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.0.answered.load(Ordering::Relaxed)
    }

    /// The request has left the queue, after this long.
    pub(crate) fn leave_queue(&self, after: Duration) {
        let _ = self.0.queue.0.set(after);
    }

    pub(crate) fn queue(&self) -> Option<Duration> {
        self.0.queue.0.get().copied()
    }

    /// The response's body has ended, this long after the call.
    pub(crate) fn end(&self, after: Duration) {
        let _ = self.0.total.0.set(after);
    }

    pub(crate) fn total(&self) -> Option<Duration> {
        self.0.total.0.get().copied()
    }

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
