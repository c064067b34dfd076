//! The origin queues. Each origin has its own if origins have limits or are counted; else a single queue is for all.

use std::sync::Arc;

use super::OriginStats;
use super::heap::Heap;
use super::rate::{Nanos, Rate, TokenBucket};
use super::requests::Ticket;

/// Number of origin queues in use at which the first search for queues to free happens.
const FIRST_SWEEP: usize = 64;

/// Whether the first request of an origin queue may start, as far as its origin's limits say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// No request waits, or as many requests of this origin run as may.
    Blocked,
    /// The first request may start now.
    Ready,
    /// The rate limit of the origin lets the first request start later.
    Delayed,
}

/// The requests to an origin.
#[derive(Debug)]
pub(super) struct OriginQueue {
    /// The text of the origin; `None` if this queue is for all origins, or not in use.
    // Shared with the statistics, which then copy no text under the queue's lock.
    name: Option<Arc<str>>,
    /// Number of requests that hold a slot.
    pub(super) active: usize,
    /// The waiting requests, by their tickets.
    pub(super) waiting: Heap,
    /// The rate limit of this origin.
    pub(super) bucket: Option<TokenBucket>,
    pub(super) readiness: Readiness,
    /// Index in the heap that `readiness` names.
    pub(super) position: u32,
}

impl OriginQueue {
    fn new(name: Option<&str>, rate: Option<Rate>) -> Self {
        Self {
            name: name.map(Arc::from),
            active: 0,
            waiting: Heap::default(),
            bucket: rate.map(TokenBucket::new),
            readiness: Readiness::Blocked,
            position: 0,
        }
    }

    /// Returns when the rate limit of the origin lets the next request start.
    pub(super) fn free_at(&self) -> Nanos {
        self.bucket.as_ref().map_or(Nanos::MIN, TokenBucket::free_at)
    }

    fn is_empty(&self) -> bool {
        self.active == 0 && self.waiting.is_empty()
    }

    /// Returns whether forgetting this queue changes nothing: a new queue begins with a full bucket.
    fn can_be_freed(&self, now: Nanos) -> bool {
        self.is_empty() && self.bucket.is_none_or(|bucket| bucket.is_full(now))
    }
}

/// All origin queues.
#[derive(Debug)]
pub(super) struct OriginQueues {
    queues: Vec<OriginQueue>,
    /// Indices of the queues that are not in use. The next new origins reuse them.
    free: Vec<u32>,
    /// Indices of the queues in use, sorted by name; `None` if a single queue is for all origins.
    // A flat list, because its code is 480 bytes smaller to download than a tree of short lists. A new origin moves four bytes
    // for each origin in use behind it: 6 microseconds if there are 100,000.
    sorted: Option<Vec<u32>>,
    /// The rate limit of each origin.
    rate: Option<Rate>,
    /// Number of queues in use at which the next sweep happens.
    sweep_at: usize,
    /// Where `last_waiting` last found a request.
    last_found: usize,
}

impl OriginQueues {
    pub(super) fn new(by_origin: bool, rate: Option<Rate>) -> Self {
        let (queues, sorted) =
            if by_origin { (Vec::new(), Some(Vec::new())) } else { (vec![OriginQueue::new(None, None)], None) };
        Self { queues, free: Vec::new(), sorted, rate, sweep_at: FIRST_SWEEP, last_found: 0 }
    }

    pub(super) fn get(&self, index: u32) -> Option<&OriginQueue> {
        self.queues.get(index as usize)
    }

    pub(super) fn get_mut(&mut self, index: u32) -> Option<&mut OriginQueue> {
        self.queues.get_mut(index as usize)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut OriginQueue> {
        self.queues.iter_mut()
    }

    /// Returns a waiting request that is not likely to start soon, if a request waits.
    pub(super) fn last_waiting(&mut self) -> Option<Ticket> {
        // The search goes on where it ended: from the beginning, each start of a request to any of many origins would pass
        // by all origins that have no request left.
        let count = self.queues.len();
        for step in 0..count {
            let index = (self.last_found + step) % count;
            // In a queue of equal priorities, the last place of the heap has the request that came last.
            if let Some(node) = self.queues.get(index).and_then(|queue| queue.waiting.last()) {
                self.last_found = index;
                return Some(node.item);
            }
        }
        None
    }

    /// Returns the counts of each origin with a request, sorted by name; none if a single queue is for all origins.
    pub(super) fn stats(&self) -> Vec<OriginStats> {
        let queues =
            self.sorted.iter().flatten().filter_map(|index| self.get(*index)).filter(|queue| !queue.is_empty());
        let stats = |queue: &OriginQueue| OriginStats {
            origin: queue.name.clone().unwrap_or_default(),
            active: queue.active,
            queued: queue.waiting.len(),
        };
        queues.map(stats).collect()
    }

    /// Returns the index of the queue for `origin`, which is created if there is none.
    pub(super) fn open(&mut self, origin: &str, now: Nanos) -> u32 {
        let Some(sorted) = &self.sorted else { return 0 };
        let mut place = self.find(origin);
        if place.is_err() && sorted.len() >= self.sweep_at {
            self.sweep(now);
            // The sweep moves indices, so the place is searched for again.
            place = self.find(origin);
        }
        let at = match place {
            Ok(found) => return found,
            Err(missing) => missing,
        };
        let queue = OriginQueue::new(Some(origin), self.rate);
        let index = match self.free.pop() {
            Some(index) => {
                if let Some(free) = self.get_mut(index) {
                    *free = queue;
                }
                index
            }
            None => {
                self.queues.push(queue);
                (self.queues.len() - 1) as u32
            }
        };
        if let Some(sorted) = &mut self.sorted {
            sorted.insert(at, index);
        }
        index
    }

    /// Returns the index of the queue with this name, or the place in the list where it belongs.
    fn find(&self, name: &str) -> Result<u32, usize> {
        let sorted = self.sorted.as_deref().unwrap_or_default();
        let name_of = |index: &u32| self.get(*index).and_then(|queue| queue.name.as_deref()).unwrap_or_default();
        let at = sorted.partition_point(|index| name_of(index) < name);
        match sorted.get(at) {
            Some(index) if name_of(index) == name => Ok(*index),
            _ => Err(at),
        }
    }

    /// Frees the queues that can be freed.
    fn sweep(&mut self, now: Nanos) {
        let Self { queues, free, sorted: Some(sorted), .. } = self else { return };
        sorted.retain(|index| {
            let Some(queue) = queues.get_mut(*index as usize) else { return false };
            let stays = !queue.can_be_freed(now);
            if !stays {
                queue.name = None;
                free.push(*index);
            }
            stays
        });
        // The next sweep waits until the number has doubled, so sweeping costs constant time for each new origin.
        self.sweep_at = FIRST_SWEEP.max(2 * sorted.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_5000_origins_is_found() {
        let mut origins = OriginQueues::new(true, None);
        let name = |number: usize| format!("http://host-{}.example", number * 7919 % 5000);
        let indices: Vec<_> = (0..5000)
            .map(|number| {
                let index = origins.open(&name(number), 0);
                origins.get_mut(index).unwrap().active = 1;
                index
            })
            .collect();
        assert!((0..5000).all(|number| origins.open(&name(number), 0) == indices[number]));
        let names: Vec<_> = origins.stats().into_iter().map(|stats| stats.origin).collect();
        assert!(names.len() == 5000 && names.is_sorted());
    }

    #[test]
    fn unused_origins_are_removed() {
        let mut origins = OriginQueues::new(true, Some(Rate::new(1, std::time::Duration::from_nanos(10))));
        let busy = origins.open("http://busy.example", 0);
        origins.get_mut(busy).unwrap().active = 1;
        for number in 0..10_000 {
            let index = origins.open(&format!("http://{number}.example"), number);
            // An origin whose bucket is not full is kept until the bucket is full.
            origins.get_mut(index).unwrap().bucket.as_mut().unwrap().take(number);
        }
        assert!(origins.queues.len() < 200, "{}", origins.queues.len());
        assert_eq!(origins.open("http://busy.example", 0), busy);
        assert!(origins.find("http://9999.example").is_ok());
    }
}
