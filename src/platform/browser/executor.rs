//! The executor of a JavaScript engine: its own event loop.

use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on this thread, between the other work of the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineLoop;

impl Executor for EngineLoop {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }
}
