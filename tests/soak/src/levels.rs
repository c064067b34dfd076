//! What the process holds: descriptors, threads, memory.

use std::fmt;
use std::fs;

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// How the names of the threads begin that run tasks and blocking work of the library.
const POOLS: [&str; 2] = ["waterspout", "blocking-"];

/// What the process holds at a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Levels {
    pub descriptors: usize,
    pub sockets: usize,
    /// The threads without the threads of the library's pools.
    pub threads: usize,
    /// The threads of the library's pools, which stay for some seconds without work.
    pub pooled_threads: usize,
    /// The bytes that the allocator has given and not got back.
    pub allocated: u64,
    /// The resident memory in bytes.
    pub resident: u64,
}

impl Levels {
    pub fn now() -> Self {
        let (mut descriptors, mut sockets) = (0, 0);
        for entry in fs::read_dir("/proc/self/fd").into_iter().flatten().flatten() {
            descriptors += 1;
            let link = fs::read_link(entry.path()).unwrap_or_default();
            sockets += usize::from(link.to_string_lossy().starts_with("socket:"));
        }
        let (mut threads, mut pooled_threads) = (0, 0);
        for entry in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
            threads += 1;
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            pooled_threads += usize::from(POOLS.iter().any(|pool| name.starts_with(pool)));
        }
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
        };
        Self {
            descriptors,
            sockets,
            threads: threads - pooled_threads,
            pooled_threads,
            allocated: ALLOCATOR.current_usage() as u64,
            resident: field("VmRSS:") * 1024,
        }
    }
}

impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} fds ({} sockets), {} + {} threads, {:.2} MiB allocated, {:.1} MiB resident",
            self.descriptors,
            self.sockets,
            self.threads,
            self.pooled_threads,
            mebibytes(self.allocated),
            mebibytes(self.resident)
        )
    }
}

pub fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
