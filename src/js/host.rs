//! The function of the package's JavaScript that the core calls.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// A request that waited has a slot now, by its number of JavaScript.
    ///
    /// It must not throw, because an exception that passes through WebAssembly runs no destructor. It must not call the core.
    pub(super) fn started(request: u32);
}
