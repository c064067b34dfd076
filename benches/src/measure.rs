//! Time, CPU time and memory of this process, and the processor it runs on.

use std::time::Instant;

use cpu_time::ProcessTime;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

use crate::job::Sample;

/// The processor of the clients.
pub const CLIENT_CPU: usize = 0;

/// The processor of the server.
pub const SERVER_CPU: usize = 1;

/// Keeps this process on a processor, so that the client and the server do not share a processor.
pub fn pin(cpu: usize) {
    let mut set = CpuSet::new();
    set.set(cpu);
    // A machine with a single processor has no second processor for the server. The benchmark still runs there, with
    // results that are not comparable.
    let _ = sched_setaffinity(None, &set);
}

/// Returns the maximum number of connections that a process can open here.
pub fn max_connections() -> usize {
    // The programs have some more files open.
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(usize::MAX, |files| (files as usize).saturating_sub(100))
}

/// Raises the number of files that this process may open to the maximum that the system allows it.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// Returns the resident memory of this process in bytes; 0 on a system without `/proc`.
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// Measures from its creation to `stop`.
pub struct Stopwatch {
    started: Instant,
    cpu: ProcessTime,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { cpu: ProcessTime::now(), started: Instant::now() }
    }

    pub fn stop(&self) -> Sample {
        let wall = self.started.elapsed();
        Sample { wall, cpu: self.cpu.elapsed(), resident: resident() }
    }
}

/// Returns the number of sockets that this process has open; 0 on a system without `/proc`.
pub fn open_sockets() -> usize {
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else { return 0 };
    let targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}
