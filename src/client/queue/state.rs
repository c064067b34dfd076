//! The state of the queue, without a lock, a clock or a task: who runs, who waits, who is next.
//!
//! Requests wait in lanes, one for each origin if that matters. A lane whose first may start stands among the `ready`
//! ones, ordered by that first request, so a full lane is passed by and the order among all others is kept. A lane whose
//! rate lets nothing start yet stands among the `timed` ones.

use std::task::{Context, Poll, Waker};

use super::heap::{Heap, Node};
use super::origins::{Lane, Lanes, Stand};
use super::rate::{Bucket, Nanos};
use super::requests::{Entries, Entry, NONE, Refusal, State, Ticket};
use super::settings::Settings;
use super::wait_times::WaitTimes;
use super::wake_list::Later;

/// The state.
pub(super) struct Line {
    pub(super) settings: Settings,
    pub(super) active: usize,
    pub(super) waiting: usize,
    pub(super) paused: bool,
    pub(super) closed: bool,
    pub(super) waits: WaitTimes,
    pub(super) lanes: Lanes,
    entries: Entries,
    ready: Heap,
    timed: Heap,
    bucket: Option<Bucket>,
    /// Who of the waiting watches the clock, and for which point in time.
    watcher: Ticket,
    tick: Nanos,
}

impl Line {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            active: 0,
            waiting: 0,
            paused: false,
            closed: false,
            waits: WaitTimes::default(),
            lanes: Lanes::new(settings.by_origin(), settings.origin_rate),
            entries: Entries::new(),
            ready: Heap::default(),
            timed: Heap::default(),
            bucket: settings.rate.map(Bucket::new),
            watcher: NONE,
            tick: 0,
            settings,
        }
    }

    /// Gives a slot at once, if that overtakes nobody who could have it.
    pub(super) fn start(&mut self, origin: &str, now: Nanos) -> Option<Ticket> {
        if !self.has_room(now) || !self.ready.is_empty() {
            return None;
        }
        let lane = self.lanes.open(origin, now);
        let most = self.settings.max_active_per_origin.unwrap_or(usize::MAX);
        let free = |lane: &Lane| lane.line.is_empty() && lane.active < most && lane.free_at() <= now;
        if !self.lanes.get(lane).is_some_and(free) {
            return None;
        }
        self.occupy(lane, now);
        self.waits.record_none();
        Some(self.entries.insert(State::Active(None), lane, now))
    }

    /// Joins the line. `again` is for a request that was admitted before.
    pub(super) fn join(
        &mut self,
        origin: &str,
        priority: i16,
        again: bool,
        waker: &Waker,
        now: Nanos,
    ) -> Result<Ticket, Refusal> {
        if !again && self.settings.max_queued.is_some_and(|most| self.waiting >= most) {
            return Err(Refusal::Full);
        }
        let lane = self.lanes.open(origin, now);
        let ticket = self.entries.insert(State::Waiting(waker.clone()), lane, now);
        self.waiting += 1;
        self.line_up(ticket, priority, now);
        Ok(ticket)
    }

    /// What has become of `ticket`: a slot, a refusal, or nothing yet; then the waker of `cx` is kept.
    pub(super) fn poll(
        &mut self,
        ticket: Ticket,
        cx: &Context<'_>,
        now: Nanos,
        later: &mut Later,
    ) -> Poll<Result<(), Refusal>> {
        let Some(entry) = self.entries.get_mut(ticket) else { return Poll::Pending };
        match &mut entry.state {
            State::Waiting(waker) => {
                if !waker.will_wake(cx.waker()) {
                    later.drop = Some(std::mem::replace(waker, cx.waker().clone()));
                }
                Poll::Pending
            }
            State::Granted => {
                entry.state = State::Active(None);
                self.waits.record(now.saturating_sub(entry.arrived));
                Poll::Ready(Ok(()))
            }
            State::Refused(refusal) => {
                let refusal = *refusal;
                self.remove(ticket);
                Poll::Ready(Err(refusal))
            }
            State::Free(_) | State::Active(_) | State::Aside(_) => Poll::Pending,
        }
    }

    /// The point in time for which `ticket` must watch the clock, if it is the one to do so.
    pub(super) fn watches(&self, ticket: Ticket) -> Option<Nanos> {
        (self.watcher == ticket).then_some(self.tick)
    }

    /// Leaves, from whatever state: the line, or with a slot, claimed or not.
    pub(super) fn leave(&mut self, ticket: Ticket, now: Nanos, later: &mut Later) {
        let Some(entry) = self.remove(ticket) else { return };
        match entry.state {
            State::Waiting(waker) => {
                later.drop = Some(waker);
                self.waiting -= 1;
                self.leave_lane(entry.lane, entry.position);
                self.place_lane(entry.lane, now);
            }
            State::Granted => {
                // It has sent nothing: its tokens are there for the next.
                let buckets = self.lanes.get_mut(entry.lane).and_then(|lane| lane.bucket.as_mut()).into_iter();
                buckets.chain(&mut self.bucket).for_each(Bucket::give_back);
                self.vacate(entry.lane, now);
            }
            State::Active(waker) => {
                later.drop = waker;
                self.vacate(entry.lane, now);
            }
            State::Aside(waker) => later.drop = waker,
            State::Refused(_) | State::Free(_) => {}
        }
    }

    /// Takes in one that is between two attempts.
    pub(super) fn aside(&mut self) -> Ticket {
        self.entries.insert(State::Aside(None), NONE, 0)
    }

    /// Gives slots to those who may start now.
    pub(super) fn dispatch(&mut self, now: Nanos, later: &mut Later) {
        while let Some(node) = self.timed.first().filter(|node| node.rank <= now) {
            self.place_lane(node.item, now);
        }
        while self.has_room(now) {
            let Some(lane) = self.ready.first().map(|node| node.item) else { break };
            let Some(first) = self.leave_lane(lane, 0) else { break };
            self.waiting -= 1;
            self.occupy(lane, now);
            self.place_lane(lane, now);
            if self.watcher == first {
                self.watcher = NONE;
            }
            let Some(entry) = self.entries.get_mut(first) else { continue };
            if let State::Waiting(waker) = std::mem::replace(&mut entry.state, State::Granted) {
                later.wake(waker);
            }
        }
    }

    /// Sees to it that somebody watches the clock, if only time is missing; `me` looks for itself and is not woken.
    pub(super) fn settle(&mut self, me: Option<Ticket>, later: &mut Later) {
        let Some(tick) = self.next_tick() else {
            self.watcher = NONE;
            return;
        };
        let earlier = tick < std::mem::replace(&mut self.tick, tick);
        if self.watcher != NONE && !earlier {
            return;
        }
        if self.watcher == NONE {
            let lane = self.ready.first().or(self.timed.first()).map_or(NONE, |node| node.item);
            let first = self.lanes.get(lane).and_then(|lane| lane.line.first());
            self.watcher = first.map_or(NONE, |node| node.item);
        }
        if me == Some(self.watcher) {
            return;
        }
        if let Some(Entry { state: State::Waiting(waker), .. }) = self.entries.get(self.watcher) {
            later.wake(waker.clone());
        }
    }

    /// Moves a request that waits; nothing happens to one that no longer does.
    pub(super) fn prioritize(&mut self, ticket: Ticket, serial: u64, priority: i16, now: Nanos) {
        let Some(entry) = self.entries.get(ticket) else { return };
        if entry.serial != serial || !matches!(entry.state, State::Waiting(_)) {
            return;
        }
        self.leave_lane(entry.lane, entry.position);
        self.line_up(ticket, priority, now);
    }

    /// The serial number of a request, by which it is told from another that has its ticket later.
    pub(super) fn serial(&self, ticket: Ticket) -> u64 {
        self.entries.get(ticket).map_or(0, |entry| entry.serial)
    }

    /// Sends everybody away who waits.
    pub(super) fn clear(&mut self, refusal: Refusal, later: &mut Later) {
        for state in self.entries.states_mut().filter(|state| matches!(state, State::Waiting(_))) {
            if let State::Waiting(waker) = std::mem::replace(state, State::Refused(refusal)) {
                later.wake(waker);
            }
        }
        for lane in self.lanes.iter_mut() {
            lane.line.clear();
            lane.stand = Stand::Aside;
        }
        self.ready.clear();
        self.timed.clear();
        self.waiting = 0;
        self.watcher = NONE;
    }

    /// Wakes everybody who runs, or has run and will again.
    pub(super) fn wake_those_within(&mut self, later: &mut Later) {
        for state in self.entries.states_mut() {
            let (State::Active(waker) | State::Aside(waker)) = state else { continue };
            waker.take().into_iter().for_each(|waker| later.wake(waker));
        }
    }

    /// Keeps the waker of a request that runs or is aside; the one from before comes back.
    pub(super) fn keep(&mut self, ticket: Ticket, waker: &Waker) -> Option<Waker> {
        match self.entries.get_mut(ticket).map(|entry| &mut entry.state) {
            Some(State::Active(kept) | State::Aside(kept)) => kept.replace(waker.clone()),
            _ => None,
        }
    }

    fn has_room(&self, now: Nanos) -> bool {
        let limits = self.active < self.settings.max_active && !self.paused;
        limits && self.bucket.as_ref().is_none_or(|bucket| bucket.free_at() <= now)
    }

    /// When somebody may start whom only time holds back.
    fn next_tick(&self) -> Option<Nanos> {
        if self.paused || self.active >= self.settings.max_active {
            return None;
        }
        let own = self.bucket.as_ref().map_or(Nanos::MIN, Bucket::free_at);
        if !self.ready.is_empty() {
            return Some(own);
        }
        self.timed.first().map(|node| node.rank.max(own))
    }

    fn remove(&mut self, ticket: Ticket) -> Option<Entry> {
        if self.watcher == ticket {
            self.watcher = NONE;
        }
        self.entries.remove(ticket)
    }

    fn occupy(&mut self, lane: u32, now: Nanos) {
        self.active += 1;
        if let Some(bucket) = &mut self.bucket {
            bucket.take(now);
        }
        let Some(lane) = self.lanes.get_mut(lane) else { return };
        lane.active += 1;
        if let Some(bucket) = &mut lane.bucket {
            bucket.take(now);
        }
    }

    fn vacate(&mut self, lane: u32, now: Nanos) {
        self.active -= 1;
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.active -= 1;
        }
        self.place_lane(lane, now);
    }

    /// Puts a request that waits into its lane, by its priority.
    fn line_up(&mut self, ticket: Ticket, priority: i16, now: Nanos) {
        let Self { entries, lanes, settings, .. } = self;
        let Some(entry) = entries.get(ticket) else { return };
        let (index, serial) = (entry.lane, entry.serial);
        let node = Node { rank: settings.rank(entry.arrived, priority), serial, item: ticket };
        if let Some(lane) = lanes.get_mut(index) {
            lane.line.push(node, &mut |item, at| entries.move_to(item, at));
        }
        self.place_lane(index, now);
    }

    /// Takes a request out of its lane.
    fn leave_lane(&mut self, lane: u32, position: u32) -> Option<Ticket> {
        let Self { entries, lanes, .. } = self;
        let lane = lanes.get_mut(lane)?;
        lane.line.remove(position, &mut |item, at| entries.move_to(item, at)).map(|node| node.item)
    }

    /// Puts a lane where it belongs, after anything about it has changed.
    fn place_lane(&mut self, index: u32, now: Nanos) {
        let Self { lanes, ready, timed, settings, .. } = self;
        let Some(lane) = lanes.get_mut(index) else { return };
        let (stand, position) = (std::mem::replace(&mut lane.stand, Stand::Aside), lane.position);
        let most = settings.max_active_per_origin.unwrap_or(usize::MAX);
        let first = lane.line.first().filter(|_| lane.active < most);
        let free_at = lane.free_at();
        let mut node = first.map(|first| Node { item: index, ..first });
        if let Some(node) = &mut node {
            lane.stand = if free_at > now { Stand::Timed } else { Stand::Ready };
            if free_at > now {
                node.rank = free_at;
            }
        }
        let to = lane.stand;
        let place = &mut |item, at| {
            if let Some(lane) = lanes.get_mut(item) {
                lane.position = at;
            }
        };
        match stand {
            Stand::Ready => drop(ready.remove(position, place)),
            Stand::Timed => drop(timed.remove(position, place)),
            Stand::Aside => {}
        }
        match (to, node) {
            (Stand::Ready, Some(node)) => ready.push(node, place),
            (Stand::Timed, Some(node)) => timed.push(node, place),
            _ => {}
        }
    }
}
