//! Thousands of requests at once in a single process.

use crate::effort::Effort;
use crate::job::{Job, Kind};
use crate::measure::max_connections;
use crate::rounds::turn;
use crate::server::Process;
use crate::table::{grouped, mebibytes};

pub fn measure(effort: &Effort, server: &Process) -> String {
    let count = effort.at_once.min(max_connections());
    let sample = turn(server, "waterspout", &Job::new(Kind::Held, &server.url, count, count));
    format!(
        "## Requests at once\n\nA process opens {} connections. The server answers once a request has arrived on each of \
         them. All responses arrive after {:.2} s, with {:.1} µs of CPU time for a request and its connection, and \
         the process has {} MiB resident.\n",
        grouped(count as f64),
        sample.wall.as_secs_f64(),
        sample.cpu.as_secs_f64() * 1e6 / count as f64,
        mebibytes(sample.resident as f64)
    )
}
