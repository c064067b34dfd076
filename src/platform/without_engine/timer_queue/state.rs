//! The state of a timer queue: which sleeps wait until when, and which sleep leads. It calls no foreign code.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use slab::Slab;

use crate::runtime::Instant;

/// Maximum number of tasks that are woken so that a task among them becomes the leader. It is 3 if the sleep that was
/// polled last has no waker.
pub(super) const CANDIDATES: usize = 4;

/// The key of the queue itself, as the leader.
pub(super) const QUEUE: usize = usize::MAX;

/// How many items of cancelled sleeps the heap keeps before it is compacted. It is compacted only if they are also more
/// than half of the heap, so the cost per cancelled sleep stays constant.
pub(super) const MAX_CANCELLED: usize = 512;

#[derive(Default)]
pub(super) struct TimerQueueState {
    /// Times and the entries they belong to, soonest first. Cancelling a sleep leaves its item behind: an item whose
    /// entry is gone, or has been reused, is skipped when it is reached.
    pub(super) heap: BinaryHeap<Reverse<(Instant, EntryId)>>,
    /// The sleeps that have been polled, and have not yet completed or been dropped or set again.
    pub(super) entries: Slab<TimerEntry>,
    pub(super) leader: Option<Leader>,
    /// The last number given to an entry or a leader. Each number is given once.
    pub(super) last_number: u64,
    /// The key of the entry that was polled last: the best candidate, since its task was alive a moment ago.
    pub(super) last_polled: usize,
    /// How many entries have a waker.
    pub(super) with_waker: usize,
    /// How many items of the heap belong to cancelled sleeps.
    pub(super) cancelled: usize,
    /// Whether the queue has led, so that it may hold a timer.
    pub(super) may_hold: bool,
}

/// Identifies an entry. A key of the slab is reused, a number is not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EntryId {
    pub(super) number: u64,
    pub(super) key: usize,
}

/// What the queue knows of a sleep.
pub(super) struct TimerEntry {
    pub(super) number: u64,
    /// Wakes the sleep's task. `None` once the task has been woken, or while the sleep is paused.
    pub(super) waker: Option<Waker>,
    /// Whether the heap has an item for this entry; false once the time has come.
    pub(super) in_heap: bool,
}

/// The sleep, or the queue, that holds the future of the backend's timer.
#[derive(Clone, Copy)]
pub(super) struct Leader {
    pub(super) number: u64,
    /// The key of the sleep's entry, or [`QUEUE`].
    pub(super) key: usize,
    /// The time that the backend's timer is set for.
    pub(super) at: Instant,
}

impl TimerQueueState {
    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds an entry for a sleep that is set for `at`.
    pub(super) fn insert(&mut self, at: Instant) -> EntryId {
        let number = self.next_number();
        let key = self.entries.insert(TimerEntry { number, waker: None, in_heap: true });
        let id = EntryId { number, key };
        self.heap.push(Reverse((at, id)));
        id
    }

    /// Removes an entry. Returns its waker, which the caller drops after it has released the lock.
    pub(super) fn remove(&mut self, id: EntryId) -> Option<Waker> {
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
    pub(super) fn soonest(&mut self) -> Option<Instant> {
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
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Waker> {
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

    /// Makes the queue the leader if there is no leader and a sleep waits.
    pub(super) fn begin_lead(&mut self) -> Option<Leader> {
        if self.leader.is_some() {
            return None;
        }
        let at = self.soonest()?;
        self.lead_until(at)
    }

    /// Makes the queue the leader until `at`, unless the present leader's timer is set for as soon. Returns the new leader.
    pub(super) fn lead_until(&mut self, at: Instant) -> Option<Leader> {
        if self.leader.is_some_and(|leader| leader.at <= at) {
            return None;
        }
        let number = self.next_number();
        self.leader = Some(Leader { number, key: QUEUE, at });
        self.may_hold = true;
        self.leader
    }

    /// Ends the lead of the queue if no sleep waits. Returns the number that the end has, if the queue may hold a timer.
    pub(super) fn end_lead(&mut self) -> Option<u64> {
        let is_led_by_sleep = self.leader.is_some_and(|leader| leader.key != QUEUE);
        if !self.may_hold || is_led_by_sleep || self.soonest().is_some() {
            return None;
        }
        self.leader = None;
        self.may_hold = false;
        Some(self.next_number())
    }

    /// Takes the wakers of up to [`CANDIDATES`] entries if there is no leader.
    pub(super) fn take_candidates(&mut self, wakers: &mut Vec<Waker>) {
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

    pub(super) fn take_waker(&mut self, key: usize) -> Option<Waker> {
        let waker = self.entries.get_mut(key)?.waker.take();
        self.with_waker -= usize::from(waker.is_some());
        waker
    }

    /// Returns whether the time of the entry `key` has come, so that no timer fires for it any more.
    pub(super) fn is_due(&self, key: usize) -> bool {
        self.entries.get(key).is_some_and(|entry| !entry.in_heap)
    }

    /// Stores the waker of the task that waits for the entry `key`. Returns the waker of another task that it replaces,
    /// which the caller drops after it has released the lock.
    pub(super) fn put_waker(&mut self, key: usize, waker: &Waker) -> Option<Waker> {
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
pub(super) fn is_live(entries: &Slab<TimerEntry>, id: EntryId) -> bool {
    entries.get(id.key).is_some_and(|entry| entry.number == id.number)
}

fn has_waker(entries: &Slab<TimerEntry>, id: EntryId) -> bool {
    entries.get(id.key).is_some_and(|entry| entry.waker.is_some())
}
