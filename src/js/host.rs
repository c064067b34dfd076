//! The functions of the package's JavaScript that the core calls.
//!
//! None of them throws, because an exception that passes through WebAssembly runs no destructor. None of them calls the core.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// Returns the time in milliseconds. The time never goes back.
    pub(super) fn now() -> f64;

    /// Calls `wake(request)` once so many milliseconds have passed. From then on, `now` is at least the time for which the timer
    /// was set. Returns the timer's number.
    #[wasm_bindgen(js_name = setTimer)]
    pub(super) fn set_timer(request: u32, milliseconds: f64) -> u32;

    /// Cancels a timer. Does nothing if the timer has fired.
    #[wasm_bindgen(js_name = clearTimer)]
    pub(super) fn clear_timer(timer: u32);

    /// A request that waited has a slot (`Failure::None`), or gets none, and its number is then free.
    pub(super) fn answered(request: u32, failure: u32);
}
