//! The numbers that pass between the core and its JavaScript.
//!
//! `pkg-js/src/protocol.ts` declares the same constants. `tests/js_protocol.rs` compares the two files.

/// A limit of zero (a number of requests) means no limit.
pub(super) const NO_LIMIT: u32 = 0;

/// The length of a queue without a limit.
pub(super) const UNLIMITED_QUEUE: u32 = 0xffff_ffff;

/// What `acquire` returns if the queue is full.
pub(super) const QUEUE_FULL: i32 = -1;

/// What `dispatch` returns if no request waits for a time.
pub(super) const NO_START: f64 = -1.0;
