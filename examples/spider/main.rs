//! Crawls a web site with a few workers at once: `cargo run --release --example spider -- http://example.com/docs/`.
//!
//! Without a URL it starts a demo site on this machine and crawls that.

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

use crate::crawl::{Ended, Findings, Plan, crawl};
use crate::progress::Progress;
use crate::report::{Look, summary};

/// The largest page that is read; a larger one is reported as failed.
const LARGEST_PAGE: u64 = 16 * 1024 * 1024;

/// What programs that a Ctrl-C ends return by convention.
const INTERRUPTED: u8 = 130;

const AGENT_NAME: HeaderValue = HeaderValue::from_static(concat!("waterspout-spider/", env!("CARGO_PKG_VERSION")));

/// Crawls a web site and reports its pages, broken links and latencies.
#[derive(Parser)]
#[command(name = "spider", after_help = EXIT_CODES, allow_negative_numbers = true)]
struct Arguments {
    /// Where to start [default: a demo site on this machine]
    ///
    /// Only links into the start URL's folder are followed: its origin, and its path up to the last slash, as for
    /// relative links. `http://example.com/docs/` keeps the crawl in `/docs/`, `http://example.com/docs` does not.
    ///
    /// `robots.txt` is not read: crawl what is yours.
    #[arg(value_parser = start_url)]
    url: Option<Url>,

    /// How many pages to work on at once
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    workers: u16,

    /// Ask for N pages at most, failing ones included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_pages: Option<u32>,

    /// Send at most N requests at once to one origin [default: as many as there are workers]
    ///
    /// All pages of a crawl have one origin, so this caps all requests. Workers beyond N are not started. They would
    /// only wait in line, and their wait would count as the server's latency and against --timeout.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    limit_per_origin: Option<u16>,

    /// The longest time for one page, from asking for it to its last byte
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    timeout: Duration,

    /// The longest time for the whole crawl
    #[arg(long, value_name = "SECONDS", default_value = "300", value_parser = seconds)]
    deadline: Duration,
}

const EXIT_CODES: &str = "Ctrl-C ends the crawl with a summary of what was found so far; a second one ends it at once.\n\n\
    Exit codes: 0 the crawl ran, whatever it found; 1 the start page could not be fetched; 2 an argument is wrong; \
    130 Ctrl-C.";

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
    // The demo site lives as long as the crawl.
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
    let stop = interrupt()?;

    eprintln!("Crawling {}, {} at a time; Ctrl-C ends it with a summary.", plan.start, plan.workers);
    if arguments.url.is_none() {
        eprintln!("The demo site breaks ten of its links on purpose, to show how failures are reported.");
    }
    let progress = Progress::start();
    let findings = EventLoop::new().run_sync(crawl(&client, &plan, stop, |tally| progress.show(tally)));
    progress.finish();
    conclude(&findings, &plan.start)
}

/// Prints what there is to say and chooses the exit code.
fn conclude(findings: &Findings, start: &Url) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(error) = findings.start_error() {
        eprintln!("spider: cannot crawl {start}: {error}");
        return Ok(ExitCode::FAILURE);
    }
    print(&summary(findings, start, look()))?;
    Ok(match findings.ended {
        Ended::Interrupted => INTERRUPTED.into(),
        // Not even the start came in time.
        _ if findings.pages.is_empty() => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

impl Arguments {
    /// How many requests may run at once.
    fn at_once(&self) -> usize {
        self.limit_per_origin.map_or(self.workers, |limit| limit.min(self.workers)).into()
    }

    fn client(&self) -> waterspout::Result<Client> {
        let none = Duration::ZERO;
        Client::builder()
            .max_active(self.at_once())
            .body_limit(LARGEST_PAGE)
            .default_headers(HeaderMap::from_iter([(header::USER_AGENT, AGENT_NAME)]))
            .timeout(self.timeout)
            // A longer total than their defaults is to be had, too.
            .connect_timeout(none)
            .head_timeout(none)
            .idle_timeout(none)
            .build()
    }

    fn plan(&self, start: Url) -> Plan {
        Plan {
            start,
            workers: self.at_once(),
            max_pages: self.max_pages.map_or(usize::MAX, |pages| pages as usize),
            deadline: self.deadline,
        }
    }
}

fn start_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| match text.contains("://") {
        true => error.to_string(),
        false => format!("{error}; a URL starts with http://"),
    })?;
    if url.has_credentials() {
        return Err("a URL with a user name or password cannot be crawled".to_owned());
    }
    Ok(url)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("not a time that can pass".to_owned()),
    }
}

/// Completes at the first Ctrl-C. From then on, or once nobody waits for it, a Ctrl-C ends the program.
fn interrupt() -> Result<impl Future<Output = ()>, ctrlc::Error> {
    let (sender, receiver) = oneshot::channel();
    let mut sender = Some(sender);
    ctrlc::set_handler(move || {
        let told = sender.take().is_some_and(|sender| sender.send(()).is_ok());
        if !told {
            exit(INTERRUPTED.into());
        }
    })?;
    Ok(receiver.map(drop))
}

fn look() -> Look {
    let terminal = Term::stdout();
    // What is no terminal gets lines that fit most.
    let width = terminal.size_checked().map_or(80, |(_, columns)| columns.into());
    Look { width, colours: console::colors_enabled() }
}

/// Prints to stdout, whose reader may be gone (`| head`).
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
