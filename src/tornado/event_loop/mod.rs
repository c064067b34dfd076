//! The event loop: Tornado's `IOLoop` over the traits of [`runtime`](crate::runtime).

mod periodic;
mod turns;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::abortable;

pub use self::periodic::Periodic;
pub use self::turns::Scheduled;
use self::turns::Turns;
use crate::platform;
use crate::runtime::{Executor, Instant, MaybeSend, Timer};

/// Runs futures: to their end on this thread (natively), or in the background; and functions, in turn or at their time.
///
/// The client needs none; it is for programs that have no executor of their own. A clone is another handle of the same
/// loop. It lives as long as something is left for it to do, and needs no start: its executor runs it.
///
/// # Platform
/// Natively what runs in the background runs on one thread of the process that is not the caller's, unless the loop was
/// made [over another executor](Self::over). In a browser it runs on the page's or worker's own, after the present call.
///
/// # Examples
///
/// ```
/// use waterspout::tornado::EventLoop;
///
/// assert_eq!(EventLoop::new().run_sync(async { 6 * 7 }), 42);
/// ```
#[derive(Clone)]
pub struct EventLoop {
    executor: Arc<dyn Executor>,
    timer: Arc<dyn Timer>,
    turns: Arc<Turns>,
}

impl EventLoop {
    /// A loop over the platform's own executor and clock.
    pub fn new() -> Self {
        Self::over(platform::default_executor(), platform::default_timer())
    }

    /// A loop over an executor and a clock of the program's own.
    pub fn over(executor: impl Executor, timer: impl Timer) -> Self {
        let (executor, timer): (Arc<dyn Executor>, Arc<dyn Timer>) = (Arc::new(executor), Arc::new(timer));
        let turns = Turns::new(executor.clone(), timer.clone());
        Self { executor, timer, turns }
    }

    /// The executor, for [`Client::fetch_with`](crate::Client::fetch_with) and
    /// [`Pending::on_done`](crate::tornado::Pending::on_done).
    pub fn executor(&self) -> Arc<dyn Executor> {
        self.executor.clone()
    }

    /// The clock.
    pub fn timer(&self) -> Arc<dyn Timer> {
        self.timer.clone()
    }

    /// The present point in time on the loop's clock.
    pub fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Runs `task` in the background: natively on another thread, in a browser on this one, later.
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.executor.spawn(Box::pin(task));
    }

    /// Completes after `delay`.
    ///
    /// # Cancellation
    /// Dropping the future drops the timer.
    pub fn sleep(&self, delay: Duration) -> impl Future<Output = ()> + MaybeSend + use<> {
        self.timer.sleep_until(self.timer.now() + delay)
    }

    /// Calls `callback` on the next turn of the loop, never within this call.
    ///
    /// Callbacks run one at a time, in the order in which they were added; one that is added by another waits for the turn
    /// after. A turn runs the callbacks first, and then those whose time has come. Natively any thread may add one. One
    /// that panics does not keep the others from running.
    pub fn add_callback(&self, callback: impl FnOnce() + MaybeSend + 'static) {
        self.turns.add(Box::new(callback));
    }

    /// Calls `callback` after `delay`, unless it is cancelled before. Dropping the handle does not cancel it.
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + MaybeSend + 'static) -> Scheduled {
        self.call_at(self.now() + delay, callback)
    }

    /// Calls `callback` at `deadline` on the loop's clock or soon after, unless it is cancelled before; those of the same
    /// time in the order in which they were added. Dropping the handle does not cancel it.
    pub fn call_at(&self, deadline: Instant, callback: impl FnOnce() + MaybeSend + 'static) -> Scheduled {
        self.turns.schedule(deadline, Box::new(callback))
    }

    /// Calls `callback` every `period`, for the first time one period from now, until it is stopped. Dropping the handle
    /// does not stop it. A period below a millisecond is taken as one.
    ///
    /// What it returns is awaited before the next time. Times that pass meanwhile are left out, and those that remain keep
    /// to the same beat: calls do not pile up.
    ///
    /// `jitter` is the part of the period, from 0 to 1, by which each varies at random: with 0.1 it lasts 95 to 105 per
    /// cent. It keeps many programs from doing the same thing at the same time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let ticks = EventLoop::new().call_every(Duration::from_secs(60), 0.1, || async { println!("tick") });
    /// ticks.stop();
    /// ```
    pub fn call_every<F>(
        &self,
        period: Duration,
        jitter: f64,
        callback: impl FnMut() -> F + MaybeSend + 'static,
    ) -> Periodic
    where
        F: Future<Output = ()> + MaybeSend + 'static,
    {
        let (task, handle) = abortable(periodic::run(self.timer.clone(), period, jitter, callback));
        self.spawn(task.map(drop));
        Periodic::new(handle)
    }
}

impl Default for EventLoop {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (callbacks, timers) = self.turns.counts();
        f.debug_struct("EventLoop").field("callbacks", &callbacks).field("timers", &timers).finish_non_exhaustive()
    }
}
