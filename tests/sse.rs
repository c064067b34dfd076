//! Server-sent events: the format by a golden list, and the stream over a backend and a clock that are moved by hand.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

#[path = "sse/format.rs"]
mod format;
#[path = "sse/stream.rs"]
mod stream;
