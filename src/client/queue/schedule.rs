//! The waiting requests in the order in which they start: two levels of heaps.
//!
//! Each origin queue is a heap of requests, ordered by rank: the arrival time, moved earlier by priority. An origin queue
//! is itself in a heap if a request waits in it and fewer than `max_active_per_origin` of its requests run:
//! - in `ready`, ordered by its first request, if its rate limit lets that request start now;
//! - in `delayed`, ordered by the time at which its rate limit lets the next request start.
//!
//! The first origin queue in `ready` therefore holds the next request to start. An origin at its limit is in neither
//! heap: finding the next request never looks at it, and requests to other origins keep their order.
//!
//! # Invariant
//! The readiness of an origin queue names the heap that holds it, and its `position` is its index in that heap.

use super::heap::{Heap, Node};
use super::origins::{OriginQueue, OriginQueues, Readiness};
use super::rate::Nanos;
use super::requests::{Requests, Ticket};
use super::settings::QueueSettings;
use super::stall::RequestWaker;

/// The origin queues and the heaps that order them. Other parts of the queue name an origin queue by its index.
pub(super) struct Schedule {
    pub(super) origins: OriginQueues,
    /// The origin queues with a request that may start as soon as the client has a free slot.
    ready: Heap,
    /// The origin queues with a request that may start at a later time.
    delayed: Heap,
    max_active_per_origin: usize,
}

impl Schedule {
    pub(super) fn new(settings: &QueueSettings) -> Self {
        Self {
            origins: OriginQueues::new(settings.by_origin(), settings.origin_rate),
            ready: Heap::default(),
            delayed: Heap::default(),
            max_active_per_origin: settings.max_active_per_origin.unwrap_or(usize::MAX),
        }
    }

    /// Returns the origin queue with the next request to start, or `None` if the limits of origins let no request start now.
    pub(super) fn first_ready(&self) -> Option<u32> {
        self.ready.first().map(|node| node.item)
    }

    /// Returns the origin queue whose delay ends first, and when it ends.
    pub(super) fn first_delayed(&self) -> Option<(u32, Nanos)> {
        self.delayed.first().map(|node| (node.item, node.rank))
    }

    /// Returns whether a new request to an origin may start now: no request to it waits, and its limits allow a start.
    pub(super) fn may_start(&self, index: u32, now: Nanos) -> bool {
        let may_start = |queue: &OriginQueue| {
            queue.waiting.is_empty() && queue.active < self.max_active_per_origin && queue.free_at() <= now
        };
        self.origins.get(index).is_some_and(may_start)
    }

    /// Adds a waiting request to an origin queue.
    pub(super) fn push<W: RequestWaker>(&mut self, index: u32, node: Node, requests: &mut Requests<W>, now: Nanos) {
        if let Some(queue) = self.origins.get_mut(index) {
            queue.waiting.push(node, &mut |item, at| requests.set_position(item, at));
        }
        self.reschedule(index, now);
    }

    /// Takes the request at `position` out of an origin queue. The caller calls [`reschedule`](Self::reschedule) next.
    pub(super) fn take<W: RequestWaker>(
        &mut self,
        index: u32,
        position: u32,
        requests: &mut Requests<W>,
    ) -> Option<Ticket> {
        let queue = self.origins.get_mut(index)?;
        queue.waiting.remove(position, &mut |item, at| requests.set_position(item, at)).map(|node| node.item)
    }

    /// Removes all waiting requests.
    pub(super) fn clear(&mut self) {
        for queue in self.origins.iter_mut() {
            queue.waiting.clear();
            queue.readiness = Readiness::Blocked;
        }
        self.ready.clear();
        self.delayed.clear();
    }

    /// Puts an origin queue into the heap where it belongs now: `ready`, `delayed` or neither.
    ///
    /// Called after each change of its first request, its number of active requests or its tokens, and when its delay is
    /// over.
    pub(super) fn reschedule(&mut self, index: u32, now: Nanos) {
        let Self { origins, ready, delayed, max_active_per_origin } = self;
        let Some(queue) = origins.get_mut(index) else { return };
        let old = queue.readiness;
        let old_position = queue.position;
        let free_at = queue.free_at();
        let first = queue.waiting.first().filter(|_| queue.active < *max_active_per_origin);
        let (new, node) = match first {
            None => (Readiness::Blocked, None),
            Some(first) if free_at > now => {
                (Readiness::Delayed, Some(Node { rank: free_at, serial: first.serial, item: index }))
            }
            Some(first) => (Readiness::Ready, Some(Node { item: index, ..first })),
        };
        queue.readiness = new;
        let on_move = &mut |item, at| {
            if let Some(queue) = origins.get_mut(item) {
                queue.position = at;
            }
        };
        match old {
            Readiness::Ready => drop(ready.remove(old_position, on_move)),
            Readiness::Delayed => drop(delayed.remove(old_position, on_move)),
            Readiness::Blocked => {}
        }
        match (new, node) {
            (Readiness::Ready, Some(node)) => ready.push(node, on_move),
            (Readiness::Delayed, Some(node)) => delayed.push(node, on_move),
            _ => {}
        }
    }
}
