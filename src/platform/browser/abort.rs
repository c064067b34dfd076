//! Aborts a fetch when its future or body is dropped.

use wasm_bindgen::JsValue;

use super::global::{self, AbortController};
use super::js_failure::refused;
use crate::error::Result;

/// Aborts a fetch when dropped, unless it has ended.
pub(super) struct AbortGuard {
    controller: AbortController,
    is_armed: bool,
}

impl AbortGuard {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { controller: AbortController::new().map_err(refused)?, is_armed: true })
    }

    /// Returns the signal for the fetch.
    pub(super) fn signal(&self) -> std::result::Result<JsValue, JsValue> {
        global::get(self.controller.as_ref(), "signal")
    }

    /// Keeps the fetch from being aborted. After the end of a fetch an abort would still fire the events of its signal.
    pub(super) fn disarm(mut self) {
        self.is_armed = false;
    }
}

impl Drop for AbortGuard {
    fn drop(&mut self) {
        if self.is_armed {
            // `drop` cannot report an abort that throws.
            let _ = self.controller.abort();
        }
    }
}
