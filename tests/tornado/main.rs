//! Tornado's tools: the event loop, promises, work queues and byte streams.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod event_loop;
mod io_stream;
mod promise;
#[path = "../support/mod.rs"]
mod support;
mod work_queues;
