//! Counts the work of a request with tools: instructions, allocations and system calls. These figures repeat on a
//! loaded machine, where times do not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::job::{Job, Kind};
use crate::server::{Process, program};

/// The work of a request. A count is `None` if its tool is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Work {
    pub instructions: Option<f64>,
    pub allocations: Option<f64>,
    pub allocated_bytes: Option<f64>,
    pub system_calls: Option<f64>,
}

/// Runs a turn under a tool, and returns the output of the tool.
type Run<'a> = dyn Fn(&[&str]) -> Output + 'a;

/// A count of a turn under a tool. Some tools count two things.
type Count = fn(Tools, &Run) -> Option<[f64; 2]>;

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

    /// Counts the work of a small request.
    pub fn count(self, server: &Process, contender: &str, connections: usize) -> Work {
        // Enough requests for every connection, in both runs.
        let requests = [connections * 5 + 200, connections * 20 + 2_200];
        let job = Job::new(Kind::Small, &server.url, connections, 0);
        let count =
            |tool: Count| difference(requests, |requests| tool(self, &runner(server, contender, &job, requests)));
        let heap = count(Self::heap);
        Work {
            instructions: count(Self::instructions).map(|[count, _]| count),
            allocations: heap.map(|[count, _]| count),
            allocated_bytes: heap.map(|[_, bytes]| bytes),
            system_calls: count(Self::system_calls).map(|[count, _]| count),
        }
    }

    /// Counts the system calls of a request of a job.
    pub fn system_calls_of(self, server: &Process, contender: &str, job: &Job) -> Option<f64> {
        let few = if job.expected_length() > 1_000 || job.kind == Kind::Upload { 1 } else { job.connections * 2 + 20 };
        let count = |requests| self.system_calls(&runner(server, contender, job, requests));
        difference([few, few * 3], count).map(|[count, _]| count)
    }

    fn instructions(self, run: &Run) -> Option<[f64; 2]> {
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
    fn heap(self, run: &Run) -> Option<[f64; 2]> {
        if !self.valgrind {
            return None;
        }
        let file = TemporaryFile::new("dhat");
        let report = text(&run(&["valgrind", "--tool=dhat", &file.option("--dhat-out-file=")]).stderr);
        let total = report.lines().find(|line| line.contains("Total:"))?;
        Some([field_after(total, "bytes in")?, field_after(total, "Total:")?])
    }

    fn system_calls(self, run: &Run) -> Option<[f64; 2]> {
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

/// Returns a function that runs a turn with `requests` requests under a tool.
fn runner<'a>(server: &'a Process, contender: &'a str, job: &Job, requests: usize) -> impl Fn(&[&str]) -> Output + 'a {
    let job = Job { requests, ..job.clone() };
    move |tool| {
        let mut command = Command::new(tool[0]);
        command.args(&tool[1..]).arg(program()).args(["turn", contender]).args(job.arguments());
        let output = server.pass_certificate(&mut command).output().expect("the tool runs");
        assert!(output.status.success(), "{contender} failed under {}: {}", tool[0], text(&output.stderr));
        output
    }
}

/// Returns the counts of a request: the difference of two runs, which excludes the start of the program and the opening
/// of its connections.
fn difference(requests: [usize; 2], count: impl Fn(usize) -> Option<[f64; 2]>) -> Option<[f64; 2]> {
    let (low, high) = (count(requests[0])?, count(requests[1])?);
    let requests = (requests[1] - requests[0]) as f64;
    Some([(high[0] - low[0]) / requests, (high[1] - low[1]) / requests])
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
