//! The end of a run: whether memory has grown, and what has happened.

use std::collections::BTreeSet;

use crate::levels::{Levels, mebibytes};
use crate::run::Run;
use crate::troubles::Troubles;

/// The growth of allocated memory that caches and buffers of the allocator's users may cause.
const ALLOCATED_GROWTH: u64 = 384 * 1024;

/// The growth of allocated memory while no client exists: the process's caches, and this program's counts.
const GROWTH_WITHOUT_CLIENTS: u64 = 192 * 1024;

/// The growth of resident memory that the allocator's fragments may cause.
const RESIDENT_GROWTH: u64 = 64 * 1024 * 1024;

/// Returns the highest levels of some rests.
pub fn highest(history: &[Levels]) -> Levels {
    history.iter().fold(Levels::default(), |highest, levels| Levels {
        descriptors: highest.descriptors.max(levels.descriptors),
        sockets: highest.sockets.max(levels.sockets),
        threads: highest.threads.max(levels.threads),
        pooled_threads: highest.pooled_threads.max(levels.pooled_threads),
        allocated: highest.allocated.max(levels.allocated),
        resident: highest.resident.max(levels.resident),
    })
}

/// Compares the memory at the last rest with the memory after the warm-up.
pub fn check_memory(run: &Run, base: Option<&Levels>, history: &[Levels]) {
    let (Some(base), Some(last)) = (base, history.last()) else {
        run.tally.violation("memory: the run is too short to compare levels; give more --seconds or a shorter --round");
        return;
    };
    run.tally.check(last.allocated <= base.allocated + base.allocated / 10 + ALLOCATED_GROWTH, || {
        format!(
            "memory: {:.2} MiB are allocated at the end, and {:.2} MiB were after the warm-up",
            mebibytes(last.allocated),
            mebibytes(base.allocated)
        )
    });
    run.tally.check(last.resident <= base.resident + base.resident / 4 + RESIDENT_GROWTH, || {
        format!(
            "memory: {:.1} MiB are resident at the end, and {:.1} MiB were after the warm-up",
            mebibytes(last.resident),
            mebibytes(base.resident)
        )
    });
}

/// Compares the memory that stays without clients at the end with the memory when clients were dropped first.
pub fn check_memory_without_clients(run: &Run, levels: &[u64]) {
    let (Some(first), Some(last)) = (levels.first(), levels.last()) else { return };
    run.tally.check(*last <= first + GROWTH_WITHOUT_CLIENTS, || {
        format!(
            "memory: {:.2} MiB stay without clients at the end, and {:.2} MiB did before",
            mebibytes(*last),
            mebibytes(*first)
        )
    });
}

/// Checks that at least a third of the requests to each target end well, also to those with troubles: otherwise little but
/// their errors was tested.
pub fn check_successes(run: &Run) {
    let counts = run.tally.counts().clone();
    let targets = run.targets.iter().map(|target| target.name);
    for name in targets.chain(counts.errors.keys().map(|(name, _)| *name)).collect::<BTreeSet<_>>() {
        let succeeded = counts.succeeded.get(name).copied().unwrap_or_default();
        let failed: u64 = counts.errors.iter().filter(|((target, _), _)| *target == name).map(|(_, count)| count).sum();
        run.tally.check(succeeded > 0 && succeeded * 2 >= failed, || {
            format!("{name}: {succeeded} requests have ended well, and {failed} have failed")
        });
    }
}

/// Prints what has happened. The last line has the form that `tests/run.sh` reads.
pub fn print(run: &Run, troubles: &Troubles, history: &[Levels]) {
    let counts = run.tally.counts().clone();
    println!(
        "\nseed {}: {} requests, {:.0} MiB of bodies",
        run.options.seed,
        counts.requests(),
        mebibytes(counts.bytes)
    );
    let list = |items: Vec<String>| if items.is_empty() { "none".to_owned() } else { items.join(", ") };
    println!("done: {}", list(counts.done.iter().map(|(kind, count)| format!("{kind} {count}")).collect()));
    println!("ended well: {}", list(counts.succeeded.iter().map(|(name, count)| format!("{name} {count}")).collect()));
    println!("cancelled on purpose: {}", counts.cancelled);
    let errors = counts.errors.iter().map(|((target, kind), count)| format!("{target}: {kind} {count}"));
    println!("expected errors: {}", list(errors.collect()));
    let versions = counts.versions.iter().map(|((client, version), count)| format!("{client} {version} {count}"));
    println!("answers: {}", list(versions.collect()));
    println!("troubles: {}", troubles.counts);
    println!(
        "slowest request without troubles: {:.2?}; latest end after a limit: {:.2?}",
        counts.slowest_calm, counts.latest
    );
    for (name, level) in [("first", history.first()), ("last", history.last())] {
        if let Some(level) = level {
            println!("{name} rest: {level}");
        }
    }
    println!("soak: {} passed, {} failed", counts.checks + counts.requests(), counts.violations);
}
