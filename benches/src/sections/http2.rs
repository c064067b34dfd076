//! HTTP/2 over TLS: many streams on a connection, and a large body.

use std::fmt::Write;

use crate::effort::Effort;
use crate::job::{Job, Kind};
use crate::rounds::{Series, run};
use crate::server::{LARGE, Process};
use crate::summary::Headline;
use crate::table::{Table, decimals, grouped};
use crate::tools::Tools;

const CONTENDERS: &[&str] = &["h2", "waterspout", "hyper-util", "reqwest"];

/// The title, the kind, the number of requests at a time and of all requests of a turn.
const CASES: &[(&str, Kind, usize, usize)] = &[
    ("HTTP/2: small GET, 64 streams", Kind::Small, 64, 20_000),
    ("HTTP/2: small GET, a stream at a time", Kind::Small, 1, 5_000),
    ("HTTP/2: 64 MiB download", Kind::Download, 1, 4),
];

const INTRODUCTION: &str = "Each client has a single connection with TLS 1.3. `h2` is the crate of that name without a \
    client around it. The other clients use the same crate, so it is the limit. The windows of h2 are those of \
    waterspout. The server is the server half of h2 on tokio. With 64 streams it needs about as much CPU time for a \
    request as the clients, so it limits the throughput of all clients. nghttpd needs half of that.\n";

const NGHTTPD: &str = "HTTP/2: small GET, 64 streams, nghttpd";

pub fn measure(effort: &Effort, tools: Tools, headlines: &mut Vec<Headline>) -> String {
    let mut text = format!("## HTTP/2\n\n{INTRODUCTION}");
    let server = Process::start_http2();
    let mut compare = |server: &Process, title: &str, kind, streams, requests: usize| {
        let job = Job::new(kind, &server.url, streams, (requests / effort.divisor).max(1));
        let series = run(server, CONTENDERS, &job, effort.rounds);
        let _ = write!(text, "\n### {title}\n\n{}", table(&job, &series, tools, server));
        headlines.push(Headline::of(title.to_owned(), &series));
    };
    for &(title, kind, streams, requests) in CASES {
        compare(&server, title, kind, streams, requests);
    }
    match Process::start_nghttpd() {
        Some(nghttpd) => compare(&nghttpd, NGHTTPD, Kind::Small, 64, 20_000),
        None => text += "\nnghttpd is not installed, so it is not measured.\n",
    }
    text
}

fn table(job: &Job, series: &[Series], tools: Tools, server: &Process) -> String {
    let is_large = job.kind == Kind::Download;
    let rate = if is_large { "GB/s: min" } else { "requests/s: min" };
    let mut table =
        Table::new(&["", rate, "median", "max", "x h2", "x reqwest", "CPU µs each", "CPU x h2", "system calls"]);
    let base = |name| series.iter().find(|series| series.contender == name).expect("a base of ratios");
    let (limit, reqwest) = (base("h2"), base("reqwest"));
    for own in series {
        let rate = own.spread(|sample| job.requests as f64 / sample.wall.as_secs_f64());
        let show = |rate: f64| match is_large {
            true => format!("{:.2}", rate * LARGE as f64 / 1e9),
            false => grouped(rate),
        };
        let calls = tools.system_calls_of(server, own.contender, job);
        table.row(&[
            own.contender.to_owned(),
            show(rate.min),
            show(rate.median),
            show(rate.max),
            format!("{:.2}", own.speed_ratio(limit)),
            format!("{:.2}", own.speed_ratio(reqwest)),
            format!("{:.1}", own.spread(|sample| sample.cpu.as_secs_f64() * 1e6 / job.requests as f64).median),
            format!("{:.2}", own.cpu_ratio(limit)),
            decimals(calls, 2),
        ]);
    }
    table.finish()
}
