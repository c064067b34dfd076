//! What the package's JavaScript does for the core. None of it throws: an exception that passes through WebAssembly runs no
//! destructor.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// The engine's monotonic clock, in milliseconds.
    pub(super) fn now() -> f64;

    /// Calls `wake(task)` after so many milliseconds by that clock, and not before; the result is for [`unset`].
    pub(super) fn set(task: u32, milliseconds: f64) -> u32;

    /// Takes that back; one that went off is left alone.
    pub(super) fn unset(timer: u32);

    /// A task waits for a slot: at first, or again before another attempt.
    pub(super) fn queued(task: u32);

    /// Starts an attempt at a task's request. What comes of it is told by `settle`, in a later turn.
    pub(super) fn start(task: u32);

    /// An attempt is over, as settled or else by this failure: the milliseconds until the next, or less than 0 for none.
    pub(super) fn again(task: u32, failure: u32) -> f64;

    /// The task is over, as settled or else by this failure.
    pub(super) fn done(task: u32, failure: u32);
}
