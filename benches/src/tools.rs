//! Counts the work of a request with tools: instructions, allocations and system calls. These figures repeat on a loaded
//! machine, where times do not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::{Process, program};

/// The clients whose work is counted if the command line names none.
const DEFAULT: &[&str] = &["waterspout", "hyper-util"];

/// The numbers of connections.
pub const CONNECTIONS: [usize; 2] = [1, 64];

/// The work of a request. A count is `None` if its tool is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub instructions: Option<f64>,
    pub allocations: Option<f64>,
    pub allocated_bytes: Option<f64>,
    pub system_calls: Option<f64>,
}

/// The tools of this machine.
#[derive(Clone, Copy, Debug)]
pub struct Tools {
    perf: bool,
    valgrind: bool,
    strace: bool,
}

impl Tools {
    pub fn find() -> Self {
        let works = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            output.ok().filter(|output| output.status.success())
        };
        // On many virtual machines perf exists and cannot count.
        let perf = works("perf", &["stat", "-x,", "-e", "instructions:u", "true"]);
        Self {
            perf: perf.is_some_and(|output| perf_count(&text(&output.stderr)).is_some()),
            valgrind: works("valgrind", &["--version"]).is_some(),
            strace: works("strace", &["-V"]).is_some(),
        }
    }

    /// Returns a sentence that names the tools, for the report.
    pub fn description(self) -> String {
        let instructions = match (self.perf, self.valgrind) {
            (true, _) => "perf stat (user space)",
            (false, true) => "callgrind (user space)",
            (false, false) => "not measured: neither perf nor valgrind works here",
        };
        let allocations = if self.valgrind { "dhat" } else { "not measured: valgrind is missing" };
        let system_calls = if self.strace { "strace -c" } else { "not measured: strace is missing" };
        format!("Instructions: {instructions}. Allocations: {allocations}. System calls: {system_calls}.")
    }

    /// Counts the work of a small request. The difference of two runs excludes the start of the program and the opening
    /// of the connections.
    pub fn count(self, server: &Process, contender: &str, connections: usize) -> Work {
        // Enough requests for every connection, in both runs.
        let (few, many) = (connections * 10 + 500, connections * 40 + 4_500);
        let each = |count: &dyn Fn(usize) -> Option<[f64; 2]>| {
            let (low, high) = (count(few)?, count(many)?);
            let requests = (many - few) as f64;
            Some([(high[0] - low[0]) / requests, (high[1] - low[1]) / requests])
        };
        let run = |tool: &[&str], requests: usize| {
            let mut command = Command::new(tool[0]);
            command.args(&tool[1..]).arg(program()).args(["client", server.address()]);
            command.args([&connections.to_string(), &requests.to_string(), contender]);
            let output = command.output().expect("the tool runs");
            assert!(output.status.success(), "{contender} failed under {}: {}", tool[0], text(&output.stderr));
            output
        };
        let instructions = each(&|requests| self.instructions(&|tool| run(tool, requests)));
        let heap = each(&|requests| self.heap(&|tool| run(tool, requests)));
        let calls = each(&|requests| self.system_calls(&|tool| run(tool, requests)));
        Work {
            instructions: instructions.map(|[count, _]| count),
            allocations: heap.map(|[count, _]| count),
            allocated_bytes: heap.map(|[_, bytes]| bytes),
            system_calls: calls.map(|[count, _]| count),
        }
    }

    fn instructions(self, run: &dyn Fn(&[&str]) -> Output) -> Option<[f64; 2]> {
        let count = if self.perf {
            perf_count(&text(&run(&["perf", "stat", "-x,", "-e", "instructions:u"]).stderr))
        } else if self.valgrind {
            let file = TemporaryFile::new("callgrind");
            let output = run(&["valgrind", "--tool=callgrind", &file.option("--callgrind-out-file=")]);
            field_after(&text(&output.stderr), "Collected :")
        } else {
            None
        };
        Some([count?, 0.0])
    }

    /// Returns the number of allocations, and of allocated bytes.
    fn heap(self, run: &dyn Fn(&[&str]) -> Output) -> Option<[f64; 2]> {
        if !self.valgrind {
            return None;
        }
        let file = TemporaryFile::new("dhat");
        let report = text(&run(&["valgrind", "--tool=dhat", &file.option("--dhat-out-file=")]).stderr);
        let total = report.lines().find(|line| line.contains("Total:"))?;
        Some([field_after(total, "bytes in")?, field_after(total, "Total:")?])
    }

    fn system_calls(self, run: &dyn Fn(&[&str]) -> Output) -> Option<[f64; 2]> {
        if !self.strace {
            return None;
        }
        let file = TemporaryFile::new("strace");
        run(&["strace", "-c", "-f", "-o", file.path()]);
        let table = std::fs::read_to_string(&file.0).ok()?;
        // The columns are: share, seconds, time for each call, calls, errors (may be absent), name.
        let total = table.lines().find(|line| line.ends_with(" total"))?;
        Some([total.split_whitespace().nth(3)?.parse().ok()?, 0.0])
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Returns the number in the output of `perf stat -x,`; `None` if the processor's counter is not accessible.
fn perf_count(report: &str) -> Option<f64> {
    report.lines().find(|line| line.contains("instructions"))?.split(',').next()?.parse().ok()
}

/// Returns the number after a label. Digits may be grouped by commas.
fn field_after(report: &str, label: &str) -> Option<f64> {
    let (_, rest) = report.split_once(label)?;
    rest.split_whitespace().next()?.replace(',', "").parse().ok()
}

/// The output file of a tool. Dropping it removes the file.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(tool: &str) -> Self {
        Self(std::env::temp_dir().join(format!("waterspout-benches-{}.{tool}", std::process::id())))
    }

    fn path(&self) -> &str {
        Path::to_str(&self.0).expect("the path is text")
    }

    fn option(&self, name: &str) -> String {
        format!("{name}{}", self.path())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Prints a table with the work of a request of each named contender.
pub fn print_costs(names: &[&str]) {
    let tools = Tools::find();
    let server = Process::start();
    println!("A small GET. {}\n", tools.description());
    println!("| | connections | instructions | allocations | bytes | system calls |\n|---|--:|--:|--:|--:|--:|");
    for name in if names.is_empty() { DEFAULT } else { names } {
        for connections in CONNECTIONS {
            let work = tools.count(&server, name, connections);
            println!(
                "| {name} | {connections} | {} | {} | {} | {} |",
                show(work.instructions, 0),
                show(work.allocations, 2),
                show(work.allocated_bytes, 0),
                show(work.system_calls, 2)
            );
        }
    }
}

/// Formats a count with a number of decimals.
pub fn show(count: Option<f64>, decimals: usize) -> String {
    count.map_or_else(|| "-".to_owned(), |count| format!("{count:.decimals$}"))
}
