//! The functions of the package's JavaScript that the core calls.
//!
//! None of them throws: an exception that passes through WebAssembly runs no destructor.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Returns the time of the engine's monotonic clock, in milliseconds.
    pub(super) fn now() -> f64;

    /// Calls `wake(task)` once so many milliseconds have passed by that clock. Returns the timer's number.
    #[wasm_bindgen(js_name = setTimer)]
    pub(super) fn set_timer(task: u32, milliseconds: f64) -> u32;

    /// Cancels a timer. Does nothing if the timer has fired.
    #[wasm_bindgen(js_name = clearTimer)]
    pub(super) fn clear_timer(timer: u32);

    /// The task waits for a slot: its first, or a slot for another attempt.
    pub(super) fn queued(task: u32);

    /// Starts an attempt at the task's request. JavaScript calls `end_attempt` in a later turn.
    pub(super) fn start(task: u32);

    /// An attempt has ended, by itself ([`Failure::None`](super::protocol::Failure)) or by a failure. Returns the milliseconds
    /// until the next attempt, or `NO_RETRY`.
    #[wasm_bindgen(js_name = nextRetryDelay)]
    pub(super) fn next_retry_delay(task: u32, failure: u32) -> f64;

    /// The task has ended, with the outcome of its last attempt (`Failure::None`) or by a failure. Its number is free.
    pub(super) fn settle(task: u32, failure: u32);
}
