//! Compares waterspout with other clients over loopback, in a single run. `make bench` builds and runs it.
//! It needs Linux, because the server and the loop written by hand use epoll.
//!
//! | arguments | what runs |
//! |---|---|
//! | `report FOLDER [quick]` | everything; writes `RESULTS.md` and `throughput.svg`. `quick` takes about a minute |
//! | `instructions [CONTENDER …]` | instructions, allocations and system calls of a small request |
//! | `queue [REQUESTS]` | the costs of many queued requests, 1,000,000 by default |
//! | `serve [tls \| http2 \| nghttpd]` | the server alone; it prints its address |
//! | `http2 [quick]` | the section about HTTP/2 alone |
//! | `client ADDRESS CONNECTIONS REQUESTS [CONTENDER]` | small requests of a single client, for tools |
//!
//! `turn` and `queue CASE REQUESTS` are for the program itself, which runs each turn in a process of its own. The server
//! is another process, on the other processor.

mod clients;
mod effort;
mod job;
mod measure;
mod plot;
mod report;
mod rounds;
mod sections;
mod server;
mod site;
mod summary;
mod table;
mod tools;

use std::path::Path;
use std::process::exit;

use clients::{CONTENDERS, Contender, H2};
use effort::Effort;
use job::{Job, Kind};
use measure::{CLIENT_CPU, pin};
use sections::{http2, queue, work};
use tools::Tools;

const USAGE: &str = "arguments: report FOLDER [quick] | instructions [CONTENDER …] | queue [REQUESTS] | \
    serve [tls | http2 | nghttpd] | http2 [quick] | client ADDRESS CONNECTIONS REQUESTS [CONTENDER]";

fn main() {
    measure::raise_file_limit();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["report", folder] => report::write(&Effort::FULL, Path::new(folder)),
        ["report", folder, "quick"] => report::write(&Effort::QUICK, Path::new(folder)),
        ["instructions", ref names @ ..] => work::print(names),
        ["queue"] => queue::print(1_000_000),
        ["queue", requests] => queue::print(number(requests)),
        ["queue", case, requests] => queue::print_case(case, number(requests)),
        ["serve"] => server::serve(false),
        ["serve", "tls"] => server::serve(true),
        ["serve", "http2"] => server::serve_http2(),
        ["serve", "nghttpd"] => server::serve_nghttpd(),
        ["http2"] => println!("{}", http2::measure(&Effort::FULL, Tools::find(), &mut Vec::new())),
        ["http2", "quick"] => println!("{}", http2::measure(&Effort::QUICK, Tools::find(), &mut Vec::new())),
        ["client", address, connections, requests] => client("waterspout", address, connections, requests),
        ["client", address, connections, requests, name] => client(name, address, connections, requests),
        ["turn", name, ref job @ ..] => {
            pin(CLIENT_CPU);
            println!("{}", (contender(name).run)(&Job::parse(job)));
        }
        _ => usage(),
    }
}

fn usage() -> ! {
    eprintln!("{USAGE}");
    exit(2)
}

/// Sends small requests to a server that runs already, without requests before the measured requests.
fn client(name: &str, address: &str, connections: &str, requests: &str) {
    pin(CLIENT_CPU);
    let job = Job::new(Kind::Small, &format!("http://{address}"), number(connections), number(requests));
    (contender(name).run)(&Job { warm_up: 0, ..job });
}

/// Returns the contender with a name.
fn contender(name: &str) -> &'static Contender {
    let found = CONTENDERS.iter().chain([&H2]).find(|contender| contender.name == name);
    found.unwrap_or_else(|| {
        let names: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
        eprintln!("there is no contender {name}; choose from {}", names.join(", "));
        exit(2)
    })
}

fn number(text: &str) -> usize {
    text.parse().unwrap_or_else(|_| usage())
}
