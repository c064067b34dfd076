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
mod failed_writes;
mod flows;
mod goaway;
mod goaway_points;
mod heads;
mod held_bytes;
mod interleavings;
mod net;
mod pieces;
mod ping;
mod polls;
mod random;
mod raw;
mod refused;
mod retired;
mod served;
mod unused;
mod waiting;
mod window_updates;
