//! The timer queue of a client: any number of sleeps share a single timer of the backend's.
//!
//! Each sleep that was polled has an entry in a heap, soonest first, and only the soonest time is set on the client's
//! [`Timer`]. The queue cannot hold the future of that timer. A client owns the queue and must be `Send`; on WASI
//! futures are not `Send`. Browsers do not use this file (`platform/browser/sleep.rs`). So a sleep holds the future, and
//! that sleep is the leader:
//!
//! 1. A sleep that is polled stores its task's waker in its entry. If there is no leader, or the leader's timer is set
//!    for later than the soonest entry, the sleep becomes the leader: it asks the `Timer` for a future and keeps it.
//! 2. The leader polls that future once, with a [`FireWaker`] of the queue. So the timer reaches the queue even if the
//!    leader's task is never polled again.
//! 3. When the timer fires, the queue wakes the task of each entry that is due. The leader's timer is spent, so the
//!    queue has no leader any more. The queue also wakes at most 4 ([`CANDIDATES`]) of the remaining tasks.
//! 4. The first candidate that polls its sleep becomes the leader, as in step 1. Other candidates find a leader and
//!    wait on.
//! 5. A leader that is dropped, set again or completed gives up the lead, and candidates are woken. The owner of a sleep
//!    calls `pause()` so that the sleep wakes no task until its next poll. The sleep may have been woken as a candidate,
//!    so `pause()` wakes other candidates if there is no leader.
//!
//! Several candidates are woken because a program may hold a future without polling it: its task never answers. Not all
//! tasks are woken: each timer that fires would wake every waiting task of the client. If no candidate polls, no timer
//! is set until any sleep is polled, reset or dropped. At least 3 candidates are woken if as many wait, so up to 2 held
//! futures delay no other sleep.
//!
//! Timers and wakers are foreign code, which may call the queue again. They are called and dropped outside of the lock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use slab::Slab;

use crate::runtime::sleep::Sleep;
use crate::runtime::{BoxFuture, Instant, Timer};

/// Maximum number of tasks that are woken so that a task among them becomes the leader. It is 3 if the sleep that was
/// polled last has no waker.
const CANDIDATES: usize = 4;

/// How many items of cancelled sleeps the heap keeps before it is compacted. It is compacted only if they are also more
/// than half of the heap, so the cost per cancelled sleep stays constant.
const MAX_CANCELLED: usize = 512;

/// The clock of a client, and the sleeps that are set on it. A clone is another handle of the same queue.
#[derive(Clone)]
pub(crate) struct TimerQueue(Arc<TimerQueueShared>);

struct TimerQueueShared {
    timer: Arc<dyn Timer>,
    state: Mutex<TimerQueueState>,
}

#[derive(Default)]
struct TimerQueueState {
    /// Times and the entries they belong to, soonest first. Cancelling a sleep leaves its item behind: an item whose
    /// entry is gone, or has been reused, is skipped when it is reached.
    heap: BinaryHeap<Reverse<(Instant, EntryId)>>,
    /// The sleeps that have been polled, and have not yet completed or been dropped or set again.
    entries: Slab<TimerEntry>,
    leader: Option<Leader>,
    /// The last number given to an entry or a leader. Each number is given once.
    last_number: u64,
    /// The key of the entry that was polled last: the best candidate, since its task was alive a moment ago.
    last_polled: usize,
    /// How many entries have a waker.
    with_waker: usize,
    /// How many items of the heap belong to cancelled sleeps.
    cancelled: usize,
}

/// Identifies an entry. A key of the slab is reused, a number is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EntryId {
    number: u64,
    key: usize,
}

/// What the queue knows of a sleep.
struct TimerEntry {
    number: u64,
    /// Wakes the sleep's task. `None` once the task has been woken, or while the sleep is paused.
    waker: Option<Waker>,
    /// Whether the heap has an item for this entry; false once the time has come.
    in_heap: bool,
}

/// The sleep that holds the future of the backend's timer.
#[derive(Clone, Copy)]
struct Leader {
    number: u64,
    /// The key of the sleep's entry.
    key: usize,
    /// The time that the backend's timer is set for.
    at: Instant,
}

impl From<Arc<dyn Timer>> for TimerQueue {
    /// Makes an empty queue over `timer`.
    fn from(timer: Arc<dyn Timer>) -> Self {
        Self(Arc::new(TimerQueueShared { timer, state: Mutex::default() }))
    }
}

impl TimerQueue {
    /// Wakes the tasks that are due, and candidates for the next leader. Called when the timer of `leader` fires.
    fn fire(&self, leader: u64) {
        let now = self.now();
        let wakers = {
            let mut state = self.lock();
            // The timer of an earlier leader has nothing to say: a later leader has set another.
            if state.leader.is_none_or(|present| present.number != leader) {
                return;
            }
            state.leader = None;
            let mut wakers = state.take_due(now);
            state.take_candidates(&mut wakers);
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, TimerQueueState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
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

impl TimerQueueState {
    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds an entry for a sleep that is set for `at`.
    fn insert(&mut self, at: Instant) -> EntryId {
        let number = self.next_number();
        let key = self.entries.insert(TimerEntry { number, waker: None, in_heap: true });
        let id = EntryId { number, key };
        self.heap.push(Reverse((at, id)));
        id
    }

    /// Removes an entry. Returns its waker, which the caller drops after it has released the lock.
    fn remove(&mut self, id: EntryId) -> Option<Waker> {
        let waker = self.take_waker(id.key);
        let entry = self.entries.try_remove(id.key)?;
        self.cancelled += usize::from(entry.in_heap);
        if self.entries.is_empty() {
            // Without entries, all items belong to cancelled sleeps.
            self.heap.clear();
            self.cancelled = 0;
        } else if self.cancelled > MAX_CANCELLED && self.cancelled > self.heap.len() / 2 {
            let entries = &self.entries;
            self.heap.retain(|Reverse((_, id))| is_live(entries, *id));
            self.cancelled = 0;
        }
        waker
    }

    /// Returns the time of the next sleep to end, and removes the items of cancelled sleeps before it.
    fn soonest(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, id))) = self.heap.peek() {
            if is_live(&self.entries, *id) {
                return Some(*at);
            }
            self.heap.pop();
            self.cancelled -= 1;
        }
        None
    }

    /// Takes the wakers of the entries that are due, and their items out of the heap. The entries stay until their
    /// sleeps complete, or are dropped or set again.
    fn take_due(&mut self, now: Instant) -> Vec<Waker> {
        let mut due = Vec::new();
        while self.soonest().is_some_and(|at| at <= now) {
            let Some(Reverse((_, id))) = self.heap.pop() else { break };
            if let Some(entry) = self.entries.get_mut(id.key) {
                entry.in_heap = false;
            }
            due.extend(self.take_waker(id.key));
        }
        due
    }

    /// Takes the wakers of up to [`CANDIDATES`] entries if there is no leader.
    fn take_candidates(&mut self, wakers: &mut Vec<Waker>) {
        if self.leader.is_some() || self.with_waker == 0 {
            return;
        }
        wakers.extend(self.take_waker(self.last_polled));
        // The end of the heap's array holds late times, so these candidates can lead for long.
        let ids = self.heap.iter().rev().map(|Reverse((_, id))| *id);
        let waiting = ids.filter(|id| is_live(&self.entries, *id) && has_waker(&self.entries, *id));
        let candidates: Vec<EntryId> = waiting.take(CANDIDATES - 1).collect();
        for id in candidates {
            wakers.extend(self.take_waker(id.key));
        }
    }

    fn take_waker(&mut self, key: usize) -> Option<Waker> {
        let waker = self.entries.get_mut(key)?.waker.take();
        self.with_waker -= usize::from(waker.is_some());
        waker
    }

    /// Stores the waker of the task that waits for the entry `key`. Returns the waker of another task that it replaces,
    /// which the caller drops after it has released the lock.
    fn put_waker(&mut self, key: usize, waker: &Waker) -> Option<Waker> {
        // A task that has just polled is alive, so it is the first candidate.
        self.last_polled = key;
        let slot = &mut self.entries.get_mut(key)?.waker;
        match slot {
            Some(before) if before.will_wake(waker) => None,
            before => {
                self.with_waker += usize::from(before.is_none());
                before.replace(waker.clone())
            }
        }
    }
}

/// Whether the sleep of `id` still waits or is due; false if it was cancelled.
fn is_live(entries: &Slab<TimerEntry>, id: EntryId) -> bool {
    entries.get(id.key).is_some_and(|entry| entry.number == id.number)
}

fn has_waker(entries: &Slab<TimerEntry>, id: EntryId) -> bool {
    entries.get(id.key).is_some_and(|entry| entry.waker.is_some())
}

/// A sleep of a timer queue. It joins the queue when it is first polled.
pub(crate) struct QueuedSleep {
    queue: TimerQueue,
    at: Option<Instant>,
    /// The sleep's entry in the queue, from the first poll on.
    entry: Option<EntryId>,
    /// The backend timer that this sleep set. It leads only if the queue's leader has the same number.
    lead: Option<Lead>,
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
        let mut candidates = Vec::new();
        let waker = {
            let mut state = self.queue.lock();
            let waker = state.remove(id);
            let number = lead.as_ref().map(|lead| lead.number);
            state.leader.take_if(|leader| Some(leader.number) == number);
            state.take_candidates(&mut candidates);
            waker
        };
        // Outside of the lock: dropping either may drop a task with another sleep of this queue.
        drop((waker, lead));
        candidates.into_iter().for_each(Waker::wake);
    }

    /// Joins the queue as a sleep that waits until `at`. Returns the leader if that is now this sleep and it has to set
    /// the backend's timer.
    fn wait(&mut self, at: Instant, waker: &Waker) -> Option<Leader> {
        let mut state = self.queue.lock();
        let id = *self.entry.get_or_insert_with(|| state.insert(at));
        let replaced = state.put_waker(id.key, waker);
        let soonest = state.soonest().unwrap_or(at);
        let mut former = None;
        let mut elected = None;
        if state.leader.is_none_or(|leader| leader.at > soonest) {
            // The former leader's timer is set for too late. Its task is woken to drop that timer.
            let other = state.leader.filter(|leader| leader.key != id.key);
            former = other.and_then(|leader| state.take_waker(leader.key));
            let number = state.next_number();
            elected = Some(Leader { number, key: id.key, at: soonest });
            state.leader = elected;
        }
        let present = state.leader.map(|leader| leader.number);
        drop(state);
        drop(replaced);
        // Outside of the lock, because this drops a timer of the backend's.
        self.lead.take_if(|lead| Some(lead.number) != present);
        former.into_iter().for_each(Waker::wake);
        elected
    }

    /// Sets the backend's timer.
    fn lead(&mut self, leader: Leader, cx: &mut Context<'_>) {
        let number = leader.number;
        let mut timer = self.queue.0.timer.sleep_until(leader.at);
        let waker = Waker::from(Arc::new(FireWaker { queue: self.queue.clone(), leader: number }));
        let has_passed = timer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
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
        Self { queue: queue.clone(), at: None, entry: None, lead: None }
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
        if let Some(leader) = self.wait(at, cx.waker()) {
            self.lead(leader, cx);
        }
        Poll::Pending
    }

    /// Keeps the entry, and the timer if this sleep is the leader. If the task was woken as a candidate, other
    /// candidates are woken in its place.
    fn pause(&mut self) {
        let Some(id) = self.entry else { return };
        let mut candidates = Vec::new();
        let waker = {
            let mut state = self.queue.lock();
            let waker = state.take_waker(id.key);
            state.take_candidates(&mut candidates);
            waker
        };
        drop(waker);
        candidates.into_iter().for_each(Waker::wake);
    }
}

impl Drop for QueuedSleep {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The waker that the backend's timer is polled with.
struct FireWaker {
    queue: TimerQueue,
    leader: u64,
}

impl Wake for FireWaker {
    fn wake(self: Arc<Self>) {
        self.queue.fire(self.leader);
    }
}

#[cfg(test)]
#[path = "timer_queue_tests.rs"]
mod tests;
