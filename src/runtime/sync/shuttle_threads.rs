//! The locks, atomics and threads of `shuttle`, whose scheduler is random.

pub(crate) use shuttle::sync::{Mutex, MutexGuard, atomic};

/// What only the thread models use.
#[cfg(test)]
pub(crate) mod for_models {
    use std::time::Instant;

    pub(crate) use shuttle::future::block_on;
    use shuttle::scheduler::{PctScheduler, RandomScheduler};
    pub(crate) use shuttle::thread::{JoinHandle, spawn, yield_now as give_way};
    use shuttle::{Config, Runner};

    /// How many runs a model makes with each scheduler, unless `ITERATIONS` says otherwise.
    const ITERATIONS: u64 = 1_000;

    /// The seed of the schedulers, unless `SEED` says otherwise.
    const SEED: u64 = 1;

    /// Maximum number of preemptions that `PctScheduler` makes in a run.
    const DEPTH: usize = 3;

    /// The stack of a thread, in bytes. Builds without optimization use much of it.
    const STACK: usize = 256 * 1024;

    /// Runs a model with two schedulers: a uniformly random one, and one that makes few preemptions in random places. The
    /// same seed gives the same runs. A run in which all threads wait fails, so a lost wake-up is found.
    pub(crate) fn check(name: &str, model: impl Fn() + Send + Sync + Clone + 'static) {
        let iterations = variable("ITERATIONS").unwrap_or(ITERATIONS);
        let seed = variable("SEED").unwrap_or(SEED);
        let limit = usize::try_from(iterations).unwrap();
        let began = Instant::now();
        // Printed first: a run that fails ends the process of the test.
        eprintln!("model {name}: ITERATIONS={iterations} SEED={seed}");
        let random = Runner::new(RandomScheduler::new_from_seed(seed, limit), config()).run(model.clone());
        let few_switches = Runner::new(PctScheduler::new_from_seed(seed, DEPTH, limit), config()).run(model);
        eprintln!("model {name}: {} runs in {:.1} s", random + few_switches, began.elapsed().as_secs_f64());
    }

    fn config() -> Config {
        let mut config = Config::new();
        config.stack_size = STACK;
        // The warning says that all atomics are sequentially consistent, see `super`.
        config.silence_warnings = true;
        config
    }

    /// Returns the number in an environment variable.
    fn variable(name: &str) -> Option<u64> {
        let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
        Some(text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
    }
}
