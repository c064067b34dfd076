//! The state of the queue: which requests run, which wait, and which starts next.
//!
//! This file has no lock, no clock and no task. Each method takes the present time as `now`, changes the state, and
//! puts wakers into a [`WakeList`]. The [`Queue`](super::Queue) holds the lock, reads the clock, and wakes afterwards.
//!
//! # Terms
//! - A *slot* is the right to run a request. At most `max_active` requests hold a slot.
//! - A request is *admitted* while its state is `Active` or `BackingOff`: it runs now, or it waits between two attempts.
//! - An *origin queue* holds the waiting requests of an origin in the order in which they start. If origins have no
//!   limits and are not counted, a single origin queue holds the requests of all origins. [`Schedule`] orders them.
//! - The *timekeeper* is the only waiting request with a timer, see [`QueueState::choose_timekeeper`]. It has the timer of
//!   the next start, or the timer that looks for a [stall](super::stall).
//!
//! # Life of a request
//! ```text
//!  try_start ────────────────────────────────────► Active ──► remove
//!  enqueue ──► Waiting ──dispatch──► Granted ──poll──┘
//!                 └──────clear─────► Rejected ─poll──► (gone)
//!  back_off ──► BackingOff ──► remove
//! ```
//! `Granted` means that the request has a slot but was not polled since. `remove` is allowed in every state: dropping the
//! request's future, or its slot, calls it. A retry is `remove`, `back_off`, `remove`, `enqueue`, each time with a new
//! ticket.
//!
//! # Invariants
//! 1. `active` is the number of requests in the states `Granted` and `Active`, in total and for each origin queue.
//! 2. `waiting_count` is the number of requests in the state `Waiting`. Each of these is in the heap of its origin queue.
//! 3. After `dispatch`, no waiting request could start at `now`.
//! 4. After `choose_timekeeper`, a waiting request is the timekeeper if only the time keeps a request from starting, or if
//!    the time may show that the client has stalled. Otherwise no request is the timekeeper.
//!
//! A method that takes a slot back or changes a limit breaks invariants 3 and 4. `try_start`, `enqueue` and `prioritize`
//! break 4. The caller restores 3 by calling `dispatch`, and then 4 by calling `choose_timekeeper`, before it releases
//! the lock. `Queue::try_acquire` leaves 4 broken in a single way: a stale timekeeper may remain, although no request
//! waits for the time alone any more. It is harmless, because its timer only fires early. The converse never happens:
//! while only the time keeps a request from starting, a timekeeper exists.

use std::task::{Context, Poll, Waker};

use super::Stats;
use super::heap::Node;
use super::rate::{Nanos, TokenBucket};
use super::requests::{NONE, Rejection, RequestEntry, RequestState, Requests, Ticket};
use super::schedule::Schedule;
use super::settings::QueueSettings;
use super::stall::RequestWaker;
use super::wait_times::WaitTimes;
use super::wake_list::WakeList;

/// The time of the next start if the time starts no request; the timekeeper then looks for a stall.
pub(super) const NO_START: Nanos = Nanos::MAX;

/// The state of the queue; the module's documentation explains it.
///
/// `W` wakes a request: its waker, or the number by which JavaScript knows it.
pub(super) struct QueueState<W: RequestWaker = Waker> {
    pub(super) settings: QueueSettings,
    /// Number of requests that hold a slot.
    pub(super) active: usize,
    /// Number of requests that wait for a slot.
    pub(super) waiting_count: usize,
    /// Whether no request may start.
    pub(super) paused: bool,
    /// Whether the client is closed. This file does not read it: the caller rejects new requests.
    pub(super) closed: bool,
    /// The waiting times of all requests that got a slot.
    pub(super) wait_times: WaitTimes,
    /// The waiting requests in the order in which they start, by origin.
    pub(super) schedule: Schedule,
    /// All requests in any state, by their tickets.
    pub(super) requests: Requests<W>,
    pub(super) stall: W::Watch,
    /// The rate limit of all requests together.
    bucket: Option<TokenBucket>,
    /// The waiting request with a timer, or [`NONE`].
    pub(super) timekeeper: Ticket,
    /// The time for which the timekeeper sets its timer, or [`NO_START`].
    pub(super) next_start: Nanos,
}

impl<W: RequestWaker> QueueState<W> {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self {
            active: 0,
            waiting_count: 0,
            paused: false,
            closed: false,
            wait_times: WaitTimes::default(),
            schedule: Schedule::new(&settings),
            requests: Requests::new(),
            stall: W::Watch::default(),
            bucket: settings.rate.map(TokenBucket::new),
            timekeeper: NONE,
            next_start: 0,
            settings,
        }
    }

    /// Returns all statistics.
    pub(super) fn stats(&self) -> Stats {
        Stats {
            active: self.active,
            queued: self.waiting_count,
            paused: self.paused,
            closed: self.closed,
            waits: self.wait_times,
            origins: self.schedule.origins.stats(),
        }
    }

    /// Takes a slot for a new request without waiting, or returns `None` if it has to wait.
    ///
    /// The new request has to wait if a waiting request could take the slot, even if that request is to another origin.
    pub(super) fn try_start(&mut self, origin: &str, waker: impl FnOnce() -> Option<W>, now: Nanos) -> Option<Ticket> {
        if !self.has_free_slot(now) || self.schedule.first_ready().is_some() {
            return None;
        }
        let index = self.schedule.origins.open(origin, now);
        if !self.schedule.may_start(index, now) {
            return None;
        }
        self.take_slot(index, now);
        self.wait_times.record_none();
        Some(self.requests.insert(RequestState::Active(waker()), index, now))
    }

    /// Adds a request to the waiting requests. `is_retry` says that the request held a slot before.
    ///
    /// A retry gets a new arrival time, so it starts after the requests of the same priority that have not had a turn. It
    /// is added even to a full queue, because the queue accepted the request before its first attempt.
    pub(super) fn enqueue(
        &mut self,
        origin: &str,
        priority: i16,
        is_retry: bool,
        waker: W,
        now: Nanos,
    ) -> Result<Ticket, Rejection> {
        if !is_retry && self.settings.max_queued.is_some_and(|max| self.waiting_count >= max) {
            return Err(Rejection::Full);
        }
        let index = self.schedule.origins.open(origin, now);
        let ticket = self.requests.insert(RequestState::Waiting(waker), index, now);
        self.waiting_count += 1;
        self.push(ticket, priority, now);
        Ok(ticket)
    }

    /// Returns the time for which `ticket` must set a timer, or `None` if it is not the timekeeper.
    pub(super) fn timer_for(&self, ticket: Ticket) -> Option<Nanos> {
        (self.timekeeper == ticket).then_some(self.next_start)
    }

    /// Removes a request in any state. A slot that it holds becomes free.
    pub(super) fn remove(&mut self, ticket: Ticket, now: Nanos, wakes: &mut WakeList<W>) {
        let Some(mut entry) = self.forget(ticket) else { return };
        W::leave(&mut self.stall, &mut entry.detection);
        match entry.state {
            RequestState::Waiting(waker) => {
                wakes.discarded = Some(waker);
                self.waiting_count -= 1;
                self.schedule.take(entry.origin, entry.position, &mut self.requests);
                self.schedule.reschedule(entry.origin, now);
            }
            RequestState::Granted => {
                // The request was dropped before it used its slot: the next request may start in its place.
                self.give_tokens_back(entry.origin);
                self.free_slot(entry.origin, now);
            }
            RequestState::Active(waker) => {
                wakes.discarded = waker;
                self.free_slot(entry.origin, now);
            }
            RequestState::BackingOff(waker) => wakes.discarded = waker,
            RequestState::Rejected(_) | RequestState::Free(_) => {}
        }
    }

    /// Adds a request that waits between two attempts. It holds no slot and belongs to no origin queue.
    pub(super) fn back_off(&mut self) -> Ticket {
        // It has an entry so that `wake_admitted` reaches it when the client is closed at once.
        self.requests.insert(RequestState::BackingOff(None), NONE, 0)
    }

    /// Gives free slots to the waiting requests that may start now.
    pub(super) fn dispatch(&mut self, now: Nanos, wakes: &mut WakeList<W>) {
        while let Some((index, _)) = self.schedule.first_delayed().filter(|(_, ends_at)| *ends_at <= now) {
            self.schedule.reschedule(index, now);
        }
        while self.has_free_slot(now) {
            let Some(index) = self.schedule.first_ready() else { break };
            let Some(first) = self.schedule.take(index, 0, &mut self.requests) else { break };
            self.waiting_count -= 1;
            self.take_slot(index, now);
            self.schedule.reschedule(index, now);
            if self.timekeeper == first {
                self.timekeeper = NONE;
            }
            let Some(entry) = self.requests.get_mut(first) else { continue };
            W::leave(&mut self.stall, &mut entry.detection);
            if let RequestState::Waiting(waker) = std::mem::replace(&mut entry.state, RequestState::Granted) {
                wakes.push(waker);
            }
        }
    }

    /// Moves a waiting request to its place by a new priority. Does nothing if the request no longer waits.
    pub(super) fn prioritize(&mut self, ticket: Ticket, serial: u64, priority: i16, now: Nanos) {
        let Some(entry) = self.requests.get(ticket) else { return };
        if entry.serial != serial || !matches!(entry.state, RequestState::Waiting(_)) {
            return;
        }
        self.schedule.take(entry.origin, entry.position, &mut self.requests);
        self.push(ticket, priority, now);
    }

    /// Returns the serial number of a request. It differs from that of a later request with the same ticket.
    pub(super) fn serial(&self, ticket: Ticket) -> u64 {
        self.requests.get(ticket).map_or(0, |entry| entry.serial)
    }

    /// Rejects all waiting requests.
    pub(super) fn clear(&mut self, rejection: Rejection, wakes: &mut WakeList<W>) {
        for entry in self.requests.iter_mut().filter(|entry| matches!(entry.state, RequestState::Waiting(_))) {
            W::leave(&mut self.stall, &mut entry.detection);
            if let RequestState::Waiting(waker) = std::mem::replace(&mut entry.state, RequestState::Rejected(rejection))
            {
                wakes.push(waker);
            }
        }
        self.schedule.clear();
        self.waiting_count = 0;
        self.timekeeper = NONE;
    }

    /// Returns whether the limits of the client as a whole let a request start now.
    fn has_free_slot(&self, now: Nanos) -> bool {
        let is_open = self.active < self.settings.max_active && !self.paused;
        is_open && self.bucket.as_ref().is_none_or(|bucket| bucket.free_at() <= now)
    }

    /// Returns when a waiting request may start. Returns `None` if no waiting request could start by waiting: no request
    /// waits, the client is paused or has no free slot, or each origin with waiting requests is at its limit.
    pub(super) fn time_of_next_start(&self) -> Option<Nanos> {
        if self.paused || self.active >= self.settings.max_active {
            return None;
        }
        let free_at = self.bucket.as_ref().map_or(Nanos::MIN, TokenBucket::free_at);
        if self.schedule.first_ready().is_some() {
            return Some(free_at);
        }
        self.schedule.first_delayed().map(|(_, ends_at)| ends_at.max(free_at))
    }

    /// Removes a request's entry alone; counts, heaps and tokens stay as they are.
    fn forget(&mut self, ticket: Ticket) -> Option<RequestEntry<W>> {
        if self.timekeeper == ticket {
            self.timekeeper = NONE;
        }
        self.requests.remove(ticket)
    }

    /// Counts a start, in total and for the origin queue: another active request, a token less.
    fn take_slot(&mut self, index: u32, now: Nanos) {
        self.active += 1;
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        let Some(queue) = self.schedule.origins.get_mut(index) else { return };
        queue.active += 1;
        if let Some(bucket) = &mut queue.bucket {
            bucket.take(now);
        }
    }

    /// Counts an end, in total and for the origin queue. Tokens do not come back: a rate limits starts.
    fn free_slot(&mut self, index: u32, now: Nanos) {
        self.active -= 1;
        if let Some(queue) = self.schedule.origins.get_mut(index) {
            queue.active -= 1;
        }
        self.schedule.reschedule(index, now);
    }

    /// Returns the tokens of a start that sent nothing.
    fn give_tokens_back(&mut self, index: u32) {
        let origin_bucket = self.schedule.origins.get_mut(index).and_then(|queue| queue.bucket.as_mut());
        for bucket in [self.bucket.as_mut(), origin_bucket].into_iter().flatten() {
            bucket.give_back();
        }
    }

    /// Puts a waiting request into its origin queue.
    fn push(&mut self, ticket: Ticket, priority: i16, now: Nanos) {
        let Some(entry) = self.requests.get(ticket) else { return };
        let origin = entry.origin;
        let node = Node { rank: self.settings.rank(entry.arrived, priority), serial: entry.serial, item: ticket };
        self.schedule.push(origin, node, &mut self.requests, now);
    }
}

/// What concerns the wakers and the timer of futures.
impl QueueState {
    /// Returns whether a waiting request got a slot or a rejection. Keeps the waker of `cx` if it got neither.
    ///
    /// With a slot, the request moves from `Granted` to `Active` and its waiting time is recorded. With a rejection, its
    /// entry is removed.
    pub(super) fn poll(
        &mut self,
        ticket: Ticket,
        cx: &Context<'_>,
        now: Nanos,
        wakes: &mut WakeList,
    ) -> Poll<Result<(), Rejection>> {
        let Some(entry) = self.requests.get_mut(ticket) else { return Poll::Pending };
        match &mut entry.state {
            RequestState::Waiting(waker) => {
                if !waker.will_wake(cx.waker()) {
                    wakes.discarded = Some(std::mem::replace(waker, cx.waker().clone()));
                }
                Poll::Pending
            }
            RequestState::Granted => {
                entry.state = RequestState::Active(Some(cx.waker().clone()));
                self.wait_times.record(now.saturating_sub(entry.arrived));
                Poll::Ready(Ok(()))
            }
            RequestState::Rejected(rejection) => {
                let rejection = *rejection;
                self.forget(ticket);
                Poll::Ready(Err(rejection))
            }
            RequestState::Free(_) | RequestState::Active(_) | RequestState::BackingOff(_) => Poll::Pending,
        }
    }

    /// Makes sure that a waiting request has a timer if only the time keeps a request from starting.
    ///
    /// That request is the timekeeper. When its timer fires, it calls `dispatch` for all waiting requests. The timekeeper
    /// is the first request of the first origin queue, so it is usually the next to start. If it is removed or gets a
    /// slot, the next call chooses another.
    ///
    /// `caller` is the request on whose behalf this is called, if it waits. It is not woken, because it asks for its
    /// timer next.
    pub(super) fn choose_timekeeper(&mut self, caller: Option<Ticket>, wakes: &mut WakeList) {
        // A single timer for all: a timer for each of a million waiting requests would be a million timers. A background task
        // with a timer would make requests progress that nothing polls.
        let next_start = match self.time_of_next_start() {
            Some(next_start) => next_start,
            None if self.watches_for_stall() => NO_START,
            None => {
                self.timekeeper = NONE;
                return;
            }
        };
        let is_earlier = next_start < std::mem::replace(&mut self.next_start, next_start);
        // A timer that fires too early is harmless: the timekeeper then sets another. So only an earlier time matters.
        if self.timekeeper != NONE && !is_earlier {
            return;
        }
        if self.timekeeper == NONE {
            self.timekeeper = if next_start == NO_START && self.watches_for_stall() {
                caller.or_else(|| self.schedule.origins.last_waiting()).unwrap_or(NONE)
            } else {
                let delayed = self.schedule.first_delayed().map(|(index, _)| index);
                let index = self.schedule.first_ready().or(delayed).unwrap_or(NONE);
                let first = self.schedule.origins.get(index).and_then(|queue| queue.waiting.first());
                first.map_or(NONE, |node| node.item)
            };
        }
        if caller == Some(self.timekeeper) {
            return;
        }
        // Woken, the timekeeper polls and sets its timer for `next_start`.
        if let Some(RequestEntry { state: RequestState::Waiting(waker), .. }) = self.requests.get(self.timekeeper) {
            wakes.push(waker.clone());
        }
    }

    /// Wakes all requests that run, and all that wait between two attempts.
    pub(super) fn wake_admitted(&mut self, wakes: &mut WakeList) {
        for entry in self.requests.iter_mut() {
            let (RequestState::Active(waker) | RequestState::BackingOff(waker)) = &mut entry.state else { continue };
            if let Some(waker) = waker.take() {
                wakes.push(waker);
            }
        }
    }

    /// Keeps a waker of an admitted request for [`wake_admitted`](Self::wake_admitted). Returns the waker kept before.
    pub(super) fn keep_waker(&mut self, ticket: Ticket, waker: Waker) -> Option<Waker> {
        match self.requests.get_mut(ticket).map(|entry| &mut entry.state) {
            Some(RequestState::Active(kept) | RequestState::BackingOff(kept)) => kept.replace(waker),
            _ => None,
        }
    }
}
