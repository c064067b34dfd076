//! Crawls a web site with several workers: `cargo run --release --example spider -- http://example.com/docs/`.
//!
//! Without a URL, it starts a demo site on this machine and crawls the demo site.

mod arguments;
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

use clap::Parser;
use console::Term;
use futures::FutureExt;
use futures::channel::oneshot;
use waterspout::Url;
use waterspout::testing::Server;
use waterspout::tornado::EventLoop;

use crate::arguments::Arguments;
use crate::crawl::{EndReason, Findings, crawl};
use crate::progress::Progress;
use crate::report::{OutputStyle, summary};

/// The conventional exit code of a program that Ctrl-C ended.
const EXIT_INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            // A request's error keeps its cause apart from its text.
            match error.downcast_ref::<waterspout::Error>() {
                Some(error) => eprintln!("spider: {}", error.report()),
                None => eprintln!("spider: {error}"),
            }
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
        eprintln!("spider: cannot crawl {start}: {}", error.clone().without_url().report());
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
