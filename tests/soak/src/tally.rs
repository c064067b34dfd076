//! The counts of a run, and its violations.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most violations that are printed. All are counted.
const SHOWN: u64 = 50;

/// What has happened so far.
#[derive(Default)]
pub struct Tally(Mutex<Counts>);

/// The counts of a [`Tally`].
#[derive(Clone, Default)]
pub struct Counts {
    /// Requests that ended well, by what they did.
    pub done: BTreeMap<&'static str, u64>,
    /// Requests that ended well, by target, or by client if the client causes errors.
    pub succeeded: BTreeMap<&'static str, u64>,
    /// Requests that were dropped on purpose.
    pub cancelled: u64,
    /// Expected errors by target and kind.
    pub errors: BTreeMap<(&'static str, String), u64>,
    /// Answers by client and version of HTTP.
    pub versions: BTreeMap<(&'static str, String), u64>,
    pub bytes: u64,
    /// The longest time of a request to a server without troubles.
    pub slowest_calm: Duration,
    /// The longest time by which a request settled after its limit.
    pub latest: Duration,
    pub violations: u64,
    /// The checks that were made at rests.
    pub checks: u64,
    /// The counted requests of this round and the round before.
    counted: [HashMap<u64, CountedRequest>; 2],
}

/// A request that the server counts.
#[derive(Clone, Copy, Debug)]
pub struct CountedRequest {
    /// How often the server may receive it.
    pub allowed: u64,
    /// Whether the server has answered it.
    pub is_answered: bool,
}

impl Tally {
    pub fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a broken promise, and prints it.
    pub fn violation(&self, text: &str) {
        let mut counts = self.counts();
        counts.violations += 1;
        if counts.violations <= SHOWN {
            println!("VIOLATION: {text}");
        }
    }

    /// Makes a check, and records a violation if it fails.
    pub fn check(&self, holds: bool, text: impl FnOnce() -> String) {
        self.counts().checks += 1;
        if !holds {
            self.violation(&text());
        }
    }

    /// Compares the ids that the servers have counted with what is allowed, at the end of a round.
    pub fn check_counted(&self, ids: &[u8]) {
        let mut times = HashMap::<u64, u64>::new();
        for id in ids.chunks_exact(8) {
            *times.entry(u64::from_le_bytes(id.try_into().unwrap_or_default())).or_default() += 1;
        }
        let mut wrong = Vec::new();
        let mut counts = self.counts();
        for (id, times) in &times {
            // A request of the round before can arrive late, after its client has given up.
            let request = counts.counted.iter().find_map(|round| round.get(id));
            if request.is_none_or(|request| *times > request.allowed) {
                wrong.push(format!("the server received the POST {id} {times} times: {request:?}"));
            }
        }
        for (id, request) in &counts.counted[0] {
            if request.is_answered && !times.contains_key(id) {
                wrong.push(format!("the POST {id} was answered, but the server never received it"));
            }
        }
        counts.counted.swap(0, 1);
        counts.counted[0] = HashMap::new();
        drop(counts);
        self.check(wrong.is_empty(), || wrong.join("; "));
    }
}

impl Counts {
    /// Adds a request before it is sent.
    pub fn add_counted(&mut self, id: u64, allowed: u64) {
        self.counted[0].insert(id, CountedRequest { allowed, is_answered: false });
    }

    pub fn set_answered(&mut self, id: u64) {
        if let Some(request) = self.counted[0].get_mut(&id) {
            request.is_answered = true;
        }
    }

    /// Records how long a request took.
    pub fn add_time(&mut self, elapsed: Duration, limit: Duration, is_calm: bool) {
        self.latest = self.latest.max(elapsed.saturating_sub(limit));
        if is_calm {
            self.slowest_calm = self.slowest_calm.max(elapsed);
        }
    }

    pub fn requests(&self) -> u64 {
        self.done.values().sum::<u64>() + self.cancelled + self.errors.values().sum::<u64>()
    }

    /// Returns the expected errors by kind alone.
    pub fn errors_by_kind(&self) -> String {
        let mut kinds = BTreeMap::<&str, u64>::new();
        for ((_, kind), count) in &self.errors {
            *kinds.entry(kind).or_default() += count;
        }
        kinds.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the number of violations after servers have counted these ids.
    fn violations(tally: &Tally, ids: &[u64]) -> u64 {
        let bytes: Vec<_> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        tally.check_counted(&bytes);
        tally.counts().violations
    }

    fn tally(allowed: u64, is_answered: bool) -> Tally {
        let tally = Tally::default();
        tally.counts().add_counted(7, allowed);
        if is_answered {
            tally.counts().set_answered(7);
        }
        tally
    }

    #[test]
    fn request_is_received_as_often_as_allowed() {
        assert_eq!(violations(&tally(1, true), &[7]), 0);
        assert_eq!(violations(&tally(1, true), &[7, 7]), 1);
        assert_eq!(violations(&tally(3, true), &[7, 7, 7]), 0);
        assert_eq!(violations(&tally(3, true), &[7, 7, 7, 7]), 1);
    }

    #[test]
    fn answered_request_was_received() {
        assert_eq!(violations(&tally(1, true), &[]), 1);
        assert_eq!(violations(&tally(1, false), &[]), 0);
    }

    #[test]
    fn request_of_the_round_before_may_arrive_late() {
        let tally = tally(1, false);
        assert_eq!(violations(&tally, &[]), 0);
        assert_eq!(violations(&tally, &[7]), 0);
        assert_eq!(violations(&tally, &[7]), 1);
    }
}
