//! The numbers that pass between the core and its JavaScript.
//!
//! `pkg-js/src/protocol.ts` declares the same enums and constants. `tests/js_protocol.rs` compares the two files.

/// A change to a client as a whole.
#[derive(Clone, Copy)]
pub(super) enum Command {
    /// Starts no further requests.
    Pause = 0,
    /// Starts requests again.
    Resume = 1,
    /// Fails the requests that wait in the queue.
    Clear = 2,
    /// Refuses new requests.
    Close = 3,
}

/// A number in a client's statistics.
#[derive(Clone, Copy)]
pub(super) enum Stat {
    /// The number of requests with a slot.
    Active = 0,
    /// The number of requests that wait for a slot.
    Queued = 1,
    /// The sum of all waits for a slot, in milliseconds.
    TotalWait = 2,
    /// The longest wait for a slot, in milliseconds.
    LongestWait = 3,
    /// The first bucket in the histogram of waits. The other buckets follow.
    FirstBucket = 4,
}

/// Why a request gets no slot.
#[derive(Clone, Copy)]
pub(super) enum Failure {
    /// The request has a slot.
    None = 0,
    QueueFull = 1,
    Cleared = 2,
    Closed = 3,
    /// The core is defective. JavaScript sets this after a trap.
    CoreFailed = 4,
}

/// A limit of zero (a number of requests, or a time in milliseconds) means no limit.
pub(super) const NO_LIMIT: u32 = 0;

/// The length of a queue without a limit.
pub(super) const UNLIMITED_QUEUE: u32 = 0xffff_ffff;

/// The number of buckets in the histogram of waits.
// Only JavaScript counts the buckets.
#[allow(dead_code)]
pub(super) const WAIT_BUCKETS: usize = 23;
