//! HTTP/2 over connections in memory, on a clock that is moved by hand.
#![cfg(all(feature = "http2", not(target_family = "wasm")))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod basics;
mod batches;
mod closed;
mod driver;
mod expect_continue;
mod net;
mod random;
mod retired;
mod served;
