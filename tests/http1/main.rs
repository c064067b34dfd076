//! The HTTP/1.1 connection over scripted transports: what leaves, what is read, and within which limits.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod corpus;
mod expect_continue;
mod framing;
mod limits;
mod request_checks;
mod request_heads;
mod responses;
#[path = "../support/mod.rs"]
mod support;
mod trailers;
mod uploads;
