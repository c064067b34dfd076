//! The timer that a timer queue holds itself.

use std::sync::PoisonError;

use crate::runtime::BoxFuture;
use crate::runtime::sync::Mutex;

/// The place for the timer of a timer queue.
#[derive(Default)]
pub(crate) struct HeldTimer(Mutex<HeldTimerState>);

#[derive(Default)]
struct HeldTimerState {
    /// The number of the lead that the timer belongs to, or of the end of that lead.
    number: u64,
    timer: Option<BoxFuture<'static, ()>>,
}

impl HeldTimer {
    /// Whether this platform can hold a timer: futures are `Send`.
    pub(crate) const CAN_HOLD: bool = true;

    /// Stores the timer of the lead `number`, and drops the timer before it. If a later lead was stored before, drops
    /// `timer`: leads begin under the lock of the queue, and their timers arrive without it, in any order.
    pub(crate) fn store(&self, number: u64, timer: Option<BoxFuture<'static, ()>>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dropped = if number < state.number {
            timer
        } else {
            state.number = number;
            std::mem::replace(&mut state.timer, timer)
        };
        // Dropped without the lock: a timer is foreign code.
        drop(state);
        drop(dropped);
    }
}
