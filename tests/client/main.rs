//! The client over mock backends, on a manual clock.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod callbacks;
mod deadlines;
mod debug_output;
mod defaults;
mod error_texts;
mod errors;
mod json;
mod middleware;
mod refresh;
mod requests;
mod sensitive;
#[path = "../support/mod.rs"]
mod support;
mod timeouts;
