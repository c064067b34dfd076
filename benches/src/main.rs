//! Compares waterspout with other clients over loopback, in a single run: small requests, and a large download.
//!
//! | arguments | what runs |
//! |---|---|
//! | `[REQUESTS] [CLIENT …]` | the comparison, with 40,000 small requests by default and all clients by default |
//! | `serve` | the server alone; it prints its address |
//! | `client ADDRESS CONNECTIONS REQUESTS` | waterspout alone, for tools that count the work of a process |
//! | `queue [REQUESTS]` | the costs of many queued requests, 1,000,000 by default |
//!
//! Run it with `cargo run --release --manifest-path benches/Cargo.toml -- ARGUMENTS`.
//!
//! The server is a second process of this program, on the other processor. The results are medians over several rounds.
//! In each round, every client has a turn. The table has ratios to hyper-util too, because absolute numbers depend
//! mainly on the machine.

mod clients;
mod queue;
mod server;

use std::time::{Duration, Instant};

use clients::Client;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// The number of rounds. In a round, each client has a turn.
const ROUNDS: usize = 5;

/// The length of the large download, in bytes.
const LARGE: usize = 64 << 20;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let first = arguments.next();
    if first.as_deref() == Some("serve") {
        pin(1);
        return server::serve();
    }
    pin(0);
    if first.as_deref() == Some("client") {
        return run_client(arguments);
    }
    if first.as_deref() == Some("queue") {
        let requests = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(1_000_000);
        return queue::measure(requests, arguments.next().as_deref());
    }
    let requests = first.and_then(|number| number.parse().ok()).unwrap_or(40_000);
    let wanted: Vec<String> = arguments.collect();
    let server = server::Process::start();
    for connections in [1, 64, 512] {
        println!("\nsmall GET, {connections} connections, {requests} requests");
        compare(&wanted, |client| client.small(&server.address, connections, requests), requests);
    }
    println!("\nlarge GET, {} MiB, 1 connection", LARGE >> 20);
    compare(&wanted, |client| client.large(&server.address, LARGE), 1);
}

/// Sends small requests through waterspout to a server that runs already.
fn run_client(mut arguments: impl Iterator<Item = String>) {
    let usage = "client ADDRESS CONNECTIONS REQUESTS";
    let address = arguments.next().expect(usage);
    let mut number = || arguments.next().and_then(|number| number.parse().ok()).expect(usage);
    let (connections, requests) = (number(), number());
    clients::Waterspout.small(&address, connections, requests);
}

/// Keeps this process on a given processor, so that the client and the server do not share a processor.
fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // A machine with a single processor has no second processor for the server. The benchmark still runs there, with
    // results that are not comparable.
    let _ = sched_setaffinity(None, &set);
}

/// The time of a turn.
struct Turn {
    wall: Duration,
    cpu: Duration,
}

/// Measures `work`.
fn turn(work: impl FnOnce()) -> Turn {
    let (cpu, wall) = (cpu_time(), Instant::now());
    work();
    Turn { wall: wall.elapsed(), cpu: cpu_time() - cpu }
}

/// Returns the CPU time that this process has used so far.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Runs all rounds and prints a table with a row for each client. `wanted` has the names of the clients; empty means
/// all.
fn compare(wanted: &[String], run: impl Fn(&dyn Client), requests: usize) {
    let clients: Vec<_> = clients::all()
        .into_iter()
        .filter(|client| wanted.is_empty() || wanted.iter().any(|name| name == client.name()))
        .collect();
    let mut turns: Vec<Vec<Turn>> = clients.iter().map(|_| Vec::new()).collect();
    // The clients alternate, so that a change of the machine's speed affects all of them.
    for _ in 0..ROUNDS {
        for (client, turns) in clients.iter().zip(&mut turns) {
            turns.push(turn(|| run(&**client)));
        }
    }
    let median = |turns: &[Turn], of: fn(&Turn) -> Duration| {
        let mut times: Vec<_> = turns.iter().map(of).collect();
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let rows: Vec<_> = clients
        .iter()
        .zip(&turns)
        .map(|(client, turns)| (client.name(), median(turns, |turn| turn.wall), median(turns, |turn| turn.cpu)))
        .collect();
    let base = *rows.iter().find(|row| row.0 == "hyper-util").unwrap_or(&rows[0]);
    println!("{:<12} {:>12} {:>12} {:>12} {:>12}", "", "per second", "x of base", "µs CPU each", "x of base");
    for (name, wall, cpu) in rows {
        let each = cpu * 1e6 / requests as f64;
        println!(
            "{name:<12} {:>12.0} {:>12.2} {each:>12.2} {:>12.2}",
            requests as f64 / wall,
            base.1 / wall,
            cpu / base.2
        );
    }
}
