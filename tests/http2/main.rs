//! HTTP/2 over connections in memory, on a clock that is moved by hand.
#![cfg(all(feature = "http2", not(target_family = "wasm")))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod above;
mod as_before;
mod attacks;
mod basics;
mod batches;
mod cancel_points;
mod cancels;
mod closed;
mod common;
mod cuts;
mod driver;
mod early;
mod expect;
mod flows;
mod goaway;
mod heads;
mod held_bytes;
mod interleavings;
mod net;
mod ping;
mod random;
mod refused;
mod retired;
mod served;
mod waiting;
