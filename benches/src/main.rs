//! Small requests and a large download over loopback, by waterspout and its peers in one run:
//! `cargo run --release --manifest-path benches/Cargo.toml -- [REQUESTS] [CLIENT …]`.
//!
//! `… -- serve` is the server alone and prints its address; `… -- client ADDRESS CONNECTIONS REQUESTS` is waterspout alone,
//! for tools that count what one process does.
//!
//! The server is this program again, in a process of its own on the other processor. Figures are medians over rounds in
//! which the clients take turns, as ratios to hyper-util: absolute ones say more about the machine.
//!
//! `-- queue [REQUESTS]` measures a crowd in the client's queue instead.

mod clients;
mod queue;
mod server;

use std::time::{Duration, Instant};

use clients::Client;
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// How often each client has its turn.
const ROUNDS: usize = 5;

/// The bytes of the large download.
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
        return alone(arguments);
    }
    if first.as_deref() == Some("queue") {
        let crowd = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(1_000_000);
        return queue::measure(crowd, arguments.next().as_deref());
    }
    let requests = first.and_then(|number| number.parse().ok()).unwrap_or(40_000);
    let wanted: Vec<String> = arguments.collect();
    let server = server::Process::start();
    for connections in [1, 64, 512] {
        println!("\nsmall GET, {connections} connections, {requests} requests");
        compare(&wanted, |client| client.small(&server.address, connections, requests), requests);
    }
    println!("\nlarge GET, {} MiB, one connection", LARGE >> 20);
    compare(&wanted, |client| client.large(&server.address, LARGE), 1);
}

/// Makes small requests by waterspout, to a server that runs already.
fn alone(mut arguments: impl Iterator<Item = String>) {
    let usage = "client ADDRESS CONNECTIONS REQUESTS";
    let address = arguments.next().expect(usage);
    let mut number = || arguments.next().and_then(|number| number.parse().ok()).expect(usage);
    let (connections, requests) = (number(), number());
    clients::Waterspout.small(&address, connections, requests);
}

/// Keeps this process on one processor, so that client and server do not take turns on it.
fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // A machine with one processor measures something else, but it measures.
    let _ = sched_setaffinity(None, &set);
}

/// What a turn took.
struct Turn {
    wall: Duration,
    cpu: Duration,
}

fn turn(work: impl FnOnce()) -> Turn {
    let (cpu, wall) = (cpu_time(), Instant::now());
    work();
    Turn { wall: wall.elapsed(), cpu: cpu_time() - cpu }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn compare(wanted: &[String], run: impl Fn(&dyn Client), requests: usize) {
    let clients: Vec<_> = clients::all()
        .into_iter()
        .filter(|client| wanted.is_empty() || wanted.iter().any(|name| name == client.name()))
        .collect();
    let mut turns: Vec<Vec<Turn>> = clients.iter().map(|_| Vec::new()).collect();
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
