/**
 * The numbers that pass between the package and its WebAssembly core.
 *
 * `src/js/protocol.rs` declares the same enums and constants; `tests/js_protocol.rs` compares the two files.
 */

/** A change to a client as a whole. */
export const enum Command {
  /** Starts no further requests. */
  Pause = 0,
  /** Starts requests again. */
  Resume = 1,
  /** Fails the requests that wait in the queue. */
  Clear = 2,
  /** Refuses new requests. */
  Close = 3,
}

/** A number in a client's statistics. */
export const enum Stat {
  /** The number of requests with a slot. */
  Active = 0,
  /** The number of requests that wait for a slot. */
  Queued = 1,
  /** The sum of all waits for a slot, in milliseconds. */
  TotalWait = 2,
  /** The longest wait for a slot, in milliseconds. */
  LongestWait = 3,
  /** The first bucket in the histogram of waits. The other buckets follow. */
  FirstBucket = 4,
}

/** Why a request gets no slot. */
export const enum Failure {
  /** The request has a slot. */
  None = 0,
  QueueFull = 1,
  Cleared = 2,
  Closed = 3,
  /** The core is defective. JavaScript sets this after a trap. */
  CoreFailed = 4,
}

/** A limit of zero (a number of requests, or a time in milliseconds) means no limit. */
export const NO_LIMIT = 0;

/** The length of a queue without a limit. */
export const UNLIMITED_QUEUE = 0xffff_ffff;

/** The number of buckets in the histogram of waits. */
export const WAIT_BUCKETS = 23;
