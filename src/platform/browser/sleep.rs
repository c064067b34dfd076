//! The sleeps of a client on a JavaScript engine: each is a timer of the engine's.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime::sleep::Sleep;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The clock of a client: the backend's timer as it is. The engine keeps its timers in a heap itself, so the timer
/// queue of the other platforms would add 2 KB to the download and gain nothing.
pub(crate) type ClientClock = Arc<dyn Timer>;

/// A sleep that is a timer of the backend's.
pub(crate) struct TimerSleep {
    clock: ClientClock,
    /// The time that the sleep is set for, and the timer for it.
    timer: Option<(Instant, BoxFuture<'static, ()>)>,
}

impl Sleep for TimerSleep {
    type Clock = ClientClock;

    fn new(clock: &ClientClock) -> Self {
        Self { clock: clock.clone(), timer: None }
    }

    fn clock(&self) -> &ClientClock {
        &self.clock
    }

    fn at(&self) -> Option<Instant> {
        self.timer.as_ref().map(|(at, _)| *at)
    }

    fn reset(&mut self, at: Option<Instant>) {
        self.timer = at.map(|at| (at, self.clock.sleep_until(at)));
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((_, timer)) = &mut self.timer else { return Poll::Pending };
        let poll = timer.as_mut().poll(cx);
        if poll.is_ready() {
            self.timer = None;
        }
        poll
    }
}
