//! Bounds the streams that a client resets on a connection, because servers take many resets for an attack
//! (CVE-2023-44487).

use crate::runtime::Instant;

/// How many resets a connection may send at once before new requests use another connection.
///
/// The limits of servers: nghttp2 (and Node and Apache, which use it) allows 1,000 resets at once and 33 a second. Jetty
/// allows 128 events a second. nginx allows 256 new streams in a turn of its loop by default. The library h2, and hyper
/// with it, allows 20 streams that are reset before the program has seen them. The requests that are still on the
/// connection may be cancelled after it has been retired, so the number stays below these limits with room for them.
const BURST: u32 = 100;

/// Resets that each second allows in addition, a third of what nghttp2 allows.
const PER_SECOND: u64 = 10;

/// The resets that a connection may still send.
#[derive(Debug)]
pub(super) struct ResetBudget {
    left: u32,
    refilled_at: Instant,
}

impl ResetBudget {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, refilled_at: now }
    }

    /// Counts sent resets. Returns `false` once the budget is used up.
    pub(super) fn spend(&mut self, resets: u32, now: Instant) -> bool {
        let refill = now.nanos_since(self.refilled_at) / (1_000_000_000 / PER_SECOND);
        // Without this, frequent calls would each lose a part of a reset.
        if refill > 0 {
            self.refilled_at = now;
            self.left = self.left.saturating_add(u32::try_from(refill).unwrap_or(u32::MAX)).min(BURST);
        }
        self.left = self.left.saturating_sub(resets);
        self.left > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn burst_uses_the_budget_up() {
        let mut budget = ResetBudget::new(at(0));
        assert!((1..BURST).all(|_| budget.spend(1, at(0))));
        assert!(!budget.spend(1, at(0)));
    }

    #[test]
    fn time_refills_the_budget() {
        let mut budget = ResetBudget::new(at(0));
        assert!((0..10_000).all(|turn| budget.spend(1, at(turn * 100))));
        assert!(budget.spend(BURST - 2, at(1_000_000)));
    }
}
