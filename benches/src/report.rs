//! The whole run: measures every section, and writes the report and the plot.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::effort::Effort;
use crate::plot;
use crate::sections::{http2, memory, queue, scale, small, spiders, transfers, work};
use crate::server::Process;
use crate::summary;
use crate::tools::Tools;

/// The crates whose versions the report names.
const CRATES: [&str; 11] =
    ["async-io", "bytes", "h2", "http", "hyper", "hyper-rustls", "hyper-util", "polling", "reqwest", "rustls", "tokio"];

/// Measures everything, and writes `RESULTS.md` and `throughput.svg` to `folder`.
pub fn write(effort: &Effort, folder: &Path) {
    let started = Instant::now();
    let tools = Tools::find();
    let introduction = introduction(effort);
    let progress = |name: &str| eprintln!("{:>4} s  {name}", started.elapsed().as_secs());

    let server = Process::start();
    let mut headlines = Vec::new();
    progress("small GET");
    let (small, curves) = small::measure(effort, &server, &mut headlines);
    progress("large bodies, new connections, TLS");
    let transfers = transfers::measure(effort, tools, &mut headlines);
    progress("HTTP/2");
    let http2 = http2::measure(effort, tools, &mut headlines);
    progress("work of a small GET");
    let work = work::measure(effort, tools);
    progress("idle connections");
    let memory = memory::measure(effort, &server);
    progress("requests at once");
    let scale = scale::measure(effort, &server);
    progress("queued requests");
    let queue = queue::measure(effort);
    progress("spiders");
    let spiders = spiders::measure(effort, &server);
    progress("complete");

    let plot = "![Throughput of a small GET against connections](throughput.svg)\n".to_owned();
    let sections =
        [introduction, summary::text(&headlines), plot, small, work, transfers, http2, memory, scale, queue, spiders];
    fs::create_dir_all(folder).expect("a folder for the report");
    fs::write(folder.join("throughput.svg"), plot::svg(&curves)).expect("a plot");
    let page = folder.join("RESULTS.md");
    fs::write(&page, sections.join("\n")).expect("a report");
    eprintln!("the report is in {}", page.display());
    if effort.is_published {
        let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        summary::update_readme(&readme, &headlines).expect("a README with a place for the figures");
    }
}

/// Describes the machine, the versions and the method.
fn introduction(effort: &Effort) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split(": ").nth(1));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or("unknown");
    let versions: Vec<_> = CRATES.iter().map(|name| format!("{name} {}", locked_version(name))).collect();
    format!(
        "# Results\n\nWritten by `make bench`; do not edit. Ratios hold across machines, absolute figures do not.\n\n\
         | | |\n|---|---|\n| date | {} |\n| commit | {} |\n| machine | {}, {processors} processors, Linux {} |\n\
         | load before the start | {load} (on a busy machine, only the counts of tools are reliable) |\n\
         | compiler | {} |\n| crates | {} |\n\
         | rounds | {} for small GETs, {} for transfers; interleaved, each turn in a process of its own |\n\
         | processors | the client is pinned to processor 0, the server to processor 1 |\n",
        output("date", &["-u", "+%Y-%m-%d"]),
        output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "describe", "--always", "--dirty"]),
        cpu.unwrap_or("unknown processor"),
        read("/proc/sys/kernel/osrelease").trim(),
        output("rustc", &["--version"]),
        versions.join(", "),
        effort.small_rounds,
        effort.rounds,
    )
}

/// Returns the output of a command; `unknown` if it fails.
fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Returns the version of a crate in `Cargo.lock`.
fn locked_version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let rest = lock.split_once(&format!("name = \"{name}\"\nversion = \"")).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or_default()
}
