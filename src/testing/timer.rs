//! A clock moved by hand.

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
pub struct ManualTimer(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    now: Instant,
    next: u64,
    sleepers: BTreeMap<(Instant, u64), Waker>,
}

impl ManualTimer {
    /// A clock that stands at its origin.
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock and wakes whoever's time has come, in order.
    pub fn advance(&self, by: Duration) {
        let due = {
            let mut state = self.lock();
            state.now = state.now + by;
            let now = state.now;
            let later = state.sleepers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut state.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// The number of timers that are set.
    pub fn pending(&self) -> usize {
        self.lock().sleepers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ManualTimer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.lock();
        f.debug_struct("ManualTimer").field("now", &state.now).field("pending", &state.sleepers.len()).finish()
    }
}

impl Timer for ManualTimer {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut state = self.lock();
        state.next += 1;
        Box::pin(Sleep { timer: self.clone(), key: (deadline, state.next) })
    }
}

struct Sleep {
    timer: ManualTimer,
    key: (Instant, u64),
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.timer.lock();
        if self.key.0 <= state.now {
            return Poll::Ready(());
        }
        let before = state.sleepers.insert(self.key, cx.waker().clone());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // In a binding, so that the waker outlives the lock: a task may go with it.
        let _waker = self.timer.lock().sleepers.remove(&self.key);
    }
}
