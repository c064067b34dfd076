//! Fuzzing that runs with the other tests: valid bytes of servers and proxies, changed at random, are given to each
//! parser. The parser may accept or refuse them. It must not panic, wait for ever or lose its limits.
//!
//! The random numbers are the same in every run. `WATERSPOUT_MUTATIONS` sets the number of inputs for each parser
//! (default: 1,000) and `WATERSPOUT_FIRST_SEED` the first seed, which a failure names.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]
#![cfg(not(target_family = "wasm"))]

mod frames;
mod mutator;
mod proxies;
mod responses;
#[path = "../support/mod.rs"]
mod support;
mod texts;
