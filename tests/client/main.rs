//! The client over mock backends, on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod answered;
mod body_streams;
mod callbacks;
mod deadlines;
mod debug_output;
mod defaults;
mod download_rate;
mod error_texts;
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
#[cfg(feature = "tokio")]
mod tokio_readers;
