//! Compares waterspout with other clients over loopback, in a single run.
//!
//! | arguments | what runs |
//! |---|---|
//! | `serve [tls]` | the server alone; it prints its address |
//! | `client ADDRESS CONNECTIONS REQUESTS [CONTENDER]` | small requests of a single client, for tools that count the work of a process |
//! | `instructions [CONTENDER …]` | instructions, allocations and system calls of a request |
//! | `queue [REQUESTS]` | the costs of many queued requests, 1,000,000 by default |
//!
//! The server is a second process of this program, on the other processor.

mod clients;
mod job;
mod measure;
mod queue;
mod server;
mod site;
mod tools;

use clients::{CONTENDERS, Contender};
use job::{Job, Kind};

fn main() {
    measure::raise_file_limit();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve"] => server::serve(false),
        ["serve", "tls"] => server::serve(true),
        ["client", address, connections, requests] => client("waterspout", address, connections, requests),
        ["client", address, connections, requests, name] => client(name, address, connections, requests),
        ["turn", name, ref job @ ..] => println!("{}", (contender(name).run)(&Job::parse(job))),
        ["instructions", ref names @ ..] => tools::print_costs(names),
        ["queue"] => queue::measure(1_000_000, None),
        ["queue", requests] => queue::measure(number(requests), None),
        ["queue", requests, case] => queue::measure(number(requests), Some(case)),
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!(
        "arguments: serve [tls] | client ADDRESS CONNECTIONS REQUESTS [CONTENDER] | instructions [CONTENDER …] | queue [REQUESTS]"
    );
    std::process::exit(2)
}

/// Sends small requests to a server that runs already, without requests before the measured requests.
fn client(name: &str, address: &str, connections: &str, requests: &str) {
    measure::pin(measure::CLIENT_CPU);
    let job = Job::new(Kind::Small, &format!("http://{address}"), number(connections), number(requests)).cold();
    (contender(name).run)(&job);
}

/// Returns the contender with a name.
fn contender(name: &str) -> &'static Contender {
    let found = CONTENDERS.iter().find(|contender| contender.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
        eprintln!("there is no contender {name}; choose from {}", names.join(", "));
        std::process::exit(2)
    })
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| usage())
}
