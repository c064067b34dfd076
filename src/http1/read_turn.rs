//! How much of a body is read before other tasks run.

/// Maximum bytes of a turn. Each end of a turn costs five system calls on `async-io`, and a read of a large body has
/// 256 KiB. This many bytes take less than a third of a millisecond, also with TLS.
const MAX_BYTES: usize = 768 * 1024;

/// Maximum number of reads of a turn: a body of small pieces takes time as well.
const MAX_READS: usize = 64;

/// What has been read of a body since the task last gave way to other tasks. Every read was ready at once.
#[derive(Default)]
pub(super) struct ReadTurn {
    bytes: usize,
    reads: usize,
}

impl ReadTurn {
    /// Counts a read.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.reads += 1;
    }

    /// Returns whether other tasks have to run before the next read.
    pub(super) fn is_over(&self) -> bool {
        self.bytes >= MAX_BYTES || self.reads >= MAX_READS
    }
}
