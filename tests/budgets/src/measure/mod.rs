//! Counts what a case costs: a run under callgrind counts instructions, and a run under DHAT counts allocations.
//!
//! valgrind simulates a processor, so the counts do not depend on other processes or on the speed of the machine.

mod callgrind;
mod dhat;
mod names;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::cases::Case;

/// A cost of an operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// The instructions of a function without its callees, or the allocations of a source file.
    pub own: f64,
    /// The instructions of a function with its callees, or the bytes that a source file allocates.
    pub total: f64,
}

impl Cost {
    /// Returns whether a function only calls functions. The functions from the start of the program to a case do.
    pub fn is_wrapper(&self) -> bool {
        self.own < 0.5
    }
}

/// Costs by the name of a function or a source file.
pub type Costs = BTreeMap<String, Cost>;

/// What an operation costs.
pub struct Measured {
    pub instructions: f64,
    pub allocations: f64,
    pub bytes: f64,
    pub functions: Costs,
    /// The instructions of each source file, inlined functions included. Both numbers of a cost are equal.
    pub files: Costs,
    /// The allocations of each source line: the line of this repository that is nearest to the allocation.
    pub lines: Costs,
}

impl Measured {
    /// Returns the allocations of each source file.
    pub fn allocating_files(&self) -> Costs {
        let mut files = Costs::new();
        for (line, cost) in &self.lines {
            let file = line.rsplit_once(':').map_or(line.as_str(), |(file, _)| file);
            let sum = files.entry(file.to_string()).or_default();
            *sum = Cost { own: sum.own + cost.own, total: sum.total + cost.total };
        }
        files
    }
}

/// Measures a case. `folder` holds the output of valgrind meanwhile.
pub fn measure(case: &Case, folder: &Path) -> Result<Measured, String> {
    let run = |tool: &str, options: &[&str], count: usize| valgrind(case, folder, tool, options, count);
    // Names are demangled later: valgrind's demangler keeps the hashes of crates.
    let options = ["--demangle=no"];
    let once = callgrind::parse(&run("callgrind", &options, case.count)?);
    let twice = callgrind::parse(&run("callgrind", &options, 2 * case.count)?);
    // Inlined functions and whole paths show which file of the library allocates.
    let options = ["--read-inline-info=yes", "--fullpath-after=", "--num-callers=60"];
    let (lines_once, lines_twice) =
        (dhat::parse(&run("dhat", &options, case.count)?)?, dhat::parse(&run("dhat", &options, 2 * case.count)?)?);
    let functions = difference(once.functions, twice.functions, case.count);
    let files = difference(once.files, twice.files, case.count);
    let lines = difference(lines_once, lines_twice, case.count);
    Ok(Measured {
        instructions: files.values().map(|cost| cost.own).sum(),
        allocations: lines.values().map(|cost| cost.own).sum(),
        bytes: lines.values().map(|cost| cost.total).sum(),
        functions,
        files,
        lines,
    })
}

/// Returns the versions that the counts depend on.
pub fn environment() -> Result<String, String> {
    let output = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().map_err(|error| format!("{program}: {error}"))?;
        Ok::<_, String>(String::from_utf8_lossy(&output.stdout).trim().to_string())
    };
    let libc = output("getconf", "GNU_LIBC_VERSION")?;
    let valgrind = output("valgrind", "--version")?;
    let processor = std::env::consts::ARCH;
    // valgrind simulates these instructions only if the processor has them, and `memchr` has a variant for them.
    #[cfg(target_arch = "x86_64")]
    let wide = if std::arch::is_x86_feature_detected!("avx2") { "with avx2" } else { "without avx2" };
    #[cfg(not(target_arch = "x86_64"))]
    let wide = "";
    Ok(format!("{}, {libc}, {valgrind}, {processor} {wide}", env!("COMPILER")))
}

/// Runs a case in this program under a tool of valgrind, and returns the tool's output.
fn valgrind(case: &Case, folder: &Path, tool: &str, options: &[&str], count: usize) -> Result<String, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program has no path: {error}"))?;
    let out = folder.join(format!("{}.{tool}.{count}", case.name));
    let output = Command::new("valgrind")
        // Variables could change what the program does. Only the path of programs remains.
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .arg(format!("--tool={tool}"))
        .arg(format!("--{tool}-out-file={}", out.display()))
        .args(options)
        .arg(program)
        .args(["run", case.name, &count.to_string()])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("valgrind does not start: {error}; install it with tests/setup.sh"))?;
    if !output.status.success() {
        return Err(format!("{} fails under {tool}:\n{}", case.name, String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::read_to_string(&out).map_err(|error| format!("{} cannot be read: {error}", out.display()))
}

/// Returns the cost of an operation: the difference of two runs divided by the operations of the difference.
fn difference(once: Costs, twice: Costs, count: usize) -> Costs {
    let cost = |(name, twice): (String, Cost)| {
        let once = once.get(&name).copied().unwrap_or_default();
        let each = |once: f64, twice: f64| (twice - once) / count as f64;
        (name, Cost { own: each(once.own, twice.own), total: each(once.total, twice.total) })
    };
    twice.into_iter().map(cost).collect()
}
