//! Large bodies, new connections and TLS.

use std::fmt::Write;

use crate::effort::Effort;
use crate::job::{Job, Kind};
use crate::rounds::{Series, run};
use crate::server::{LARGE, Process, UPLOAD};
use crate::summary::Headline;
use crate::table::{Table, decimals, grouped};
use crate::tools::Tools;

const PLAIN: &[&str] = &["raw", "waterspout", "hyper-util", "reqwest"];
const TLS: &[&str] = &["waterspout", "hyper-util", "reqwest"];

/// A row group of the section.
struct Case {
    title: &'static str,
    kind: Kind,
    connections: usize,
    requests: usize,
    /// The length of a body, if the speed is better told in bytes.
    body: Option<usize>,
}

const PLAIN_CASES: &[Case] = &[
    Case { title: "64 MiB download", kind: Kind::Download, connections: 1, requests: 12, body: Some(LARGE) },
    Case { title: "64 MiB download in chunks", kind: Kind::Chunked, connections: 1, requests: 12, body: Some(LARGE) },
    Case { title: "16 MiB upload", kind: Kind::Upload, connections: 1, requests: 24, body: Some(UPLOAD) },
    Case { title: "new connection for each request", kind: Kind::Fresh, connections: 1, requests: 2_000, body: None },
];

const TLS_CASES: &[Case] = &[
    Case { title: "TLS: small GET, 64 connections", kind: Kind::Small, connections: 64, requests: 12_000, body: None },
    Case { title: "TLS: 64 MiB download", kind: Kind::Download, connections: 1, requests: 4, body: Some(LARGE) },
    Case {
        title: "TLS: new connection for each request",
        kind: Kind::Fresh,
        connections: 1,
        requests: 400,
        body: None,
    },
];

const INTRODUCTION: &str = "The kernel's copies are most of the work of a large body. All clients use rustls with the \
    provider ring and TLS 1.3, hyper-util through hyper-rustls; new connections resume sessions. System calls are \
    those of a body or request.\n";

pub fn measure(effort: &Effort, tools: Tools, headlines: &mut Vec<Headline>) -> String {
    let mut text = format!("## Large bodies, new connections, TLS\n\n{INTRODUCTION}");
    let mut add = |server: &Process, contenders: &[&'static str], cases: &[Case]| {
        for case in cases {
            let requests = (case.requests / effort.divisor).max(1);
            let job = Job::new(case.kind, &server.url, case.connections, requests);
            let series = run(server, contenders, &job, effort.rounds);
            let _ = write!(text, "\n### {}\n\n{}", case.title, table(case, &job, &series, tools, server));
            headlines.push(Headline::of(case.title.to_owned(), &series));
        }
    };
    add(&Process::start(), PLAIN, PLAIN_CASES);
    add(&Process::start_tls(), TLS, TLS_CASES);
    text
}

fn table(case: &Case, job: &Job, series: &[Series], tools: Tools, server: &Process) -> String {
    let rate = match case.body {
        Some(_) => "GB/s: min",
        None => "requests/s: min",
    };
    let mut table =
        Table::new(&["", rate, "median", "max", "x raw", "x hyper-util", "CPU µs each", "CPU x raw", "system calls"]);
    for own in series {
        let calls = tools.system_calls_of(server, own.contender, job);
        table.row(&row(own, series, case, job.requests, calls));
    }
    table.finish()
}

fn row(own: &Series, series: &[Series], case: &Case, requests: usize, calls: Option<f64>) -> [String; 9] {
    let base = |name| series.iter().find(|series| series.contender == name);
    let speed = own.spread(|sample| requests as f64 / sample.wall.as_secs_f64());
    let show = |rate: f64| match case.body {
        Some(length) => format!("{:.2}", rate * length as f64 / 1e9),
        None => grouped(rate),
    };
    let raw = base("raw");
    [
        own.contender.to_owned(),
        show(speed.min),
        show(speed.median),
        show(speed.max),
        decimals(raw.map(|raw| own.speed_ratio(raw)), 2),
        decimals(base("hyper-util").map(|hyper| own.speed_ratio(hyper)), 2),
        grouped(own.spread(|sample| sample.cpu.as_secs_f64() * 1e6 / requests as f64).median),
        decimals(raw.map(|raw| own.cpu_ratio(raw)), 2),
        calls.map_or_else(|| "-".to_owned(), grouped),
    ]
}
