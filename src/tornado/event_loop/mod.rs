//! The event loop: Tornado's `IOLoop` over the traits of [`runtime`](crate::runtime).

mod callbacks;
mod periodic;
mod time_limit;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::abortable;

use self::callbacks::CallbackQueue;
pub use self::callbacks::Scheduled;
pub use self::periodic::Periodic;
pub use self::time_limit::{TimedOut, with_timeout};
use crate::platform;
use crate::runtime::{Executor, Instant, MaybeSend, Timer};

/// Runs futures and callbacks: a future to its end on this thread (natively) or in the background, a callback on the
/// next turn or at a given time.
///
/// A client needs no event loop; this is for programs that have no executor of their own. A clone is another handle of
/// the same loop. The loop needs no start, because its executor runs it, and it holds no task while it has nothing to
/// do.
///
/// # Platform
/// Natively background work runs on a thread of the loop's own, unless the loop was made
/// [over another executor](Self::over). So a callback that blocks delays the other callbacks and tasks of its loop, and
/// neither other loops nor requests. The first task or callback starts the thread. It ends once all handles of the loop
/// are dropped and its tasks and callbacks have ended. If the system refuses the thread, a task is dropped, and a
/// callback waits until the next callback is added. A child of `fork` has no thread of its parent's loops; it needs a
/// loop of its own.
///
/// In a browser there is a single thread: background work runs on it after the present call, and a callback that blocks
/// delays everything, time limits included.
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
    pub(crate) executor: platform::LoopExecutor,
    timer: Arc<dyn Timer>,
    callbacks: Arc<CallbackQueue>,
}

impl EventLoop {
    /// Makes a loop with an executor of its own, natively a thread, and over the platform's clock.
    pub fn new() -> Self {
        Self::with(platform::default_loop_executor(), platform::default_timer())
    }

    /// Makes a loop over an executor and a clock of the program's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::testing::ManualTimer;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let timer = ManualTimer::new();
    /// let event_loop = EventLoop::over(EventLoop::new().executor(), timer.clone());
    /// timer.advance(Duration::from_secs(3));
    /// assert_eq!(event_loop.now().since_origin(), Duration::from_secs(3));
    /// ```
    pub fn over(executor: impl Executor, timer: impl Timer) -> Self {
        Self::with(platform::loop_executor(Arc::new(executor)), Arc::new(timer))
    }

    fn with(executor: platform::LoopExecutor, timer: Arc<dyn Timer>) -> Self {
        let callbacks = CallbackQueue::new(Arc::new(executor.clone()), timer.clone());
        Self { executor, timer, callbacks }
    }

    /// Returns the executor, for [`Client::fetch_with`](crate::Client::fetch_with) and
    /// [`Pending::on_done`](crate::tornado::Pending::on_done).
    pub fn executor(&self) -> Arc<dyn Executor> {
        Arc::new(self.executor.clone())
    }

    /// Returns the clock.
    pub fn timer(&self) -> Arc<dyn Timer> {
        self.timer.clone()
    }

    /// Returns the present time on the loop's clock.
    pub fn now(&self) -> Instant {
        self.timer.now()
    }

    /// Runs `task` in the background: natively on another thread, in a browser on this thread after the present call.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::tornado::{EventLoop, promise};
    ///
    /// let (promise, pending) = promise();
    /// EventLoop::new().spawn(async move {
    ///     promise.resolve(42);
    /// });
    /// assert_eq!(futures::executor::block_on(pending)?, 42);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        self.executor.spawn(Box::pin(task));
    }

    /// Completes after `delay`.
    ///
    /// # Cancellation
    /// Dropping the future drops the timer.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let event_loop = EventLoop::new();
    /// let started = event_loop.now();
    /// event_loop.run_sync(event_loop.sleep(Duration::from_millis(10)));
    /// assert!(event_loop.now().since(started) >= Duration::from_millis(10));
    /// ```
    pub fn sleep(&self, delay: Duration) -> impl Future<Output = ()> + MaybeSend + use<> {
        self.timer.sleep_until(self.timer.now() + delay)
    }

    /// Calls `callback` on the next turn of the loop, never within this call.
    ///
    /// Callbacks run in the order in which they were added, never two at a time. A callback that is added by another
    /// callback runs on the turn after. A turn runs the callbacks first, and then the timed callbacks that are due.
    /// Natively any thread may add a callback. A callback that panics does not keep the other callbacks from running.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let event_loop = EventLoop::new();
    /// for number in [1, 2, 3] {
    ///     let sender = sender.clone();
    ///     event_loop.add_callback(move || sender.send(number).unwrap());
    /// }
    /// drop(sender);
    /// assert_eq!(receiver.iter().collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn add_callback(&self, callback: impl FnOnce() + MaybeSend + 'static) {
        self.callbacks.add(Box::new(callback));
    }

    /// Calls `callback` after `delay`, unless it is [cancelled](Scheduled::cancel) before. Dropping the handle does not
    /// cancel it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// EventLoop::new().call_later(Duration::from_millis(5), move || sender.send("five milliseconds").unwrap());
    /// assert_eq!(receiver.recv(), Ok("five milliseconds"));
    /// ```
    pub fn call_later(&self, delay: Duration, callback: impl FnOnce() + MaybeSend + 'static) -> Scheduled {
        self.call_at(self.now() + delay, callback)
    }

    /// Calls `callback` at `deadline` on the loop's clock or soon after, unless it is [cancelled](Scheduled::cancel)
    /// before. Callbacks with the same deadline run in the order in which they were added. Dropping the handle does not
    /// cancel it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let (sender, receiver) = mpsc::channel();
    /// let event_loop = EventLoop::new();
    /// let deadline = event_loop.now() + Duration::from_millis(5);
    /// let scheduled = event_loop.call_at(deadline, move || sender.send(()).unwrap());
    /// assert_eq!(scheduled.deadline(), deadline);
    /// assert!(receiver.recv().is_ok());
    /// ```
    pub fn call_at(&self, deadline: Instant, callback: impl FnOnce() + MaybeSend + 'static) -> Scheduled {
        self.callbacks.schedule(deadline, Box::new(callback))
    }

    /// Calls `callback` every `period` until it is [stopped](Periodic::stop), for the first time a period from now.
    /// Dropping the handle does not stop it. A period below 1 ms is taken as 1 ms.
    ///
    /// The future that `callback` returns is awaited before the next call. Calls whose time passes meanwhile are left
    /// out, and later calls keep to the same beat, so calls do not pile up.
    ///
    /// `jitter`, from 0 to 1, is the part of the period by which each period varies at random: with 0.1 a period lasts
    /// 95 % to 105 %. It keeps many programs from doing the same work at the same moment.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let ticks = EventLoop::new().call_every(Duration::from_secs(60), 0.1, || async { println!("tick") });
    /// ticks.stop();
    /// assert!(ticks.is_stopped());
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
        // Each periodic call is a task of its own: a callback that waits does not delay other callbacks.
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
        let (callbacks, timers) = self.callbacks.counts();
        f.debug_struct("EventLoop").field("callbacks", &callbacks).field("timers", &timers).finish_non_exhaustive()
    }
}
