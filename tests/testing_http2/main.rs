//! The server for tests over HTTP/2, driven by the client half of h2 and by frames that are written byte by byte.
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

mod bodies;
mod client;
mod control;
mod goaway;
mod heads;
mod peer;
mod random;
mod raw_frames;
mod recorder;
mod resets;
mod settings;
#[cfg(feature = "tls")]
mod tls;

#[path = "../support/mod.rs"]
mod support;
