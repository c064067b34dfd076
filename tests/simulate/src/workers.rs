//! The processes that run seeds, a process for each processor, and the report of them all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::runner::SeedResult;
use crate::{counts, runner};

/// How often a process reports, in seeds.
const REPORT: u64 = 50;

/// A seed in this many runs twice more, to compare the steps.
const REPEAT: u64 = 101;

/// The number of failures after which a process ends.
const MAX_FAILURES: usize = 3;

/// The most steps of a failure that are printed.
const MAX_STEPS: usize = 400;

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_secs(5);

/// Runs `seeds` seeds from `first` on, every `step`th. Prints lines for the process that waits.
pub(crate) fn work(seeds: u64, first: u64, step: u64) {
    // The first seeds fill what a process keeps, such as the buffers of its output.
    (0..3).for_each(|seed| drop(runner::run(seed, false)));
    counts::restore(&[]);
    let mut failures = 0;
    let mut done = 0;
    for seed in (first..first + seeds).step_by(step as usize) {
        let failure = runner::check(seed);
        let failure = failure.or_else(|| (seed % REPEAT == 0).then(|| runner::check_repetition(seed))?);
        done += 1;
        if let Some(reason) = failure {
            failures += 1;
            say(&format!("failed {seed} {}", reason.replace('\n', " ")));
        }
        if done % REPORT == 0 || failures == MAX_FAILURES {
            say(&format!("done {done}"));
            done = 0;
        }
        if failures == MAX_FAILURES {
            break;
        }
    }
    say(&format!("done {done}"));
    counts::all().iter().for_each(|(name, number)| say(&format!("count {number} {name}")));
}

fn say(line: &str) {
    println!("{line}");
    // Into a pipe, which has a buffer.
    let _ = std::io::stdout().flush();
}

/// Runs seeds in a process for each processor. Returns whether all pass.
pub(crate) fn run(seeds: u64, first: u64) -> bool {
    let processors = thread::available_parallelism().map_or(1, |number| number.get() as u64).min(seeds.max(1));
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let (lines, reports) = mpsc::channel();
    for number in 0..processors {
        let arguments = [seeds - number, first + number, processors].map(|number| number.to_string());
        let mut command = Command::new(&program);
        command.arg("worker").args(arguments).stdout(Stdio::piped());
        let lines = lines.clone();
        thread::spawn(move || {
            let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
            if let Some(output) = child.stdout.take() {
                BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(lines.send(line)));
            }
            // A process that aborts, for example because its stack overflows, is a failure.
            let has_ended = child.wait().is_ok_and(|status| status.success());
            drop(lines.send(if has_ended { "ended".into() } else { "aborted".into() }));
        });
    }
    drop(lines);
    let mut report = Report { seeds, ..Report::default() };
    report.started = Some(Instant::now());
    reports.iter().for_each(|line| report.add(&line));
    report.print()
}

/// What all processes have reported.
#[derive(Default)]
struct Report {
    seeds: u64,
    done: u64,
    started: Option<Instant>,
    printed: Duration,
    failed: BTreeMap<u64, String>,
    has_aborted: bool,
    counts: BTreeMap<String, u64>,
}

impl Report {
    fn add(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let number: u64 = number.parse().unwrap_or_default();
        match word {
            "done" => self.done += number,
            "count" => *self.counts.entry(text.into()).or_default() += number,
            "failed" => {
                println!("seed {number} fails: {text}");
                self.failed.insert(number, text.into());
            }
            "aborted" => self.has_aborted = true,
            _ => {}
        }
        if self.elapsed() >= self.printed + PROGRESS {
            self.printed = self.elapsed();
            println!("{}", self.progress());
        }
    }

    fn elapsed(&self) -> Duration {
        self.started.map_or(Duration::ZERO, |started| started.elapsed())
    }

    fn progress(&self) -> String {
        let (done, seconds) = (self.done, self.elapsed().as_secs_f64());
        let rate = done as f64 / seconds;
        format!("{done} of {} seeds in {seconds:.0} s, {rate:.0} seeds/s, {} failed", self.seeds, self.failed.len())
    }

    /// Prints the failures and what has happened. Returns whether all seeds have passed.
    fn print(&self) -> bool {
        if let Some((seed, reason)) = self.failed.first_key_value() {
            let SeedResult { failure, steps } = runner::run(*seed, true);
            let left_out = steps.len().saturating_sub(MAX_STEPS);
            println!("\nthe last steps of seed {seed}; {left_out} steps are left out:");
            steps[left_out..].iter().for_each(|step| println!("  {step}"));
            println!("seed {seed} fails: {reason}");
            // What is left of the memory is measured without the steps.
            if failure.is_none() && !reason.ends_with("bytes are left") {
                println!("seed {seed} does not fail again: it does not make the same steps each time");
            }
        }
        for seed in self.failed.keys() {
            println!("make simulate SEED={seed}    # prints the steps of seed {seed} again");
        }
        println!();
        self.counts.iter().for_each(|(name, number)| println!("{number:>12} {name}"));
        println!("\n{}", self.progress());
        let mut missing: Vec<&str> = Vec::new();
        if self.seeds >= counts::MIN_SEEDS {
            missing.extend(counts::EXPECTED.into_iter().filter(|name| !self.counts.contains_key(*name)));
        }
        missing.iter().for_each(|name| println!("never happened: {name}"));
        let passes = self.failed.is_empty() && !self.has_aborted && self.done == self.seeds && missing.is_empty();
        if self.has_aborted {
            println!("a process has aborted");
        }
        // As a single test, for tests/run.sh.
        println!("simulation: {} passed, {} failed", u8::from(passes), u8::from(!passes));
        passes
    }
}
