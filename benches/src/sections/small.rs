//! Small GETs on connections that are kept alive, at several numbers of connections.

use std::fmt::Write;

use crate::clients::CONTENDERS;
use crate::effort::Effort;
use crate::job::{Job, Kind};
use crate::measure::max_connections;
use crate::plot::Curve;
use crate::rounds::{Series, run};
use crate::server::Process;
use crate::summary::Headline;
use crate::table::{Table, grouped, mebibytes};

/// The requests of a turn with several connections.
const REQUESTS: usize = 20_000;

/// The requests of a turn with a single connection, which takes about as long.
const REQUESTS_OF_ONE: usize = 6_000;

/// The contenders in the plot.
const PLOTTED: &[&str] = &["raw", "waterspout", "hyper-util", "reqwest", "waterspout-tokio"];

const INTRODUCTION: &str = "A GET with a response of 13 bytes. `raw` is a loop written by hand with a request made once: \
    it blocks at a single connection and uses epoll at more. It parses nothing, so it is the limit. `waterspout` is \
    `client.get(\"http://…\").await?.bytes().await?` on async-io's `block_on`; `waterspout-agent` has an agent given by \
    hand. hyper-util and reqwest run on tokio's `current_thread`. `-tokio` is waterspout with `Builder::tokio`, which \
    uses the reactor of `#[tokio::main]`; `-in-tokio` is waterspout there without it. `-mt` means tokio's threads. Ratios \
    are medians of the ratios of the same round; above 1 is faster, for CPU below 1 is cheaper.\n";

/// Measures, and returns the text and the curves of the plot.
pub fn measure(effort: &Effort, server: &Process, headlines: &mut Vec<Headline>) -> (String, Vec<Curve>) {
    let mut text = format!("## Small GET\n\n{INTRODUCTION}");
    let mut curves: Vec<Curve> = PLOTTED.iter().map(|name| Curve { name, points: Vec::new() }).collect();
    let contenders: Vec<_> = CONTENDERS.iter().map(|contender| contender.name).collect();
    for &connections in effort.connections.iter().filter(|connections| **connections <= max_connections()) {
        let requests = if connections == 1 { REQUESTS_OF_ONE } else { REQUESTS } / effort.divisor;
        let job = Job::new(Kind::Small, &server.url, connections, requests);
        let series = run(server, &contenders, &job, effort.small_rounds);
        let plural = if connections == 1 { "" } else { "s" };
        let title = format!("{} connection{plural}", grouped(connections as f64));
        let _ = write!(text, "\n### {title}\n\n{}", table(&series, requests));
        headlines.push(Headline::of(format!("small GET, {title}"), &series));
        let on_tokio = format!("small GET with `Builder::tokio`, {title}");
        headlines.push(Headline::of_contender("waterspout-tokio", on_tokio, &series));
        for curve in &mut curves {
            let series = series.iter().find(|series| series.contender == curve.name).expect("a plotted contender");
            curve
                .points
                .push((connections, series.spread(|sample| requests as f64 / sample.wall.as_secs_f64()).median));
        }
    }
    (text, curves)
}

fn table(series: &[Series], requests: usize) -> String {
    let mut table = Table::new(&[
        "",
        "requests/s: min",
        "median",
        "max",
        "x raw",
        "x hyper-util",
        "x reqwest",
        "CPU µs each",
        "CPU x raw",
        "resident MiB",
    ]);
    let base = |name| series.iter().find(|series| series.contender == name).expect("a base of ratios");
    let (raw, hyper, reqwest) = (base("raw"), base("hyper-util"), base("reqwest"));
    for own in series {
        let rate = own.spread(|sample| requests as f64 / sample.wall.as_secs_f64());
        let cpu = own.spread(|sample| sample.cpu.as_secs_f64() * 1e6 / requests as f64);
        table.row(&[
            own.contender.to_owned(),
            grouped(rate.min),
            grouped(rate.median),
            grouped(rate.max),
            format!("{:.2}", own.speed_ratio(raw)),
            format!("{:.2}", own.speed_ratio(hyper)),
            format!("{:.2}", own.speed_ratio(reqwest)),
            format!("{:.2}", cpu.median),
            format!("{:.2}", own.cpu_ratio(raw)),
            mebibytes(own.spread(|sample| sample.resident as f64).median),
        ]);
    }
    table.finish()
}
