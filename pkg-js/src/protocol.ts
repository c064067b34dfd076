/**
 * The numbers that pass between the package and its WebAssembly core.
 *
 * `src/js/protocol.rs` declares the same constants; `tests/js_protocol.rs` compares the two files.
 */

/** A limit of zero (a number of requests) means no limit. */
export const NO_LIMIT = 0;

/** The length of a queue without a limit. */
export const UNLIMITED_QUEUE = 0xffff_ffff;

/** What `acquire` returns if the queue is full. */
export const QUEUE_FULL = -1;

/** What `dispatch` returns if no request waits for a time. */
export const NO_START = -1;
