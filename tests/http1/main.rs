//! HTTP/1.1 over scripted transports: the requests that are sent, the responses that are read, and the limits on both.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod corpus;
mod expect_continue;
mod framing;
mod get_bodies;
mod ignored_headers;
mod informational;
mod limits;
mod malformed_lines;
mod request_checks;
mod request_heads;
mod responses;
#[path = "../support/mod.rs"]
mod support;
mod tiny_chunks;
mod trailers;
mod uploads;
