//! The turns of a loop: callbacks in order, and those whose time has come, by one task that is there only while there is
//! something to do.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use crate::runtime::{BoxFuture, Executor, Instant, MaybeSend, Timer};

/// A function to be called once, boxed: `Send` where there are threads.
pub(super) trait Callback: MaybeSend {
    fn call(self: Box<Self>);
}

impl<F: FnOnce() + MaybeSend> Callback for F {
    fn call(self: Box<Self>) {
        self();
    }
}

/// A callback that may be cancelled until it runs.
type Slot = Arc<Mutex<Option<Box<dyn Callback>>>>;

/// By deadline, then by the order in which they were added.
type Key = (Instant, u64);

/// What a loop has to do.
pub(super) struct Turns {
    executor: Arc<dyn Executor>,
    timer: Arc<dyn Timer>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Work>,
    timers: BTreeMap<Key, Slot>,
    added: u64,
    /// Whether there is a driver, and what wakes it.
    driven: bool,
    waker: Option<Waker>,
}

enum Work {
    Callback(Box<dyn Callback>),
    /// One whose time has come; it can still be cancelled.
    Due(Slot),
}

impl Work {
    fn run(self) {
        let callback = match self {
            Self::Callback(callback) => Some(callback),
            Self::Due(slot) => take(&slot),
        };
        callback.into_iter().for_each(Callback::call);
    }
}

fn take(slot: &Slot) -> Option<Box<dyn Callback>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

impl Turns {
    #[allow(clippy::arc_with_non_send_sync, reason = "callbacks are not `Send` where there are no threads")]
    pub(super) fn new(executor: Arc<dyn Executor>, timer: Arc<dyn Timer>) -> Arc<Self> {
        Arc::new(Self { executor, timer, state: Mutex::default() })
    }

    pub(super) fn add(self: &Arc<Self>, callback: Box<dyn Callback>) {
        let mut state = self.lock();
        state.ready.push_back(Work::Callback(callback));
        self.drive(state);
    }

    #[allow(clippy::arc_with_non_send_sync, reason = "callbacks are not `Send` where there are no threads")]
    pub(super) fn schedule(self: &Arc<Self>, deadline: Instant, callback: Box<dyn Callback>) -> Scheduled {
        let slot = Arc::new(Mutex::new(Some(callback)));
        let mut state = self.lock();
        state.added += 1;
        let key = (deadline, state.added);
        state.timers.insert(key, slot.clone());
        if state.first() == Some(key) {
            self.drive(state);
        }
        Scheduled { turns: Arc::downgrade(self), key, slot }
    }

    /// How many callbacks and timers there are.
    pub(super) fn counts(&self) -> (usize, usize) {
        let state = self.lock();
        (state.ready.len(), state.timers.len())
    }

    /// Sees to it that somebody looks at what has changed.
    fn drive(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        let driven = std::mem::replace(&mut state.driven, true);
        let waker = state.waker.take();
        drop(state);
        if !driven {
            self.executor.spawn(Box::pin(Driver { turns: self.clone(), alarm: None, calling: false, over: false }));
        }
        waker.into_iter().for_each(Waker::wake);
    }

    /// Moves what is due behind the callbacks, and says how many there are to run in this turn.
    fn begin(&self) -> usize {
        let now = self.timer.now();
        let mut state = self.lock();
        while let Some(entry) = state.timers.first_entry().filter(|entry| entry.key().0 <= now) {
            let slot = entry.remove();
            state.ready.push_back(Work::Due(slot));
        }
        state.ready.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn first(&self) -> Option<Key> {
        self.timers.first_key_value().map(|(key, _)| *key)
    }
}

/// The task behind a loop.
struct Driver {
    turns: Arc<Turns>,
    alarm: Option<(Instant, BoxFuture<'static, ()>)>,
    /// Whether a callback runs: if so when the driver is dropped, it has panicked.
    calling: bool,
    over: bool,
}

impl Driver {
    /// One turn: what was ready at its start.
    fn turn(&mut self) {
        for _ in 0..self.turns.begin() {
            let Some(work) = self.turns.lock().ready.pop_front() else { break };
            self.calling = true;
            work.run();
            self.calling = false;
        }
    }

    /// When to come again: the deadline to wait for, or now. `None` if there is nothing left to do.
    fn next(&mut self, cx: &Context<'_>) -> Option<Option<Instant>> {
        let mut state = self.turns.lock();
        let next = match (state.ready.is_empty(), state.first()) {
            (false, _) => Some(None),
            (true, Some((deadline, _))) => Some(Some(deadline)),
            (true, None) => None,
        };
        self.over = next.is_none();
        state.driven = next.is_some();
        let before = std::mem::replace(&mut state.waker, next.map(|_| cx.waker().clone()));
        drop(state);
        drop(before);
        next
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.turn();
        let Some(next) = this.next(cx) else {
            this.alarm = None;
            return Poll::Ready(());
        };
        let Some(deadline) = next else {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        };
        let alarm = match this.alarm.take().filter(|(at, _)| *at == deadline) {
            Some(alarm) => this.alarm.insert(alarm),
            None => this.alarm.insert((deadline, this.turns.timer.sleep_until(deadline))),
        };
        if alarm.1.as_mut().poll(cx).is_ready() {
            this.alarm = None;
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let mut state = self.turns.lock();
        state.driven = false;
        // After a panic another driver goes on; if the executor has ended, whatever is added next asks it once more.
        if self.calling && !(state.ready.is_empty() && state.timers.is_empty()) {
            self.turns.drive(state);
        }
    }
}

/// A handle of a callback that has a time: [`EventLoop::call_later`](super::EventLoop::call_later).
#[derive(Clone)]
pub struct Scheduled {
    turns: Weak<Turns>,
    key: Key,
    slot: Slot,
}

impl Scheduled {
    /// Keeps the callback from running, and drops it; says whether it was in time. After the callback has run, or been
    /// cancelled before, this does nothing.
    pub fn cancel(&self) -> bool {
        let callback = take(&self.slot);
        if let Some(turns) = self.turns.upgrade() {
            let mut state = turns.lock();
            let was_first = state.first() == Some(self.key);
            let removed = state.timers.remove(&self.key);
            if was_first {
                // The driver waits for what will not come: it is to look again, or to end.
                turns.drive(state);
            } else {
                drop(state);
            }
            drop(removed);
        }
        callback.is_some()
    }

    /// The time at which the callback is or was to run.
    pub fn deadline(&self) -> Instant {
        self.key.0
    }

    /// Whether the callback is still to run.
    pub fn is_pending(&self) -> bool {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl fmt::Debug for Scheduled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (deadline, pending) = (self.deadline(), self.is_pending());
        f.debug_struct("Scheduled").field("deadline", &deadline).field("pending", &pending).finish_non_exhaustive()
    }
}
