//! Runs a seed: without its steps at first, and again with its steps if it fails.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use futures::FutureExt;
use waterspout::Client;
use waterspout::testing::MockBackend;

use crate::ALLOCATOR;
use crate::counts;
use crate::record::Record;
use crate::world::World;

thread_local! {
    /// The text of the last panic, and its place.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the texts of panics, instead of printing them.
fn keep_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| std::panic::set_hook(Box::new(|info| PANIC.set(info.to_string()))));
}

/// The result of a seed.
#[derive(Debug, PartialEq)]
pub(crate) struct SeedResult {
    /// What is wrong, if anything is.
    pub(crate) failure: Option<String>,
    /// The steps, if they were kept.
    pub(crate) steps: Vec<String>,
}

/// Runs a seed.
pub(crate) fn run(seed: u64, keeps_steps: bool) -> SeedResult {
    keep_panics();
    let mut kept: Option<Record> = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        World::new(seed, keeps_steps, |record| kept = Some(record)).run();
    }));
    let steps = kept.map(|record| record.take_steps()).unwrap_or_default();
    SeedResult { failure: outcome.is_err().then(|| PANIC.take()), steps }
}

/// Runs a seed and measures the memory that it leaves behind. Returns what is wrong, if anything is.
pub(crate) fn check(seed: u64) -> Option<String> {
    let (failure, left) = run_measured(seed);
    if failure.is_some() || left == 0 {
        return failure;
    }
    // The first use of a value that the process keeps allocates it. Only a seed that leaks leaves memory each time.
    let counted = counts::all();
    let (failure, left) = run_measured(seed);
    counts::restore(&counted);
    failure.or_else(|| (left > 0).then(|| format!("{left} bytes are left")))
}

/// Runs a seed. Returns what is wrong, if anything is, and the bytes that are left.
fn run_measured(seed: u64) -> (Option<String>, usize) {
    let before = level();
    let failure = run(seed, false).failure;
    (failure, level().saturating_sub(before))
}

/// Checks that a seed makes the same steps each time.
pub(crate) fn check_repetition(seed: u64) -> Option<String> {
    let before = counts::all();
    let same = run(seed, true) == run(seed, true);
    counts::restore(&before);
    (!same).then(|| "the seed does not make the same steps each time".into())
}

/// Prints the steps of a seed. Returns whether it passes.
pub(crate) fn show(seed: u64) -> bool {
    let result = run(seed, true);
    result.steps.iter().for_each(|step| println!("  {step}"));
    let failure = result.failure.or_else(|| check(seed));
    match &failure {
        Some(reason) => println!("seed {seed} fails: {reason}"),
        None => println!("seed {seed} passes"),
    }
    failure.is_none()
}

/// Returns the bytes in use while the thread keeps the progress of a request.
///
/// A thread may keep the `Progress` of its last request for its next request, so a seed ends with it or without it. The
/// request that is made here ends with it in both cases, so levels are exactly comparable.
fn level() -> usize {
    let client = Client::builder().backend(MockBackend::text("")).build().unwrap_or_else(|error| panic!("{error}"));
    let response = client.get("http://a.test/").into_future().now_or_never();
    drop(response);
    drop(client);
    ALLOCATOR.current_usage()
}
