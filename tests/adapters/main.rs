//! The types of other crates at the edge of the client: `http`, `http_body`, `tower`, and the readers of `futures` and `tokio`.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod http_bodies;
mod http_messages;
mod layers;
mod readers;
#[path = "../support/mod.rs"]
mod support;
