//! HTTP/2 against a peer that a test writes frame by frame, in memory and on a clock that is moved by hand.
#![cfg(all(feature = "http2", not(target_family = "wasm")))]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attacks;
mod connection_window;
mod floods;
mod hpack;
mod malformed;
mod peer;
mod requests;
mod violations;
