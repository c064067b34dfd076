//! The callbacks of an event loop, and the task that runs them.
//!
//! An [`EventLoop`](super::EventLoop) adds callbacks to its [`CallbackQueue`]. Ready callbacks run in the order in
//! which they were added. Timed callbacks become ready at their deadline. The first callback spawns a [`Driver`] on the
//! loop's executor. The driver works in turns: it moves the timed callbacks that are due behind the ready callbacks,
//! runs all callbacks that were ready when the turn began, and sleeps until the next deadline. It ends when no callback
//! is left, so an idle loop holds neither a task nor a timer, and a program in Node can exit.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::runtime::{BoxFuture, Executor, Instant, MaybeSend, Timer};

/// A function that is called once. A trait of its own, so that its boxed form is `Send` where threads exist.
pub(super) trait LoopCallback: MaybeSend {
    fn call(self: Box<Self>);
}

impl<F: FnOnce() + MaybeSend> LoopCallback for F {
    fn call(self: Box<Self>) {
        self();
    }
}

/// A callback that can be cancelled until it runs: it is taken out either to run or to be dropped.
type TimedCallback = Arc<Mutex<Option<Box<dyn LoopCallback>>>>;

/// The order of timed callbacks: by deadline, then by the number of callbacks added before.
type TimerKey = (Instant, u64);

/// The callbacks of a loop.
pub(super) struct CallbackQueue {
    executor: Arc<dyn Executor>,
    timer: Arc<dyn Timer>,
    state: Mutex<CallbackQueueState>,
}

#[derive(Default)]
struct CallbackQueueState {
    ready: VecDeque<ReadyCallback>,
    /// A cancelled callback is removed at once, so this map needs no compaction.
    timed: BTreeMap<TimerKey, TimedCallback>,
    /// How many timed callbacks have ever been added.
    added: u64,
    /// Whether a driver exists.
    has_driver: bool,
    /// Wakes the driver.
    waker: Option<Waker>,
}

enum ReadyCallback {
    Immediate(Box<dyn LoopCallback>),
    /// A timed callback that is due. It can still be cancelled.
    Due(TimedCallback),
}

impl ReadyCallback {
    fn run(self) {
        let callback = match self {
            Self::Immediate(callback) => Some(callback),
            Self::Due(timed) => take(&timed),
        };
        if let Some(callback) = callback {
            callback.call();
        }
    }
}

fn take(callback: &TimedCallback) -> Option<Box<dyn LoopCallback>> {
    callback.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl CallbackQueue {
    #[allow(clippy::arc_with_non_send_sync, reason = "callbacks are not `Send` where there are no threads")]
    pub(super) fn new(executor: Arc<dyn Executor>, timer: Arc<dyn Timer>) -> Arc<Self> {
        Arc::new(Self { executor, timer, state: Mutex::default() })
    }

    /// Adds a callback for the next turn.
    pub(super) fn add(self: &Arc<Self>, callback: Box<dyn LoopCallback>) {
        let mut state = self.lock();
        state.ready.push_back(ReadyCallback::Immediate(callback));
        self.wake_driver(state);
    }

    /// Adds a callback for the first turn after `deadline`.
    #[allow(clippy::arc_with_non_send_sync, reason = "callbacks are not `Send` where there are no threads")]
    pub(super) fn schedule(self: &Arc<Self>, deadline: Instant, callback: Box<dyn LoopCallback>) -> Scheduled {
        let callback = Arc::new(Mutex::new(Some(callback)));
        let mut state = self.lock();
        state.added += 1;
        let key = (deadline, state.added);
        state.timed.insert(key, callback.clone());
        // The driver sleeps until the first deadline, so a later deadline does not concern it. There is no driver if the
        // executor dropped its task.
        if state.first() == Some(key) || !state.has_driver {
            self.wake_driver(state);
        }
        Scheduled { queue: Arc::downgrade(self), key, callback }
    }

    /// Returns how many ready and how many timed callbacks there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.ready.len(), state.timed.len())
    }

    /// Wakes the driver, or spawns it if there is none. Releases the lock first, because both are foreign code.
    fn wake_driver(self: &Arc<Self>, mut state: MutexGuard<'_, CallbackQueueState>) {
        let had_driver = std::mem::replace(&mut state.has_driver, true);
        let waker = state.waker.take();
        drop(state);
        if !had_driver {
            let driver = Driver { queue: self.clone(), sleep: None, in_callback: false, is_finished: false };
            self.executor.spawn(Box::pin(driver));
        }
        waker.into_iter().for_each(Waker::wake);
    }

    /// Moves the timed callbacks that are due behind the ready callbacks. Returns how many callbacks the turn runs.
    fn begin_turn(&self) -> usize {
        let now = self.timer.now();
        let mut state = self.lock();
        while let Some(entry) = state.timed.first_entry().filter(|entry| entry.key().0 <= now) {
            let callback = entry.remove();
            state.ready.push_back(ReadyCallback::Due(callback));
        }
        state.ready.len()
    }

    fn lock(&self) -> MutexGuard<'_, CallbackQueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallbackQueueState {
    fn first(&self) -> Option<TimerKey> {
        self.timed.first_key_value().map(|(key, _)| *key)
    }
}

/// When the driver runs its next turn.
#[derive(Clone, Copy)]
enum NextTurn {
    Now,
    At(Instant),
    /// No callback is left.
    Never,
}

/// The task that runs the callbacks of a loop.
struct Driver {
    queue: Arc<CallbackQueue>,
    /// The timer for the next deadline.
    sleep: Option<(Instant, BoxFuture<'static, ()>)>,
    /// Whether a callback is running. If it is still set when the driver is dropped, that callback has panicked.
    in_callback: bool,
    is_finished: bool,
}

impl Driver {
    /// Runs the callbacks that are ready when the turn begins. Callbacks that they add wait for the next turn.
    fn run_turn(&mut self) {
        for _ in 0..self.queue.begin_turn() {
            // The lock is released at the end of this line: the callback may add other callbacks.
            let Some(callback) = self.queue.lock().ready.pop_front() else { break };
            self.in_callback = true;
            callback.run();
            self.in_callback = false;
        }
    }

    /// Decides when the next turn runs, and stores the driver's waker unless no callback is left.
    fn next_turn(&mut self, cx: &Context<'_>) -> NextTurn {
        let mut state = self.queue.lock();
        let next = match (state.ready.is_empty(), state.first()) {
            (false, _) => NextTurn::Now,
            (true, Some((deadline, _))) => NextTurn::At(deadline),
            (true, None) => NextTurn::Never,
        };
        self.is_finished = matches!(next, NextTurn::Never);
        // Under the lock, so that the next callback that is added finds this driver or spawns another.
        state.has_driver = !self.is_finished;
        let waker = (!self.is_finished).then(|| cx.waker().clone());
        let replaced = std::mem::replace(&mut state.waker, waker);
        drop(state);
        drop(replaced);
        next
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.run_turn();
        let deadline = match this.next_turn(cx) {
            NextTurn::Never => {
                this.sleep = None;
                return Poll::Ready(());
            }
            // The executor's other tasks run before the next turn.
            NextTurn::Now => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            NextTurn::At(deadline) => deadline,
        };
        let sleep = match this.sleep.take().filter(|(at, _)| *at == deadline) {
            Some(sleep) => this.sleep.insert(sleep),
            None => this.sleep.insert((deadline, this.queue.timer.sleep_until(deadline))),
        };
        if sleep.1.as_mut().poll(cx).is_ready() {
            this.sleep = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let mut state = self.queue.lock();
        state.has_driver = false;
        // After a panic another driver runs the remaining callbacks. If the executor was shut down instead, spawning at
        // once would fail again: the next callback that is added tries.
        if self.in_callback && !(state.ready.is_empty() && state.timed.is_empty()) {
            self.queue.wake_driver(state);
        }
    }
}

/// A handle of a timed callback, returned by [`EventLoop::call_later`](super::EventLoop::call_later) and
/// [`EventLoop::call_at`](super::EventLoop::call_at). Dropping it does not cancel the callback.
#[derive(Clone)]
pub struct Scheduled {
    queue: Weak<CallbackQueue>,
    key: TimerKey,
    callback: TimedCallback,
}

impl Scheduled {
    /// Cancels the callback and drops it. Returns whether it was still pending; after it has run, or has been cancelled
    /// before, this does nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::tornado::EventLoop;
    ///
    /// let scheduled = EventLoop::new().call_later(Duration::from_secs(60), || println!("a minute has passed"));
    /// assert!(scheduled.cancel());
    /// assert!(!scheduled.cancel() && !scheduled.is_pending());
    /// ```
    pub fn cancel(&self) -> bool {
        let callback = take(&self.callback);
        if let Some(queue) = self.queue.upgrade() {
            let mut state = queue.lock();
            let was_first = state.first() == Some(self.key);
            let removed = state.timed.remove(&self.key);
            if was_first {
                // The driver sleeps until this deadline. It is woken to sleep until the next deadline, or to end.
                queue.wake_driver(state);
            } else {
                drop(state);
            }
            drop(removed);
        }
        callback.is_some()
    }

    /// Returns the time at which the callback runs, ran, or would have run.
    pub fn deadline(&self) -> Instant {
        self.key.0
    }

    /// Returns whether the callback has neither run nor been cancelled.
    pub fn is_pending(&self) -> bool {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scheduled")
            .field("deadline", &self.deadline())
            .field("pending", &self.is_pending())
            .finish_non_exhaustive()
    }
}
