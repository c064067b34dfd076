//! Runs the whole client on a simulated clock and a simulated network, from seeds, and checks its invariants.
//!
//! | arguments | what runs |
//! |---|---|
//! | `SEEDS [FIRST]` | so many seeds, from the first on, in a process for each processor |
//! | `seed SEED` | a single seed, whose steps are printed |
//!
//! - `world` makes the steps of a seed, `finish` its end. `settings` and `plan` are what a seed picks.
//! - `network` opens connections, `link` is a connection, `server` answers, `caller` sends a request.
//! - `clock` and `tasks` stand for a runtime. `record` is what happens, and `model` judges it.
//! - `runner` runs a seed and its repetition, `workers` the processes, `counts` says what has happened in all.
//!
//! `make simulate` runs it, see CONTRIBUTING.md.

mod caller;
mod clock;
mod counts;
mod finish;
mod link;
mod model;
mod network;
mod plan;
mod record;
mod rng;
mod runner;
mod server;
mod settings;
mod tasks;
mod workers;
mod world;

use std::process::ExitCode;

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let passes = match arguments[..] {
        [seeds] => workers::run(number(seeds), 0),
        [seeds, first] if seeds != "seed" => workers::run(number(seeds), number(first)),
        ["seed", seed] => runner::show(number(seed)),
        ["worker", seeds, first, step] => {
            workers::work(number(seeds), number(first), number(step));
            true
        }
        _ => panic!("the arguments are SEEDS [FIRST], or: seed SEED"),
    };
    if passes { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}
