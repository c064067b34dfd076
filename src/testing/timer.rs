//! A clock that the test advances.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::runtime::{BoxFuture, Instant, Timer};

/// A [`Timer`] that stands still until it is [advanced](Self::advance). A clone is another handle of the same clock.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use futures::FutureExt;
/// use waterspout::{Client, ErrorKind};
/// use waterspout::testing::{ManualTimer, MockBackend};
///
/// let timer = ManualTimer::new();
/// let client = Client::builder()
///     .timer(timer.clone())
///     .backend(MockBackend::pending())
///     .timeout(Duration::from_secs(20))
///     .build()?;
/// let mut page = client.get("http://example.com/").send().boxed();
/// assert!((&mut page).now_or_never().is_none());
/// timer.advance(Duration::from_secs(20));
/// assert_eq!(page.now_or_never().unwrap().unwrap_err().kind(), ErrorKind::Timeout);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct ManualTimer(Arc<Mutex<ManualClock>>);

#[derive(Default)]
struct ManualClock {
    now: Instant,
    /// How many sleeps were ever made.
    sleeps: u64,
    /// The wakers of the sleeps that were polled, by deadline, and then in the order in which the sleeps were made.
    wakers: BTreeMap<(Instant, u64), Waker>,
}

impl ManualTimer {
    /// Makes a clock that stands at its origin.
    pub fn new() -> Self {
        Self::default()
    }

    /// Advances the clock, and wakes the tasks with deadlines up to the new time in the order of their deadlines.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use futures::FutureExt;
    /// use waterspout::Timer;
    /// use waterspout::testing::ManualTimer;
    ///
    /// let timer = ManualTimer::new();
    /// let mut sleep = timer.sleep_until(timer.now() + Duration::from_secs(2));
    /// assert!((&mut sleep).now_or_never().is_none());
    /// timer.advance(Duration::from_secs(2));
    /// assert!(sleep.now_or_never().is_some());
    /// ```
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.lock();
            state.now = state.now + by;
            let now = state.now;
            // Wakers are taken under the lock and called after it, because a task may poll another sleep of this clock.
            // This key is above every key for the present time, so the sleeps for this very time are due as well.
            let later = state.wakers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.wakers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// Returns how many timers are set.
    pub fn pending(&self) -> usize {
        self.lock().wakers.len()
    }

    fn lock(&self) -> MutexGuard<'_, ManualClock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ManualTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualTimer").field("now", &state.now).field("pending", &state.wakers.len()).finish()
    }
}

impl Timer for ManualTimer {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut state = self.lock();
        state.sleeps += 1;
        Box::pin(ManualSleep { timer: self.clone(), key: (deadline, state.sleeps) })
    }
}

struct ManualSleep {
    timer: ManualTimer,
    key: (Instant, u64),
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.timer.lock();
        if self.key.0 <= state.now {
            return Poll::Ready(());
        }
        let replaced = state.wakers.insert(self.key, cx.waker().clone());
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        // In a binding, so that the waker, which may own a task, is dropped after the lock is released.
        let _waker = self.timer.lock().wakers.remove(&self.key);
    }
}
