//! Tasks on the engine's own loop.

use crate::runtime::{BoxFuture, Executor};

/// Runs tasks on this thread, between the engine's other work.
#[derive(Clone, Copy, Debug, Default)]
pub struct EngineLoop;

impl Executor for EngineLoop {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        wasm_bindgen_futures::spawn_local(task);
    }
}
