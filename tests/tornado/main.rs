//! Tornado's tools: the event loop, promises, work queues, byte streams and TCP clients.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod blocking_work;
mod event_loop;
mod io_stream;
mod locks;
mod loop_threads;
mod promise;
#[path = "../support/mod.rs"]
mod support;
mod tcp_client;
mod time_limit;
mod work_queues;
