//! The simulated time: a clock for the client and a clock for the servers and the network, which move together.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use waterspout::testing::ManualTimer;
use waterspout::{BoxFuture, Instant, Timer};

/// The deadlines of all sleeps that have not ended, each with a number that makes it unique.
#[derive(Default)]
struct Deadlines {
    all: BTreeSet<(Instant, u64)>,
    made: u64,
}

/// A [`ManualTimer`] whose deadlines are known, so that the time can move to the next deadline.
#[derive(Clone)]
pub(crate) struct KnownTimer {
    timer: ManualTimer,
    deadlines: Arc<Mutex<Deadlines>>,
}

impl KnownTimer {
    /// Returns how many timers are set.
    pub(crate) fn pending(&self) -> usize {
        self.timer.pending()
    }
}

impl Timer for KnownTimer {
    fn now(&self) -> Instant {
        self.timer.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut deadlines = self.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        deadlines.made += 1;
        let key = (deadline, deadlines.made);
        if deadline > self.timer.now() {
            deadlines.all.insert(key);
        }
        let sleep = self.timer.sleep_until(deadline);
        Box::pin(KnownSleep { sleep, key, deadlines: self.deadlines.clone() })
    }
}

struct KnownSleep {
    sleep: BoxFuture<'static, ()>,
    key: (Instant, u64),
    deadlines: Arc<Mutex<Deadlines>>,
}

impl Future for KnownSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.sleep.as_mut().poll(cx)
    }
}

impl Drop for KnownSleep {
    fn drop(&mut self) {
        self.deadlines.lock().unwrap_or_else(PoisonError::into_inner).all.remove(&self.key);
    }
}

/// Both clocks.
pub(crate) struct Clock {
    /// The clock of the client. Its pending timers are those of the client alone.
    pub(crate) client: KnownTimer,
    /// The clock of the servers, of the network, and of what the callers wait for beside the client.
    pub(crate) world: KnownTimer,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let deadlines = Arc::<Mutex<Deadlines>>::default();
        let timer = || KnownTimer { timer: ManualTimer::new(), deadlines: deadlines.clone() };
        Self { client: timer(), world: timer() }
    }

    pub(crate) fn now(&self) -> Instant {
        self.client.now()
    }

    /// Returns the time until the next deadline.
    pub(crate) fn until_next(&self) -> Option<Duration> {
        let deadlines = self.client.deadlines.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        deadlines.all.iter().map(|(at, _)| at.since(now)).find(|left| !left.is_zero())
    }

    /// Moves both clocks. The network is first: what arrives at the same moment as a limit ends has arrived.
    pub(crate) fn advance(&self, by: Duration) {
        self.world.timer.advance(by);
        self.client.timer.advance(by);
    }
}
