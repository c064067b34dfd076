//! The only file that names a target: it picks the platform, and all other modules use the names that it exports.
//!
//! Each platform exports the same names: `BackendSettings` (what a builder has for the platform's backend),
//! `default_timer`, `default_executor`, `default_loop_executor` and `loop_executor` (which make a `LoopExecutor`),
//! `check_process` (which refuses a forked child), `parse_url`, `resolve_url` (for requests), `base64`, `normalize`,
//! `random`, `decode` (of a charset), `is_tls_failure`, `ClientClock` and `ClientSleep` (the clock of a client and the
//! waits on it), `unix_time` (for cookies), `EngineValue`, `MaybeSend`, `MaybeSync`, `BoxFuture`, `BoxStream`.
//!
//! The module of the npm package (`waterspout_npm`) uses no engine from Rust, so it has the platform of WASI. With the browser's, the table
//! of functions would keep closures of `js-sys` alive, which are 360 bytes of the download.

// Wasm targets have no threads here, WASI included.
#[cfg(target_family = "wasm")]
mod local;
#[cfg(not(target_family = "wasm"))]
mod send;

#[cfg(all(feature = "charset", not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))))]
mod charset;
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
mod parse;
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
mod standard;
#[cfg(all(feature = "cookies", not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))))]
mod time_of_day;
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
mod url_crate;
// A JavaScript engine keeps its timers in a heap itself, so there the queue is not compiled.
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
mod timer_queue;

#[cfg(waterspout_npm)]
mod allocator;
#[cfg(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub mod browser;
#[cfg(not(target_family = "wasm"))]
pub mod native;
#[cfg(all(unix, not(target_family = "wasm")))]
pub mod unix;
#[cfg(all(target_family = "wasm", any(not(target_os = "unknown"), waterspout_npm)))]
mod unsupported;

/// The type of the values of a JavaScript engine. Without an engine there is no such value.
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
pub(crate) use std::convert::Infallible as EngineValue;
#[cfg(not(target_family = "wasm"))]
pub(crate) use std::marker::Sync as MaybeSync;

#[cfg(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub(crate) use wasm_bindgen::JsValue as EngineValue;

#[cfg(target_family = "wasm")]
pub(crate) use self::local::NotNecessarilySend as MaybeSync;
#[cfg(target_family = "wasm")]
pub use self::local::{BoxFuture, BoxStream, NotNecessarilySend as MaybeSend};
#[cfg(not(target_family = "wasm"))]
pub use self::send::{BoxFuture, BoxStream, MaybeSend};

#[cfg(all(feature = "testing", not(target_family = "wasm")))]
pub(crate) use self::native::loopback;
/// Empty: this platform cannot listen on a port.
#[cfg(all(feature = "testing", target_family = "wasm"))]
pub(crate) mod loopback {}

#[cfg(all(feature = "charset", target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub(crate) use self::browser::decode;
#[cfg(all(feature = "cookies", target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub(crate) use self::browser::unix_time;
#[cfg(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub(crate) use self::browser::{
    ClientClock, ClientSleep, EngineSettings as BackendSettings, LoopExecutor, base64, check_process, default_executor,
    default_executor as default_loop_executor, default_timer, is_tls_failure, loop_executor, normalize, parse_url,
    random, resolve_url,
};
#[cfg(all(feature = "charset", not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))))]
pub(crate) use self::charset::decode;
#[cfg(not(target_family = "wasm"))]
pub(crate) use self::native::{
    HeldTimer, LoopExecutor, NetworkSettings as BackendSettings, check_process, default_executor,
    default_loop_executor, default_timer, is_tls_failure, loop_executor,
};
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
pub(crate) use self::parse::{parse_url, resolve_url};
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
pub(crate) use self::standard::{base64, normalize, random};
#[cfg(all(feature = "cookies", not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))))]
pub(crate) use self::time_of_day::unix_time;
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
pub(crate) use self::timer_queue::{QueuedSleep as ClientSleep, TimerQueue as ClientClock};
#[cfg(all(target_family = "wasm", any(not(target_os = "unknown"), waterspout_npm)))]
pub(crate) use self::unsupported::{
    LoopExecutor, NoHeldTimer as HeldTimer, NoSettings as BackendSettings, check_process, default_executor,
    default_executor as default_loop_executor, default_timer, is_tls_failure, loop_executor,
};
