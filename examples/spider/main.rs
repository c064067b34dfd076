//! Crawls a web site with several workers: `cargo run --release --example spider -- http://example.com/docs/`.
//!
//! Without a URL, it starts a demo site on this machine and crawls the demo site.

mod crawl;
mod links;
mod progress;
mod report;
#[path = "../site/mod.rs"]
mod site;

use std::error::Error;
use std::future::Future;
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::time::Duration;

use clap::Parser;
use console::Term;
use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::http::{HeaderMap, HeaderValue, header};
use waterspout::testing::Server;
use waterspout::tornado::EventLoop;
use waterspout::{Client, Url};

use crate::crawl::{EndReason, Findings, Plan, crawl};
use crate::progress::Progress;
use crate::report::{OutputStyle, summary};

/// The maximum size of a page in bytes. A larger page is reported as failed.
const MAX_PAGE_BYTES: u64 = 16 * 1024 * 1024;

/// The conventional exit code of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

const USER_AGENT: HeaderValue = HeaderValue::from_static(concat!("waterspout-spider/", env!("CARGO_PKG_VERSION")));

/// Crawls a web site and reports its pages, broken links and latencies.
#[derive(Parser)]
#[command(name = "spider", after_help = EXIT_CODES, allow_negative_numbers = true)]
struct Arguments {
    /// Where to start [default: a demo site on this machine]
    ///
    /// The crawl follows only links into the folder of this URL: the same origin, and the path up to the last slash, as
    /// for relative links. `http://example.com/docs/` keeps the crawl in `/docs/`, `http://example.com/docs` does not.
    ///
    /// `robots.txt` is not read: crawl only your own sites.
    #[arg(value_parser = parse_start_url)]
    url: Option<Url>,

    /// The number of pages to fetch at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,

    /// Request at most N pages, including pages that fail
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_pages: Option<u32>,

    /// Send at most N requests at once to an origin [default: the number of workers]
    ///
    /// All pages of a crawl have the same origin, so this limits all requests. Workers beyond N are not started: they
    /// would only wait in the queue, and the wait would count as latency of the server and against --timeout.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    limit_per_origin: Option<u16>,

    /// The maximum time for a page, from the request to the last byte
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = parse_seconds)]
    timeout: Duration,

    /// The maximum time for the whole crawl
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = parse_seconds)]
    deadline: Duration,
}

const EXIT_CODES: &str = "Ctrl-C ends the crawl with a summary of the results so far; a second Ctrl-C ends it at once.\n\n\
    Exit codes: 0 the crawl ran, with or without failed links; 1 the start page could not be fetched; \
    2 an argument is invalid; 130 the crawl was ended by Ctrl-C.";

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("spider: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    // The demo site stops when `_demo` is dropped, so it is kept until the end of the crawl.
    let (_demo, start) = match &arguments.url {
        Some(url) => (None, url.clone()),
        None => {
            let demo = Server::start(site::handler())?;
            let start = Url::parse(&demo.url(site::START))?;
            (Some(demo), start)
        }
    };
    let client = arguments.client()?;
    let plan = arguments.plan(start);
    let stop = first_ctrl_c()?;

    eprintln!("Crawling {}, {} at a time. Press Ctrl-C to end with a summary.", plan.start, plan.workers);
    if arguments.url.is_none() {
        eprintln!("Ten links of the demo site are broken on purpose, to show how failures are reported.");
    }
    let progress = Progress::start();
    let findings = EventLoop::new().run_sync(crawl(&client, &plan, stop, |tally| progress.show(tally)));
    progress.finish();
    report(&findings, &plan.start)
}

/// Prints the result of the crawl and returns the exit code.
fn report(findings: &Findings, start: &Url) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(error) = findings.start_error() {
        eprintln!("spider: cannot crawl {start}: {error}");
        return Ok(ExitCode::FAILURE);
    }
    print(&summary(findings, start, output_style()))?;
    Ok(match findings.ended {
        EndReason::Interrupted => EXIT_INTERRUPTED.into(),
        // The deadline passed before the start page arrived.
        _ if findings.pages.is_empty() => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

impl Arguments {
    /// Returns the maximum number of concurrent requests.
    fn concurrency(&self) -> usize {
        self.limit_per_origin.map_or(self.workers, |limit| limit.min(self.workers)).into()
    }

    fn client(&self) -> waterspout::Result<Client> {
        let unlimited = Duration::ZERO;
        Client::builder()
            .max_active(self.concurrency())
            .body_limit(MAX_PAGE_BYTES)
            .default_headers(HeaderMap::from_iter([(header::USER_AGENT, USER_AGENT)]))
            .timeout(self.timeout)
            // The defaults of these limits would apply before a longer --timeout does.
            .connect_timeout(unlimited)
            .head_timeout(unlimited)
            .idle_timeout(unlimited)
            .build()
    }

    fn plan(&self, start: Url) -> Plan {
        Plan {
            start,
            workers: self.concurrency(),
            max_pages: self.max_pages.map_or(usize::MAX, |pages| pages as usize),
            deadline: self.deadline,
        }
    }
}

fn parse_start_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match text.contains("://") {
        true => error.to_string(),
        false => format!("{error}; a URL starts with http://"),
    })?;
    if url.has_credentials() {
        return Err("a URL with a user name or password cannot be crawled".to_owned());
    }
    Ok(url)
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a positive number of seconds, or too large".to_owned()),
    }
}

/// Returns a future that completes at the first Ctrl-C. After that, or once the future is dropped, Ctrl-C ends the
/// program.
fn first_ctrl_c() -> Result<impl Future<Output = ()>, ctrlc::Error> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    ctrlc::set_handler(move || {
        let was_received = sender.take().is_some_and(|sender| sender.send(()).is_ok());
        if !was_received {
            exit(EXIT_INTERRUPTED.into());
        }
    })?;
    Ok(receiver.map(drop))
}

fn output_style() -> OutputStyle {
    let terminal = Term::stdout();
    // 80 columns fit most places where the output of a pipe is read.
    let width = terminal.size_checked().map_or(80, |(_, columns)| columns.into());
    OutputStyle { width, colours: console::colors_enabled() }
}

/// Prints to standard output. A closed pipe is not an error: `| head` closes it early.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
