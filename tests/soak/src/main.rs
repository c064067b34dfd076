//! Runs clients against servers over real sockets for minutes, with restarts, packet loss and black holes.
//!
//! | arguments | what runs |
//! |---|---|
//! | `[--seconds N …]` | a run; `--help` lists the options |
//! | `serve …` | a server, started by a run |
//! | `proxy …` | a proxy that injects faults, started by a run |
//!
//! Each request must settle within its limit. Its body must be right, or its error of an expected kind. Rounds of load
//! alternate with rests. At a rest no socket is open, no slot is taken, and descriptors, threads, timers and memory are
//! back at their levels. `make soak` runs it.

mod calls;
mod clients;
mod fault_proxy;
mod levels;
mod network;
mod options;
mod payload;
mod programs;
mod random;
mod rounds;
mod run;
mod serve;
mod setup;
mod site;
mod summary;
mod tally;
mod targets;
mod troubles;
mod watchdog;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::clients::{on_threads, on_tokio};
use crate::fault_proxy::ProxyArguments;
use crate::levels::Levels;
use crate::options::{Options, USAGE};
use crate::rounds::{Clients, Hang};
use crate::run::Run;
use crate::serve::ServeArguments;
use crate::setup::Setup;

/// The rounds after which the clients are dropped and made again.
const CLIENT_ROUNDS: u32 = 4;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    let texts: Vec<_> = arguments.iter().map(String::as_str).collect();
    match texts[..] {
        ["serve", http, https, folder, counts, ref rest @ ..] => {
            serve::run(&ServeArguments { http, https, folder, counts, repeats: !rest.is_empty() })?;
        }
        ["proxy", http, https, connect, to_http, to_https, seed, mode, ref rest @ ..] => {
            let (is_calm, corrupts) = (mode == "calm", !rest.is_empty());
            let forwards = [(http, to_http), (https, to_https)];
            fault_proxy::run(&ProxyArguments { forwards, connect, seed: seed.parse()?, is_calm, corrupts })?;
        }
        ["--help"] => println!("{USAGE}"),
        _ => {
            let options = Options::parse(arguments)?;
            if network::is_inside() {
                network::end_with_parent();
            } else if options.loopback {
                println!("network: loopback alone, as asked");
            } else if let Some(code) = network::enter()? {
                return Ok(code);
            }
            return soak(options);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn soak(options: Options) -> Result<ExitCode, Box<dyn Error>> {
    println!("seed {}", options.seed);
    let mut setup = Setup::start(&options)?;
    let run = Arc::new(Run::new(options.clone(), std::mem::take(&mut setup.targets)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut clients = make_clients(&setup, options.workers)?;
    let mut history = Vec::new();
    let mut without_clients = Vec::new();
    let mut base: Option<Levels> = None;
    let mut rest_of_time = options.duration;
    for number in 0.. {
        let length = rest_of_time.min(options.round);
        rest_of_time -= length;
        let round = rounds::round(&run, number, length, &clients, &runtime, &mut setup.troubles);
        if let Err(Hang) = round {
            summary::print(&run, &setup.troubles, &history);
            // The hanging request keeps its thread, so nothing can be waited for.
            drop(setup);
            std::process::exit(1);
        }
        let levels = rounds::rest(&run, &clients, base.as_ref(), &setup.counts)?;
        println!("rest after round {}: {levels}", number + 1);
        history.push(levels);
        if number + 1 == options.warm_up {
            base = Some(summary::highest(&history));
        }
        let is_last = rest_of_time < Duration::from_secs(1);
        if is_last || (number + 1) % CLIENT_ROUNDS == 0 {
            clients = Clients::default();
            without_clients.push(rounds::level_without_clients());
        }
        if is_last {
            break;
        }
        if clients.is_empty() {
            clients = make_clients(&setup, options.workers)?;
        }
    }
    summary::check_successes(&run);
    summary::check_memory(&run, base.as_ref(), &history);
    summary::check_memory_without_clients(&run, &without_clients);
    drop(runtime);
    summary::print(&run, &setup.troubles, &history);
    let violations = run.tally.counts().violations;
    Ok(if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn make_clients(setup: &Setup, workers: usize) -> waterspout::Result<Clients> {
    Ok(Clients {
        on_threads: on_threads(&setup.certificate, &setup.proxies, workers)?.into_iter().map(Arc::new).collect(),
        on_tokio: on_tokio(&setup.certificate, workers)?.into_iter().map(Arc::new).collect(),
    })
}
