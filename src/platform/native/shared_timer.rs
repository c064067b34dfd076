//! Sleeps that share a single timer, which stays set when no sleep needs it any more.
//!
//! To set a timer of the reactor wakes the thread that polls the sockets, 6 system calls in all. A request sets a time
//! limit and drops it when its response arrives. So the timer stays set, and the next request finds a timer that fires
//! soon enough. It fires for no sleep at most once.
//!
//! The client's own queue (`platform::without_engine::timer_queue`) shares the sleeps of a client over any [`Timer`]. Over
//! this timer, the timer of that queue stays set too. On WASI the queue sets none that stays.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};

use crate::runtime::{BoxFuture, Instant, Timer};

/// A timer whose sleeps share a single sleep of another timer. A clone is another handle of the same timer.
#[derive(Clone)]
pub(super) struct SharedTimer(Arc<SharedTimerInner>);

struct SharedTimerInner {
    /// The timer that is set.
    timer: Box<dyn Timer>,
    state: Mutex<SharedTimerState>,
}

#[derive(Default)]
struct SharedTimerState {
    /// The tasks that wait, soonest first. The number tells sleeps for the same time apart.
    waiting: BTreeMap<(Instant, u64), Waker>,
    armed: Option<Armed>,
    /// The last number given to a sleep or to an armed timer. Each number is given once.
    last_number: u64,
}

/// The timer that is set.
struct Armed {
    number: u64,
    at: Instant,
    /// Held and never polled again: the waker of its first poll reaches this timer. `None` while it is being set.
    timer: Option<BoxFuture<'static, ()>>,
}

/// A timer that has to be set.
struct Arming {
    number: u64,
    at: Instant,
    /// The timer that it replaces, which is dropped outside of the lock.
    _former: Option<Armed>,
}

impl SharedTimer {
    /// Makes a timer whose sleeps share a sleep of `timer`.
    pub(super) fn new(timer: impl Timer) -> Self {
        Self(Arc::new(SharedTimerInner { timer: Box::new(timer), state: Mutex::default() }))
    }

    fn lock(&self) -> MutexGuard<'_, SharedTimerState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the timer. Returns whether it has fired already.
    fn arm(&self, arming: Arming) -> bool {
        let Arming { number, at, .. } = arming;
        let waker = Waker::from(Arc::new(ArmedWaker { timer: Arc::downgrade(&self.0), number }));
        // Outside of the lock: the waker may be called within this poll.
        let mut timer = self.0.timer.sleep_until(at);
        let has_fired = timer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        let mut timer = Some(timer);
        let mut state = self.lock();
        if let Some(armed) = state.armed.as_mut().filter(|armed| armed.number == number) {
            armed.timer = timer.take();
        }
        drop(state);
        // What is left has fired or has been replaced meanwhile.
        drop(timer);
        has_fired
    }

    /// Wakes the tasks that are due, and sets the timer for the next task. Called when the timer `number` has fired.
    fn fire(&self, mut number: u64) {
        let mut due = Vec::new();
        loop {
            let now = self.now();
            let mut state = self.lock();
            // The timer may have been replaced before it could be dropped.
            let Some(spent) = state.armed.take_if(|armed| armed.number == number) else { break };
            state.take_due(now.max(spent.at), &mut due);
            let arming = state.arm_if_needed();
            drop(state);
            drop(spent);
            let Some(arming) = arming else { break };
            number = arming.number;
            if !self.arm(arming) {
                break;
            }
        }
        for waker in due {
            // A waker that panics must not keep the other tasks asleep. The reactor treats its wakers in the same way.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }
}

impl Timer for SharedTimer {
    fn now(&self) -> Instant {
        self.0.timer.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        Box::pin(SharedSleep { timer: self.clone(), deadline, number: None })
    }
}

impl SharedTimerState {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Takes the wakers of the tasks that wait until `now` or less.
    fn take_due(&mut self, now: Instant, due: &mut Vec<Waker>) {
        // This key is above every key for `now`.
        let later = self.waiting.split_off(&(now, u64::MAX));
        due.extend(std::mem::replace(&mut self.waiting, later).into_values());
    }

    /// Returns the timer to set, if the timer that is set fires too late for the soonest sleep.
    fn arm_if_needed(&mut self) -> Option<Arming> {
        let (at, _) = *self.waiting.first_key_value()?.0;
        if self.armed.as_ref().is_some_and(|armed| armed.at <= at) {
            return None;
        }
        let number = self.next_number();
        let former = self.armed.replace(Armed { number, at, timer: None });
        Some(Arming { number, at, _former: former })
    }
}

/// A sleep of a shared timer. It joins the timer when it is first polled.
struct SharedSleep {
    timer: SharedTimer,
    deadline: Instant,
    /// Given at the first poll.
    number: Option<u64>,
}

impl SharedSleep {
    /// Leaves the timer, which stays set.
    fn leave(&mut self) {
        let Some(number) = self.number.take() else { return };
        // In a binding, so that the waker, which may own a task, is dropped after the lock is released.
        let _waker = self.timer.lock().waiting.remove(&(self.deadline, number));
    }
}

impl Future for SharedSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // The clock decides and not the timer, which may be set for another sleep.
        if self.timer.now() >= self.deadline {
            self.leave();
            return Poll::Ready(());
        }
        let this = &mut *self;
        let mut state = this.timer.lock();
        let number = *this.number.get_or_insert_with(|| state.next_number());
        let replaced = state.waiting.insert((this.deadline, number), cx.waker().clone());
        let arming = state.arm_if_needed();
        drop(state);
        drop(replaced);
        if let Some(arming) = arming {
            let number = arming.number;
            if this.timer.arm(arming) {
                this.timer.fire(number);
            }
        }
        Poll::Pending
    }
}

impl Drop for SharedSleep {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The waker that the armed timer is polled with.
struct ArmedWaker {
    /// Weak, because the shared timer holds the future that holds this waker.
    timer: Weak<SharedTimerInner>,
    number: u64,
}

impl Wake for ArmedWaker {
    fn wake(self: Arc<Self>) {
        if let Some(timer) = self.timer.upgrade() {
            SharedTimer(timer).fire(self.number);
        }
    }
}

#[cfg(test)]
#[path = "shared_timer_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "timer_layers_tests.rs"]
mod layers_tests;
