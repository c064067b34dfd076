//! The platform of JavaScript engines with `fetch`: browser windows and workers, Node, Deno, Bun.

mod abort;
mod blob;
mod body;
mod builder;
#[cfg(feature = "charset")]
mod charset;
mod executor;
mod fetch;
mod fetch_init;
mod global;
mod header_support;
mod js_failure;
mod request;
mod response;
mod sleep;
mod standard;
#[cfg(feature = "cookies")]
mod time_of_day;
mod timer;
mod upload;
mod url;

use std::sync::Arc;

pub use self::blob::Blob;
pub(crate) use self::builder::EngineSettings as BackendSettings;
#[cfg(feature = "charset")]
pub(crate) use self::charset::decode;
pub use self::executor::EngineLoop;
pub(crate) use self::executor::EngineLoop as ClientExecutor;
pub use self::fetch::FetchBackend;
pub use self::fetch_init::{Cache, Credentials, FetchInit, FetchPriority, Mode, ReferrerPolicy};
pub(crate) use self::header_support::LinkedHeaderSupport as HeaderSupport;
pub use self::js_failure::JsFailure;
pub(crate) use self::request::LinkedBodySupport as BodySupport;
pub(crate) use self::sleep::{ClientClock, TimerSleep as ClientSleep};
pub(crate) use self::standard::{base64, normalize, random};
#[cfg(feature = "cookies")]
pub(crate) use self::time_of_day::unix_time;
pub use self::timer::EngineTimer;
pub use self::upload::can_stream_uploads;
pub(crate) use self::url::{join_normal_url, parse_normal_url, parse_url, resolve_url};
use crate::error::Result;
use crate::runtime::{Executor, Timer};

pub(crate) fn default_timer() -> Arc<dyn Timer> {
    Arc::new(EngineTimer)
}

pub(crate) fn default_loop_executor() -> LoopExecutor {
    Arc::new(EngineLoop)
}

/// The type of the engine's values.
pub(crate) use wasm_bindgen::JsValue as EngineValue;

/// Empty: this platform cannot listen on a port.
#[cfg(feature = "testing")]
pub(crate) mod loopback {}

/// Returns whether an I/O error holds an error of TLS: never, because this platform has no TLS of its own.
pub(crate) fn is_tls_failure(_error: &std::io::Error) -> bool {
    false
}

/// The executor of an event loop. No code waits for a loop by blocking the thread, so the loop's number is not needed.
pub(crate) type LoopExecutor = Arc<dyn Executor>;

/// Returns the executor of a loop over `executor`.
pub(crate) fn loop_executor(executor: Arc<dyn Executor>) -> LoopExecutor {
    executor
}

/// Succeeds: this platform has no `fork`.
pub(crate) fn check_process() -> Result<()> {
    Ok(())
}
