//! The alarms of one client on a JavaScript engine, which keeps its timers in a heap itself: each alarm is a timer of the
//! backend's, and no heap of ours need be downloaded.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::runtime::clock::{Clock, Wait};
use crate::runtime::{BoxFuture, Instant, Timer};

/// The clock of one client.
pub(crate) struct TimerQueue(Arc<dyn Timer>);

impl TimerQueue {
    pub(crate) fn new(timer: Arc<dyn Timer>) -> Arc<Self> {
        Arc::new(Self(timer))
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.now()
    }
}

impl Clock for Arc<TimerQueue> {
    type Wait = Alarm;

    fn now(&self) -> Instant {
        (**self).now()
    }

    fn until(&self, at: Instant) -> Alarm {
        Alarm { at, timer: self.0.sleep_until(at) }
    }
}

/// One deadline.
pub(crate) struct Alarm {
    at: Instant,
    timer: BoxFuture<'static, ()>,
}

impl Wait for Alarm {
    fn at(&self) -> Instant {
        self.at
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}

/// The same clock as a [`Timer`], for what is below the client.
pub(crate) struct QueuedTimer(pub(crate) Arc<TimerQueue>);

impl Timer for QueuedTimer {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        self.0.0.sleep_until(deadline)
    }
}
