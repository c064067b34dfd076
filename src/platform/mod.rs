//! The only file that names a target: it picks the platform, and all other modules use the names that it exports.
//!
//! `current` is the platform: `native`, `browser` or `unsupported`. Each exports the same names: `BackendSettings`
//! (what a builder has for the platform's backend), `ClientExecutor` (runs a client's spawned requests),
//! `default_timer`, `default_loop_executor` and `loop_executor` (which make a `LoopExecutor`), `check_process` (which
//! refuses a forked child), `parse_url`, `resolve_url` (for requests), `parse_normal_url` and `join_normal_url` (for
//! texts that need no parser), `base64`, `normalize`, `random`, `decode` (of a charset), `is_tls_failure`,
//! `ClientClock` and `ClientSleep` (the clock of a client and the waits on it), `HeaderSupport` and `BodySupport` (what
//! handles the headers and the body of a request), `unix_time` (for cookies), `EngineValue`, `loopback` (the test
//! server on a port). `MaybeSend`, `MaybeSync`, `BoxFuture` and `BoxStream` depend on threads alone.
//!
//! The module of the npm package (`waterspout_npm`) uses no engine from Rust, so it has the platform of WASI. With the
//! browser's, the table of functions would keep closures of `js-sys` alive, which are 360 bytes of the download.

#[cfg(not(target_family = "wasm"))]
#[cfg_attr(windows, allow(dead_code, unused_imports, reason = "`unix`, which Windows lacks, uses some of the names"))]
pub mod native;
#[cfg(not(target_family = "wasm"))]
use self::native as current;

#[cfg(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
pub mod browser;
#[cfg(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm)))]
use self::browser as current;

#[cfg(all(target_family = "wasm", any(not(target_os = "unknown"), waterspout_npm)))]
mod unsupported;
#[cfg(all(target_family = "wasm", any(not(target_os = "unknown"), waterspout_npm)))]
use self::unsupported as current;

#[cfg(all(unix, not(target_family = "wasm")))]
pub mod unix;
// `native` and `unsupported` export its names.
#[cfg(not(all(target_family = "wasm", target_os = "unknown", not(waterspout_npm))))]
mod without_engine;

// Wasm targets have no threads here, WASI included.
#[cfg(target_family = "wasm")]
mod local;
#[cfg(target_family = "wasm")]
use self::local as bounds;
#[cfg(not(target_family = "wasm"))]
mod send;
#[cfg(all(feature = "http2", target_family = "wasm"))]
mod stored;
#[cfg(not(target_family = "wasm"))]
use self::send as bounds;

#[cfg(waterspout_npm)]
mod allocator;

pub(crate) use self::bounds::MaybeSync;
pub use self::bounds::{BoxFuture, BoxStream, MaybeSend};
#[cfg(feature = "charset")]
pub(crate) use self::current::decode;
#[cfg(feature = "testing")]
pub(crate) use self::current::loopback;
#[cfg(feature = "cookies")]
pub(crate) use self::current::unix_time;
pub(crate) use self::current::{
    BackendSettings, BodySupport, ClientClock, ClientExecutor, ClientSleep, EngineValue, HeaderSupport, LoopExecutor,
    base64, check_process, default_loop_executor, default_timer, is_tls_failure, join_normal_url, loop_executor,
    normalize, parse_normal_url, parse_url, random, resolve_url,
};
#[cfg(all(feature = "http2", not(target_family = "wasm")))]
pub(crate) use self::send::{StoredFuture, store};
#[cfg(all(feature = "http2", target_family = "wasm"))]
pub(crate) use self::stored::{StoredFuture, store};
