//! The engine's own timers: it keeps them in a heap itself, so that ours need not be downloaded.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::client::clock::{Clock, Wait};
use crate::future::BoxFuture;
use crate::platform;
use crate::runtime::{Instant, Timer};

/// A clock with a timer for each wait.
#[derive(Clone)]
pub(super) struct EngineClock(Arc<dyn Timer>);

impl EngineClock {
    pub(super) fn new() -> Self {
        Self(platform::default_timer())
    }
}

impl Clock for EngineClock {
    type Wait = EngineWait;

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn until(&self, at: Instant) -> EngineWait {
        EngineWait { at, timer: self.0.sleep_until(at) }
    }
}

pub(super) struct EngineWait {
    at: Instant,
    timer: BoxFuture<'static, ()>,
}

impl Wait for EngineWait {
    fn at(&self) -> Instant {
        self.at
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.timer.as_mut().poll(cx)
    }
}
