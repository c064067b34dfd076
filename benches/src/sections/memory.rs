//! The memory of idle connections, and the CPU time of an idle client.

use std::fmt::Write;

use crate::effort::Effort;
use crate::job::{Job, Kind};
use crate::measure::max_connections;
use crate::rounds::turn;
use crate::server::Process;
use crate::table::{Table, grouped};

const CONTENDERS: &[&str] = &["waterspout-agent", "hyper-util", "reqwest"];

/// The number of connections of the idle client.
const IDLE: usize = 1_000;

pub fn measure(effort: &Effort, server: &Process) -> String {
    let mut text =
        "## Idle connections\n\nBytes of resident memory for each idle connection, after a request on each of them. \
        Waterspout's agent is set to keep them; its default is 512 for an origin.\n\n"
            .to_owned();
    let idle: Vec<_> = effort.idle.iter().filter(|connections| **connections <= max_connections()).collect();
    let mut columns = vec!["".to_owned()];
    columns.extend(idle.iter().map(|connections| format!("{} connections", grouped(**connections as f64))));
    let mut table = Table::new(&columns.iter().map(String::as_str).collect::<Vec<_>>());
    for contender in CONTENDERS {
        let mut row = vec![(*contender).to_owned()];
        for &&connections in &idle {
            let sample = turn(server, contender, &Job::new(Kind::Idle, &server.url, connections, 0));
            row.push(grouped(sample.resident as f64 / connections as f64));
        }
        table.row(&row);
    }
    text += &table.finish();
    let sample = turn(server, CONTENDERS[0], &Job::new(Kind::Idle, &server.url, IDLE, effort.idle_seconds));
    let _ = writeln!(
        text,
        "\nA client with {} open connections and no request uses {} µs of CPU time in {:.0} s.",
        grouped(IDLE as f64),
        sample.cpu.as_micros(),
        sample.wall.as_secs_f64()
    );
    text
}
