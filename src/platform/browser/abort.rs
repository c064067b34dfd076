//! What stops a fetch whose future or body is dropped.

use wasm_bindgen::JsValue;

use super::failure::refused;
use super::global::{self, AbortController};
use crate::error::Result;

/// Aborts a fetch when dropped, unless it has ended.
pub(super) struct AbortGuard {
    controller: AbortController,
    armed: bool,
}

impl AbortGuard {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { controller: AbortController::new().map_err(refused)?, armed: true })
    }

    /// The signal for the fetch.
    pub(super) fn signal(&self) -> std::result::Result<JsValue, JsValue> {
        global::get(self.controller.as_ref(), "signal")
    }

    /// Lets the fetch be: an abort after its end could still be seen by others.
    pub(super) fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if self.armed {
            // An abort that throws has nobody to tell.
            let _ = self.controller.abort();
        }
    }
}
