//! The timer queue of a client: any number of sleeps share a single timer of the backend's.
//!
//! Each sleep that was polled has an entry in a heap, soonest first, and only the soonest time is set on the client's
//! [`Timer`]. The leader holds the future of that timer. Browsers do not use this file (`platform/browser/sleep.rs`).
//!
//! 1. A sleep that is polled stores its task's waker in its entry. If there is no leader, or the leader's timer is set
//!    for later than the soonest entry, the sleep becomes the leader: it asks the `Timer` for a future and keeps it.
//! 2. The leader polls that future once, with a [`FireWaker`] of the queue. So the timer reaches the queue even if the
//!    leader's task is never polled again.
//! 3. When the timer fires, the queue wakes the task of each entry that is due. The leader's timer is spent, so the
//!    queue has no leader any more. A leader that is dropped, set again or completed gives up the lead, too.
//! 4. Natively the queue then leads itself: it sets the timer for the soonest entry and holds its future. So no sleep
//!    depends on the task of another sleep, which may be held without a poll, or wait for a thread that blocks.
//!    Over a timer that is itself shared, the queue leads from the first sleep on, and its timer stays set when the last
//!    sleep leaves: the next request finds it set. It fires for no sleep at most once. A request whose limit passes
//!    later needs no sleep until then, see [`cover`].
//!
//! On WASI the queue cannot hold a future: a client owns the queue and must be `Send`, and futures are not. Step 4 is
//! different there:
//!
//! 5. The queue wakes at most 4 ([`CANDIDATES`](state::CANDIDATES)) of the remaining tasks. The first that polls its
//!    sleep becomes the leader, as in step 1. Other candidates find a leader and wait on.
//! 6. The owner of a sleep calls `pause()` so that the sleep wakes no task until its next poll. The sleep may have been
//!    woken as a candidate, so `pause()` wakes other candidates if there is no leader.
//!
//! Several candidates are woken because a program may hold a future without polling it: its task never answers. Not all
//! tasks are woken: each timer that fires would wake every waiting task of the client. If no candidate polls, no timer
//! is set until any sleep is polled, reset or dropped. At least 3 candidates are woken if as many wait, so up to 2 held
//! futures delay no other sleep.
//!
//! Timers and wakers are foreign code, which may call the queue again. They are called and dropped outside of the lock.

mod cover;
mod state;

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};

use self::cover::Cover;
use self::state::{EntryId, Leader, TimerQueueState};
use crate::platform::current::HeldTimer;
use crate::runtime::lock::Lock;
use crate::runtime::sleep::Sleep;
use crate::runtime::sync::MutexGuard;
use crate::runtime::{BoxFuture, Instant, Timer};

/// The clock of a client, and the sleeps that are set on it. A clone is another handle of the same queue.
#[derive(Clone)]
pub(crate) struct TimerQueue(Arc<TimerQueueShared>);

struct TimerQueueShared {
    timer: Arc<dyn Timer>,
    state: Lock<TimerQueueState>,
    /// The timer of the queue, while the queue leads.
    held: HeldTimer,
    /// Whether the queue can lead.
    can_lead: bool,
    /// Whether the queue always leads, and its timer stays set when no sleep waits.
    stays_set: bool,
    /// The sleeps that the timer covers while it stays set.
    cover: Cover,
}

impl From<Arc<dyn Timer>> for TimerQueue {
    /// Makes an empty queue over `timer`.
    fn from(timer: Arc<dyn Timer>) -> Self {
        Self::with(timer, HeldTimer::CAN_HOLD)
    }
}

impl TimerQueue {
    /// Makes an empty queue over a timer whose sleeps share a single timer. To keep a sleep of `timer` costs nothing, and
    /// a new sleep for each request costs two allocations.
    #[allow(dead_code, reason = "only a platform with a shared timer calls it")]
    pub(crate) fn over_shared(timer: Arc<dyn Timer>) -> Self {
        Self::make(timer, HeldTimer::CAN_HOLD, HeldTimer::CAN_HOLD)
    }

    fn with(timer: Arc<dyn Timer>, can_lead: bool) -> Self {
        Self::make(timer, can_lead, false)
    }

    fn make(timer: Arc<dyn Timer>, can_lead: bool, stays_set: bool) -> Self {
        Self(Arc::new(TimerQueueShared {
            timer,
            state: Lock::default(),
            held: HeldTimer::default(),
            can_lead,
            stays_set,
            cover: Cover::default(),
        }))
    }

    /// Wakes the tasks that are due, and finds the next leader. Called when the timer of `leader` fires.
    fn fire(&self, leader: u64) {
        let now = self.now();
        let mut state = self.lock();
        // The timer of an earlier leader has nothing to say: a later leader has set another.
        if state.leader.is_none_or(|present| present.number != leader) {
            return;
        }
        state.leader = None;
        self.0.cover.set_fires_at(None);
        let mut due = state.take_due(now);
        due.extend(self.0.cover.take_used());
        self.find_leader(state, due);
    }

    /// Finds the next leader, if there is none. Then wakes `wakers`, without the lock.
    fn find_leader(&self, mut state: MutexGuard<'_, TimerQueueState>, mut wakers: Vec<Waker>) {
        if !self.0.can_lead {
            state.take_candidates(&mut wakers);
            drop(state);
            return wakers.into_iter().for_each(wake);
        }
        let ended = if self.0.stays_set { None } else { state.end_lead() };
        if let Some(number) = ended {
            drop(state);
            self.0.held.store(number, None);
        } else {
            let leader = state.begin_lead();
            self.0.cover.set_fires_at(state.leader);
            drop(state);
            if let Some(leader) = leader {
                wakers.extend(self.lead(leader));
            }
        }
        wakers.into_iter().for_each(wake);
    }

    /// Sets the backend's timer, and holds it. If the time has come meanwhile, sets the next timer, and returns the
    /// wakers of the tasks that are due.
    fn lead(&self, mut leader: Leader) -> Vec<Waker> {
        let mut wakers = Vec::new();
        loop {
            let (timer, has_passed) = self.set_timer(leader);
            if !has_passed {
                self.0.held.store(leader.number, Some(timer));
                return wakers;
            }
            let now = self.now();
            let mut state = self.lock();
            state.leader.take_if(|present| present.number == leader.number);
            self.0.cover.set_fires_at(state.leader);
            wakers.extend(state.take_due(now));
            wakers.extend(self.0.cover.take_used());
            if state.soonest().is_some_and(|at| at <= leader.at) {
                // The timer has fired too early. Set again here, it could do so without end, so a task has to set it.
                state.take_candidates(&mut wakers);
                return wakers;
            }
            let next = state.begin_lead();
            self.0.cover.set_fires_at(state.leader);
            match next {
                Some(next) => leader = next,
                None => return wakers,
            }
        }
    }

    /// Returns the future of the backend's timer, which was polled once, and whether its time has come.
    fn set_timer(&self, leader: Leader) -> (BoxFuture<'static, ()>, bool) {
        let mut timer = self.0.timer.sleep_until(leader.at);
        let waker = Waker::from(Arc::new(FireWaker { queue: Arc::downgrade(&self.0), leader: leader.number }));
        let has_passed = timer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
        (timer, has_passed)
    }

    fn lock(&self) -> MutexGuard<'_, TimerQueueState> {
        self.0.state.lock()
    }
}

/// The timer that the parts below the client use: their sleeps join the same queue.
impl Timer for TimerQueue {
    fn now(&self) -> Instant {
        self.0.timer.now()
    }

    fn sleep_until(&self, deadline: Instant) -> BoxFuture<'static, ()> {
        let mut sleep = QueuedSleep::new(self);
        sleep.reset(Some(deadline));
        Box::pin(poll_fn(move |cx| sleep.poll(cx)))
    }
}

/// A sleep of a timer queue. It joins the queue when it is first polled.
pub(crate) struct QueuedSleep {
    queue: TimerQueue,
    at: Option<Instant>,
    /// The sleep's entry in the queue, from the first poll on.
    entry: Option<EntryId>,
    /// The backend timer that this sleep set. It leads only if the queue's leader has the same number.
    lead: Option<Lead>,
    /// When the timer fires that covers this sleep.
    covered_until: Option<Instant>,
}

/// The backend timer that a sleep set as the leader.
struct Lead {
    number: u64,
    /// The future of the timer. It is polled once, and stays set until it is dropped.
    _timer: BoxFuture<'static, ()>,
}

impl QueuedSleep {
    /// Leaves the queue; a leader gives up the lead.
    fn leave(&mut self) {
        let Some(id) = self.entry.take() else { return };
        let lead = self.lead.take();
        let mut state = self.queue.lock();
        let waker = state.remove(id);
        let number = lead.as_ref().map(|lead| lead.number);
        state.leader.take_if(|leader| Some(leader.number) == number);
        self.queue.find_leader(state, Vec::new());
        // Outside of the lock: dropping either may drop a task with another sleep of this queue.
        drop((waker, lead));
    }

    /// Joins the queue as a sleep that waits until `at`. Returns the leader if that is now this sleep and it has to set
    /// the backend's timer.
    fn wait(&mut self, at: Instant, waker: &Waker) -> Option<Leader> {
        let mut state = self.queue.lock();
        let id = *self.entry.get_or_insert_with(|| state.insert(at));
        let replaced = state.put_waker(id.key, waker);
        if state.is_due(id.key) {
            // The timer fired after this task had read the clock, and may have found no waker.
            drop(state);
            drop(replaced);
            waker.wake_by_ref();
            return None;
        }
        let soonest = state.soonest().unwrap_or(at);
        if self.queue.0.stays_set {
            let leader = state.lead_until(soonest);
            self.queue.0.cover.set_fires_at(state.leader);
            drop(state);
            drop(replaced);
            if let Some(leader) = leader {
                self.queue.lead(leader).into_iter().for_each(wake);
            }
            return None;
        }
        let mut former = None;
        let mut elected = None;
        let mut may_hold = false;
        if state.leader.is_none_or(|leader| leader.at > soonest) {
            // The former leader's timer is set for too late. Its task is woken to drop that timer.
            let other = state.leader.filter(|leader| leader.key != id.key);
            former = other.and_then(|leader| state.take_waker(leader.key));
            let number = state.next_number();
            elected = Some(Leader { number, key: id.key, at: soonest });
            state.leader = elected;
            may_hold = std::mem::take(&mut state.may_hold);
        }
        let present = state.leader.map(|leader| leader.number);
        drop(state);
        drop(replaced);
        // Outside of the lock, because this drops timers of the backend's.
        if let Some(leader) = elected.filter(|_| may_hold) {
            self.queue.0.held.store(leader.number, None);
        }
        self.lead.take_if(|lead| Some(lead.number) != present);
        former.into_iter().for_each(wake);
        elected
    }

    /// Sets the backend's timer.
    fn lead(&mut self, leader: Leader, cx: &mut Context<'_>) {
        let number = leader.number;
        let (timer, has_passed) = self.queue.set_timer(leader);
        self.lead = Some(Lead { number, _timer: timer });
        if has_passed {
            // The time came while the timer was set. This task polls again, since the queue has no leader now.
            self.queue.fire(number);
            cx.waker().wake_by_ref();
        }
    }
}

impl Sleep for QueuedSleep {
    type Clock = TimerQueue;

    fn new(queue: &TimerQueue) -> Self {
        Self { queue: queue.clone(), at: None, entry: None, lead: None, covered_until: None }
    }

    fn clock(&self) -> &TimerQueue {
        &self.queue
    }

    fn at(&self) -> Option<Instant> {
        self.at
    }

    fn reset(&mut self, at: Option<Instant>) {
        self.leave();
        self.at = at;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        // The clock decides and not the timer, which may fire early or be set for another sleep.
        if self.queue.now() >= at {
            self.reset(None);
            return Poll::Ready(());
        }
        self.poll_new(cx)
    }

    fn poll_new(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        // A timer for a time that has passed wakes the task at once.
        if let Some(leader) = self.wait(at, cx.waker()) {
            self.lead(leader, cx);
        }
        Poll::Pending
    }

    fn wake_covered_by(queue: &TimerQueue, waker: impl FnOnce() -> Waker) {
        if queue.0.stays_set {
            queue.0.cover.set_waker(waker());
        }
    }

    fn may_be_covered(&self) -> bool {
        self.queue.0.stays_set
    }

    fn is_covered(&mut self, at: Instant) -> bool {
        let Some(fires_at) = self.queue.0.cover.cover(at) else { return false };
        // No second timer covers this sleep: each timer that fires would wake the task.
        *self.covered_until.get_or_insert(fires_at) == fires_at
    }

    /// Keeps the entry, and the timer if this sleep is the leader. If the task was woken as a candidate, other
    /// candidates are woken in its place.
    fn pause(&mut self) {
        let Some(id) = self.entry else { return };
        let mut state = self.queue.lock();
        let waker = state.take_waker(id.key);
        self.queue.find_leader(state, Vec::new());
        drop(waker);
    }
}

impl Drop for QueuedSleep {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Wakes a task. A waker that panics must not keep the other tasks asleep. The reactor treats its wakers in the same way.
fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}

/// The waker that the backend's timer is polled with.
struct FireWaker {
    // A timer that stays set must not keep the queue alive, which holds that timer.
    queue: Weak<TimerQueueShared>,
    leader: u64,
}

impl Wake for FireWaker {
    fn wake(self: Arc<Self>) {
        if let Some(queue) = self.queue.upgrade() {
            TimerQueue(queue).fire(self.leader);
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod lead_tests;

#[cfg(test)]
mod kept_lead_tests;

#[cfg(test)]
#[cfg(panic = "unwind")]
mod thread_models;
