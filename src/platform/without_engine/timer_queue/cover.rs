//! The sleeps without an entry: the timer of the queue wakes their tasks.
//!
//! Most sleeps are the limits of requests, and most requests end long before. So a request sets no sleep while the timer of
//! the queue fires at the end of its limit or before. When the timer fires, all tasks with covered sleeps are woken. A task
//! that still waits sets a sleep of its own then, so it is woken at most once for nothing. A response that is held and not
//! read sets none, so its task is woken each time.
//!
//! Only a queue whose timer stays set covers sleeps: its timer cannot be dropped with the sleep that has set it.

use std::sync::OnceLock;
use std::task::Waker;

use super::state::Leader;
use crate::runtime::Instant;
use crate::runtime::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The time of a timer that is not set.
const NONE: u64 = u64::MAX;

/// What covers the sleeps of a queue.
///
/// The orderings are sequentially consistent. A task first says that it is covered, then reads the time. The timer first
/// clears the time, then asks whether a task is covered. So either the task finds no time, or the timer wakes it.
pub(super) struct Cover {
    /// Wakes the tasks whose sleeps are covered.
    waker: OnceLock<Waker>,
    /// When the queue's timer fires, in nanoseconds on the clock of the queue.
    // Written under the lock of the queue and read without.
    fires_at: AtomicU64,
    /// Whether a sleep is covered, since the timer fired last.
    is_used: AtomicBool,
}

impl Default for Cover {
    fn default() -> Self {
        Self { waker: OnceLock::new(), fires_at: AtomicU64::new(NONE), is_used: AtomicBool::new(false) }
    }
}

impl Cover {
    /// Sets what wakes the tasks whose sleeps are covered.
    pub(super) fn set_waker(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// Records when the timer of the queue fires. Called under the lock of the queue.
    pub(super) fn set_fires_at(&self, leader: Option<Leader>) {
        self.fires_at.store(leader.map_or(NONE, |leader| leader.at.nanos()), Ordering::SeqCst);
    }

    /// Returns when the timer fires that covers a sleep until `at`, if there is such a timer.
    pub(super) fn cover(&self, at: Instant) -> Option<Instant> {
        self.waker.get()?;
        let fires_at = || Instant::from_nanos(self.fires_at.load(Ordering::SeqCst));
        // Without this look, the next time would wake tasks although none is covered.
        if fires_at() > at {
            return None;
        }
        if !self.is_used.load(Ordering::SeqCst) {
            self.is_used.store(true, Ordering::SeqCst);
        }
        Some(fires_at()).filter(|fires_at| *fires_at <= at)
    }

    /// Returns the waker of the tasks whose sleeps are covered, if there are any. Called once the timer has fired.
    pub(super) fn take_used(&self) -> Option<Waker> {
        if self.is_used.swap(false, Ordering::SeqCst) { self.waker.get().cloned() } else { None }
    }
}
