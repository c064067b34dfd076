//! How far an attempt is: what a backend reports while the attempt is under way.
//!
//! A backend writes two things. The client's head timeout reads [`Progress`] itself, so that a slow upload, or a connection
//! with a limit of its own, is not mistaken for silence. The `on_upload` callback and the agent read the
//! [`ExchangeProgress`] in it.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::error::Attempt;

/// The progress of an attempt, shared between a backend and the client that waits for it.
///
/// A backend finds it with [`CallContext::progress`](crate::CallContext::progress). A clone is another handle of the same
/// progress.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use waterspout::{CallContext, Progress};
///
/// let context = CallContext::new();
/// let progress: &Progress = context.progress();
/// {
///     // The head timeout does not count while this guard exists.
///     let _connecting = progress.connecting();
///     assert!(progress.is_connecting());
/// }
/// // Each piece that leaves starts the head timeout again.
/// progress.add(1024);
/// assert_eq!(progress.bytes(), 1024);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AttemptProgress>);

thread_local! {
    /// The progress of an attempt that has ended, as new.
    // A backend has a handle that outlives its borrows, so each attempt needs a shared allocation. Most attempts of a
    // thread end before the next begins, and then a single allocation serves them all.
    static SPARE: Cell<Option<Arc<AttemptProgress>>> = const { Cell::new(None) };
}

/// What the head timeout reads, and the present exchange of the attempt.
// Relaxed ordering is enough for all of these numbers: each stands for itself, and no other memory is published through
// them.
#[derive(Debug, Default)]
struct AttemptProgress {
    /// The bytes of the request that have left, its head included.
    bytes: AtomicU64,
    /// The number of informational responses that have arrived.
    informational: AtomicU64,
    /// Whether the backend connects.
    connecting: AtomicBool,
    /// The extra time of the head timeout, in milliseconds.
    allowance: AtomicU64,
    exchange: ExchangeProgress,
    /// The attempts before this attempt. They stand here, so that a context is a single allocation and a single pointer.
    attempts: Vec<Attempt>,
}

/// How far a request and its response are on the present connection; a redirect begins another exchange.
#[derive(Debug)]
pub(crate) struct ExchangeProgress {
    /// Whether a byte of the response has arrived.
    is_answered: AtomicBool,
    /// The bytes of the request's body that have left.
    sent: AtomicU64,
    /// The length of the request's body; the largest number if it is unknown.
    length: AtomicU64,
    /// The number of exchanges that have begun in the attempt.
    count: AtomicU32,
    on_upload: Option<ProgressCallback>,
}

/// The length of a body whose length is unknown.
const UNKNOWN: u64 = u64::MAX;

/// How far the transfer of a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TransferProgress {
    /// The bytes so far.
    pub bytes: u64,
    /// The length of the whole body, if it is known.
    pub total: Option<u64>,
}

/// A caller's callback for the progress of a transfer.
#[derive(Clone)]
pub(crate) struct ProgressCallback(Arc<dyn Fn(TransferProgress) + Send + Sync>);

impl ProgressCallback {
    pub(crate) fn new(tell: impl Fn(TransferProgress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Calls the callback.
    pub(crate) fn tell(&self, bytes: u64, total: Option<u64>) {
        (self.0)(TransferProgress { bytes, total });
    }
}

impl fmt::Debug for ProgressCallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProgressCallback")
    }
}

impl Progress {
    /// Makes the progress of an attempt after `attempts`, which reports its upload to `on_upload`.
    pub(crate) fn new(on_upload: Option<ProgressCallback>, attempts: &[Attempt]) -> Self {
        if let (None, []) = (&on_upload, attempts) {
            if let Some(spare) = SPARE.try_with(Cell::take).ok().flatten() {
                return Self(spare);
            }
        }
        let exchange = ExchangeProgress { on_upload, ..ExchangeProgress::default() };
        Self(Arc::new(AttemptProgress { exchange, attempts: attempts.to_vec(), ..AttemptProgress::default() }))
    }

    /// Keeps the memory for the next attempt of this thread, if there is no other handle.
    pub(crate) fn recycle(mut self) {
        if let Some(progress) = Arc::get_mut(&mut self.0) {
            *progress = AttemptProgress::default();
            let _ = SPARE.try_with(|spare| spare.set(Some(self.0)));
        }
    }

    /// Counts `bytes` more of the request as sent; the head timeout starts again.
    pub fn add(&self, bytes: usize) {
        self.0.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns how many bytes have been counted.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Counts an informational response; the head timeout starts again.
    pub(crate) fn add_informational(&self) {
        self.0.informational.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns a number that grows with each sign of life: a piece that was sent, or an informational response.
    pub(crate) fn activity(&self) -> u64 {
        self.bytes() + self.0.informational.load(Ordering::Relaxed)
    }

    /// Stops the head timeout until the returned guard is dropped, for a backend that connects within a limit of its own.
    pub fn connecting(&self) -> Connecting {
        self.0.connecting.store(true, Ordering::Relaxed);
        Connecting(self.clone())
    }

    /// Whether the backend is connecting.
    pub fn is_connecting(&self) -> bool {
        self.0.connecting.load(Ordering::Relaxed)
    }

    /// Sets the extra time of the head timeout, for a body whose progress cannot be seen. Default: zero. It is kept in
    /// whole milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::CallContext;
    ///
    /// // A body of 320 KiB gets 10 s more.
    /// CallContext::new().progress().allow(Duration::from_secs(10));
    /// ```
    pub fn allow(&self, more: Duration) {
        self.0.allowance.store(u64::try_from(more.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Returns the extra time of the head timeout.
    pub(crate) fn allowance(&self) -> Duration {
        Duration::from_millis(self.0.allowance.load(Ordering::Relaxed))
    }

    /// Returns the attempts before this attempt.
    pub(crate) fn attempts(&self) -> &[Attempt] {
        &self.0.attempts
    }

    /// Returns the progress of the present exchange.
    pub(crate) fn exchange(&self) -> &ExchangeProgress {
        &self.0.exchange
    }
}

impl Default for ExchangeProgress {
    fn default() -> Self {
        Self {
            is_answered: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            length: AtomicU64::new(UNKNOWN),
            count: AtomicU32::new(0),
            on_upload: None,
        }
    }
}

impl ExchangeProgress {
    /// Begins an exchange whose request has a body of this length.
    pub(crate) fn begin(&self, length: Option<u64>) {
        // A redirect sends the body again: the callback's count begins at zero.
        self.is_answered.store(false, Ordering::Relaxed);
        self.sent.store(0, Ordering::Relaxed);
        self.length.store(length.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many exchanges have begun in the attempt; 0 if the backend does not count.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Counts `bytes` more of the body as sent, and calls the `on_upload` callback.
    pub(crate) fn send(&self, bytes: u64) {
        // A write of the head alone is no progress of the body.
        if bytes == 0 {
            return;
        }
        let sent = self.sent.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(on_upload) = &self.on_upload {
            let length = self.length.load(Ordering::Relaxed);
            on_upload.tell(sent, (length != UNKNOWN).then_some(length));
        }
    }

    /// Records that the first byte of the response has arrived.
    pub(crate) fn answer(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Whether a byte of the response has arrived.
    pub(crate) fn is_answered(&self) -> bool {
        self.is_answered.load(Ordering::Relaxed)
    }
}

/// A guard for the time in which a backend connects; see [`Progress::connecting`].
#[derive(Debug)]
#[must_use = "connecting ends when this is dropped"]
pub struct Connecting(Progress);

impl Drop for Connecting {
    fn drop(&mut self) {
        self.0.0.connecting.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recycled_progress_is_as_new() {
        let on_upload = ProgressCallback::new(|_| {});
        let used = Progress::new(Some(on_upload), &[]);
        let address = Arc::as_ptr(&used.0);
        used.add(10);
        used.add_informational();
        used.allow(Duration::from_secs(1));
        used.exchange().begin(Some(5));
        used.exchange().answer();
        used.recycle();
        let next = Progress::new(None, &[]);
        assert_eq!(Arc::as_ptr(&next.0), address);
        assert_eq!((next.bytes(), next.activity(), next.allowance()), (0, 0, Duration::ZERO));
        assert_eq!(next.exchange().count(), 0);
        assert!(!next.exchange().is_answered() && next.exchange().on_upload.is_none());
        assert_eq!(next.exchange().length.load(Ordering::Relaxed), UNKNOWN);
    }

    #[test]
    fn progress_with_another_handle_is_not_recycled() {
        let used = Progress::new(None, &[]);
        let kept_by_backend = used.clone();
        used.recycle();
        let next = Progress::new(None, &[]);
        next.add(10);
        assert_eq!(kept_by_backend.bytes(), 0);
    }
}
