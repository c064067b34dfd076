//! The harness of the native tests: clients over scripted connections, wakers, executors, servers and programs.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "each test crate uses a part of the harness")]

#[cfg(feature = "tls")]
pub mod certificates;
pub mod client;
pub mod connectors;
pub mod executor;
pub mod polling;
pub mod program;
#[cfg(feature = "tls")]
pub mod proxy;
pub mod silent;
#[cfg(feature = "tls")]
pub mod tls;
pub mod wakers;
