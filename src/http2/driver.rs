//! Drives a shared connection: the requests that use it poll it, and it has no task of its own.
//!
//! A connection has to be polled whenever bytes arrive or a request has queued frames. Each poll of a request does that
//! for all requests ([`ConnectionDriver::has_work`] says whether there is anything to do). When the transport wakes the
//! connection, the [`ConnectionDriver`] wakes the requests that waited last. They are the likeliest to be polled again:
//!
//! - A request that returns `Pending` becomes a candidate. A wake-up takes the candidates that were polled last.
//! - A poll that is ready does not drive the connection. A request whose stream was woken, or that has taken a piece of its
//!   body, is expected to be polled soon, and so is the next request. Without a candidate, the work waits for such a poll.
//! - A woken request that is dropped before it is polled hands the work on.
//! - A request may be woken and held without a poll. If no request has taken the work within [`PATIENCE`], all candidates
//!   are woken. A held request is then no candidate any more, so each request can delay the others once.
//! - Without a candidate, the idle task of the pool is woken.
//!
//! The library `h2` holds a lock while it wakes tasks, so it receives wakers that only set flags. The wakers of the callers are
//! called after the lock is released.

#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
mod wakers;

use std::sync::{Arc, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt;
use slab::Slab;

use self::wakers::{Candidates, ConnectionWaker, StreamWaker, WatchWaker};
use crate::runtime::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::runtime::sync::{Mutex, MutexGuard};
use crate::runtime::{StoredFuture, Timer, store};

/// How long woken requests may leave the connection without a poll before all requests are woken.
const PATIENCE: Duration = Duration::from_millis(20);

/// The number of requests that are woken when the transport has something to do.
const WOKEN: usize = 2;

/// Decides which request drives a connection.
pub(super) struct ConnectionDriver {
    /// Whether the connection has to be polled.
    has_work: AtomicBool,
    /// Whether requests were woken, and none has taken the work yet.
    is_unanswered: AtomicBool,
    /// The number of threads between [`enter`](Self::enter) and [`exit`](Self::exit).
    inside: AtomicUsize,
    /// Whether `DriverState::wakes` has an entry.
    has_wakes: AtomicBool,
    state: Mutex<DriverState>,
    timer: Arc<dyn Timer>,
}

#[derive(Default)]
struct DriverState {
    participants: Slab<Participant>,
    /// Participants in the order of their last polls. An entry with an older stamp than its participant's is void.
    order: Vec<(usize, u64)>,
    last_stamp: u64,
    /// Counts the wake-ups of the transport.
    wake_up: u64,
    /// The wakers of participants whose streams are ready. They are called when no lock is held.
    wakes: Vec<Waker>,
    /// The number of participants that are expected.
    expected: usize,
    /// Whether the last request has just left. The next request usually comes soon, so it counts as expected.
    expects_next: bool,
    /// Whether the unanswered work is left to an expected poll. A new candidate is then woken at once.
    is_left: bool,
    /// The pool's idle task, which drives the connection while no request waits.
    idle_task: Option<Waker>,
    /// Ends [`PATIENCE`] after the wake-up of this number.
    watch: Option<(u64, StoredFuture<()>)>,
    is_watching: bool,
    /// Whether the watch ended while it was being started.
    has_watch_ended: bool,
}

/// A request that uses the connection.
#[derive(Default)]
struct Participant {
    /// Present while the request waits.
    waker: Option<Waker>,
    /// Whether the request is being polled and has not looked at its stream yet. A wake-up of the stream is then not
    /// needed.
    is_driving: bool,
    /// Whether a poll comes soon: the request is new, its stream was woken, or its last poll was ready.
    is_expected: bool,
    stamp: u64,
    /// The number of the wake-up that woke the request.
    woken_by: u64,
}

impl ConnectionDriver {
    pub(super) fn new(timer: Arc<dyn Timer>) -> Arc<Self> {
        Arc::new(Self {
            // The preface and the first settings have to be written.
            has_work: AtomicBool::new(true),
            is_unanswered: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            has_wakes: AtomicBool::new(false),
            state: Mutex::default(),
            timer,
        })
    }

    /// Adds a request and returns its number. Its first poll is expected.
    pub(super) fn join(&self) -> usize {
        let mut state = self.lock();
        let id = state.participants.insert(Participant::default());
        state.expect(id);
        id
    }

    /// Removes a request. If it was woken and has not been polled, other requests are woken.
    pub(super) fn leave(self: &Arc<Self>, id: usize) {
        let mut state = self.lock();
        let participant = state.participants.remove(id);
        state.expected -= usize::from(participant.is_expected);
        state.expects_next = true;
        let was_last = participant.woken_by == state.wake_up || (participant.is_expected && state.expected == 0);
        drop(state);
        // A waker is foreign code, so it is dropped outside of the lock.
        drop(participant);
        if was_last && self.is_unanswered.swap(false, Ordering::SeqCst) && self.has_work() {
            self.wake_candidates(WOKEN);
        }
    }

    /// Begins the poll of a request, or another call into `h2`. `exit` must follow.
    pub(super) fn enter(&self) {
        self.inside.fetch_add(1, Ordering::SeqCst);
    }

    /// Keeps the waker of the request that is being polled. Its stream needs no wake-up until [`wait`](Self::wait).
    pub(super) fn begin(&self, id: usize, waker: &Waker) {
        let mut state = self.lock();
        let participant = &mut state.participants[id];
        participant.is_driving = true;
        let replaced = match &participant.waker {
            Some(known) if known.will_wake(waker) => None,
            _ => participant.waker.replace(waker.clone()),
        };
        drop(state);
        drop(replaced);
    }

    /// Makes the request a candidate, before it looks at its stream: from now on its stream wakes it.
    pub(super) fn wait(&self, id: usize) {
        let mut state = self.lock();
        let state = &mut *state;
        state.last_stamp += 1;
        let stamp = state.last_stamp;
        let participant = &mut state.participants[id];
        participant.is_driving = false;
        participant.stamp = stamp;
        state.expected -= usize::from(std::mem::take(&mut participant.is_expected));
        match state.order.last_mut() {
            Some(last) if last.0 == id => last.1 = stamp,
            _ => state.order.push((id, stamp)),
        }
        if state.order.len() > 2 * state.participants.len() + 16 {
            let participants = &state.participants;
            state.order.retain(|(id, stamp)| participants.get(*id).is_some_and(|found| found.stamp == *stamp));
        }
    }

    /// Ends the waiting of a request whose poll is ready: it is no candidate any more. If it was woken and has not driven
    /// the connection, [`exit`](Self::exit) wakes another request.
    pub(super) fn stop_waiting(&self, id: usize) {
        let mut state = self.lock();
        state.expect(id);
        let wake_up = state.wake_up;
        let participant = &mut state.participants[id];
        participant.is_driving = false;
        let waker = participant.waker.take();
        if participant.woken_by == wake_up {
            self.is_unanswered.store(false, Ordering::SeqCst);
        }
        drop(state);
        drop(waker);
    }

    /// Ends what [`enter`](Self::enter) began: calls the wakers of the streams that became ready. Returns `true` if there
    /// is work left and no request to wake, so that the caller has to drive the connection.
    pub(super) fn exit(self: &Arc<Self>) -> bool {
        self.inside.fetch_sub(1, Ordering::SeqCst);
        if self.has_wakes.swap(false, Ordering::SeqCst) {
            let wakes = std::mem::take(&mut self.lock().wakes);
            wakes.into_iter().for_each(Waker::wake);
        }
        self.has_work() && !self.wake_candidates(1)
    }

    /// Returns whether the connection has to be polled.
    pub(super) fn has_work(&self) -> bool {
        self.has_work.load(Ordering::SeqCst)
    }

    /// Takes the work. The caller polls the connection if this returns `true`.
    pub(super) fn take_work(&self) -> bool {
        let has_work = self.has_work.swap(false, Ordering::SeqCst);
        if has_work {
            self.is_unanswered.store(false, Ordering::SeqCst);
        }
        has_work
    }

    /// Lets the next drive poll the connection, although nothing has woken it.
    pub(super) fn add_work(&self) {
        self.has_work.store(true, Ordering::SeqCst);
    }

    /// Sets the task that drives the connection while no request waits.
    pub(super) fn set_idle_task(&self, waker: &Waker) {
        let mut state = self.lock();
        let replaced = match &state.idle_task {
            Some(known) if known.will_wake(waker) => None,
            _ => state.idle_task.replace(waker.clone()),
        };
        drop(state);
        drop(replaced);
    }

    /// Returns the waker of a request's stream, for `h2`.
    pub(super) fn stream_waker(self: &Arc<Self>, id: usize) -> Waker {
        Waker::from(Arc::new(StreamWaker { driver: Arc::downgrade(self), id }))
    }

    /// Returns the waker of the connection, for `h2` and the transport.
    pub(super) fn connection_waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::new(ConnectionWaker(Arc::downgrade(self))))
    }

    /// Wakes the candidates that were polled last, at most `count`. Returns whether a request is on its way to the work.
    fn wake_candidates(self: &Arc<Self>, count: usize) -> bool {
        let mut state = self.lock();
        let was_unanswered = self.is_unanswered.swap(true, Ordering::SeqCst);
        if !self.has_work() {
            // Another request took the work before this call. Left unanswered, the next work would wake no request until
            // the watch ends.
            self.is_unanswered.store(false, Ordering::SeqCst);
            return true;
        }
        if was_unanswered && !state.is_left {
            return true;
        }
        state.wake_up += 1;
        let wakers = state.take_candidates(count);
        state.is_left = wakers.is_empty();
        if was_unanswered && state.is_left {
            // The watch began with the earlier wake-up. A new number would let it wait again.
            state.wake_up -= 1;
            return true;
        }
        if wakers.is_empty() && !state.expects_poll() {
            self.is_unanswered.store(false, Ordering::SeqCst);
            let idle_task = state.idle_task.clone();
            drop(state);
            if let Some(waker) = &idle_task {
                waker.wake_by_ref();
            }
            return idle_task.is_some();
        }
        let begins_watch = !std::mem::replace(&mut state.is_watching, true);
        let wake_up = state.wake_up;
        drop(state);
        if begins_watch {
            self.watch(wake_up);
        }
        wakers.wake();
        true
    }

    /// Starts the time after which all candidates are woken.
    fn watch(self: &Arc<Self>, wake_up: u64) {
        let mut sleep = store(self.timer.sleep_until(self.timer.now() + PATIENCE));
        let waker = Waker::from(Arc::new(WatchWaker(Arc::downgrade(self))));
        let is_over = sleep.poll_unpin(&mut Context::from_waker(&waker)).is_ready();
        let mut state = self.lock();
        let replaced = state.watch.replace((wake_up, sleep));
        let has_ended = std::mem::take(&mut state.has_watch_ended);
        drop(state);
        drop(replaced);
        if is_over || has_ended {
            self.end_watch();
        }
    }

    /// Wakes all candidates if the wake-up that the watch began with is still unanswered.
    fn end_watch(self: &Arc<Self>) {
        let mut state = self.lock();
        let Some((wake_up, sleep)) = state.watch.take() else {
            state.has_watch_ended = true;
            return;
        };
        state.is_watching = false;
        let is_unanswered = self.is_unanswered.load(Ordering::SeqCst);
        let is_stuck = is_unanswered && wake_up == state.wake_up;
        if is_stuck {
            state.expect_none();
        }
        let wakers = if is_stuck { state.take_candidates(usize::MAX) } else { Candidates::default() };
        let idle_task = if is_stuck { state.idle_task.clone() } else { None };
        let again = (is_unanswered && !is_stuck) || !wakers.is_empty();
        if is_stuck && !again {
            // All woken requests are held, so the next request that waits has to be woken.
            self.is_unanswered.store(false, Ordering::SeqCst);
        }
        let wake_up = state.wake_up;
        state.is_watching = again;
        drop(state);
        drop(sleep);
        if again {
            self.watch(wake_up);
        }
        wakers.wake();
        idle_task.into_iter().for_each(Waker::wake);
    }

    /// Wakes all requests that wait, at the next [`exit`](Self::exit).
    pub(super) fn wake_waiting(&self) {
        let ids: Vec<_> = self.lock().participants.iter().map(|(id, _)| id).collect();
        ids.into_iter().for_each(|id| self.wake_stream(id));
    }

    /// Keeps the waker of a request whose stream is ready, to be called when no lock is held.
    fn wake_stream(&self, id: usize) {
        let mut state = self.lock();
        let Some(participant) = state.participants.get_mut(id).filter(|found| !found.is_driving) else { return };
        if let Some(waker) = participant.waker.take() {
            state.wakes.push(waker);
            state.expect(id);
            self.has_wakes.store(true, Ordering::SeqCst);
        }
    }

    fn lock(&self) -> MutexGuard<'_, DriverState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DriverState {
    /// Notes that a participant will be polled soon.
    fn expect(&mut self, id: usize) {
        let was_expected = std::mem::replace(&mut self.participants[id].is_expected, true);
        self.expected += usize::from(!was_expected);
    }

    /// Returns whether a poll is expected. A request that may come counts only if the idle task can replace it.
    fn expects_poll(&self) -> bool {
        self.expected > 0 || (self.expects_next && self.idle_task.is_some())
    }

    /// Notes that no participant has been polled in time.
    fn expect_none(&mut self) {
        self.participants.iter_mut().for_each(|(_, participant)| participant.is_expected = false);
        (self.expected, self.expects_next) = (0, false);
    }

    /// Takes the wakers of the candidates that were polled last.
    fn take_candidates(&mut self, count: usize) -> Candidates {
        let mut wakers = Candidates::default();
        while wakers.len() < count {
            let Some((id, stamp)) = self.order.pop() else { break };
            let Some(participant) = self.participants.get_mut(id).filter(|found| found.stamp == stamp) else {
                continue;
            };
            if let Some(waker) = participant.waker.take() {
                participant.woken_by = self.wake_up;
                wakers.push(waker);
            }
        }
        wakers
    }
}
