//! Random interleavings of requests, drops, held tasks, delayed bytes and faults of the server: no request hangs, each
//! outcome is right, and at the end nothing is left.
//!
//! - `world` makes the steps, `finish` the end. `network` is the client with its servers, `requests` what is sent.
//! - `tape` records the frames of each connection, which `frames` reads.
//! - `model` says which outcome of a request is right, `accounts` counts the streams and windows of a connection.
//!
//! `WATERSPOUT_HTTP2_SEEDS` sets the number of seeds, `WATERSPOUT_HTTP2_FIRST_SEED` the first, `WATERSPOUT_HTTP2_THREADS` how
//! many seeds run at once.

mod accounts;
mod finish;
mod frames;
mod model;
pub(crate) mod network;
pub(crate) mod requests;
mod rng;
pub(crate) mod tape;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::world::{Steps, World};

/// The number of steps before the end.
const STEPS: usize = 80;

/// The number of failures after which a run ends.
const MAX_FAILURES: usize = 5;

/// Runs a seed. Returns whether it passes. A failure prints its steps.
pub(crate) fn passes(seed: u64) -> bool {
    let steps = Steps::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed, steps.clone());
        (0..STEPS).for_each(|_| world.step());
        world.finish();
    }));
    if outcome.is_err() {
        steps.print(seed);
    }
    outcome.is_ok()
}

pub(crate) fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Returns the seeds to run: by default the first `count`.
pub(crate) fn seeds(count: u64) -> std::ops::Range<u64> {
    let first = setting("WATERSPOUT_HTTP2_FIRST_SEED", 0);
    first..first + setting("WATERSPOUT_HTTP2_SEEDS", count)
}

/// Runs the seeds until `MAX_FAILURES` of them have failed.
pub(crate) fn run_all(seeds: impl Iterator<Item = u64>, passes: impl Fn(u64) -> bool) {
    let failed: Vec<_> = seeds.filter(|seed| !passes(*seed)).take(MAX_FAILURES).collect();
    assert!(failed.is_empty(), "these seeds fail: {failed:?}");
}
