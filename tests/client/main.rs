//! The client over mock backends, on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod answered;
mod callbacks;
mod deadlines;
mod defaults;
mod download_rate;
mod errors;
mod json;
mod middleware;
mod refresh;
mod request_limits;
mod requests;
mod sensitive;
#[path = "../support/mod.rs"]
mod support;
mod timeouts;
