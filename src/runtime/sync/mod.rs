//! The locks and atomics of the code that the thread models run: from `std`, or from the crate `shuttle`.
//!
//! A thread model is a test that several threads run at once. With `std` these are threads of the operating system.
//! With the cfg `waterspout_models`, which only the package in `tests/models` sets, they are threads of `shuttle`: a
//! random scheduler decides at each lock, unlock and atomic which thread runs next, and a failing order can be repeated.
//!
//! What the models do not see: code of other crates that uses `std::sync` itself (`futures`, `h2`), which runs without
//! a switch of threads; weak memory orderings, because the atomics of `shuttle` are sequentially consistent; real time.
//!
//! A browser has neither threads nor panics that end a single thread, so `panic = "unwind"` keeps the models out of its
//! unit tests. It stands beside `cfg(test)` and not within it, because clippy finds tests by a plain `cfg(test)`.
//!
//! This is the only file with that cfg. `tests/tidy.rs` has the list of folders that take their locks and atomics from
//! here, and nothing but `Arc`, `Weak`, `OnceLock` and `PoisonError` from `std::sync`.

#[cfg(waterspout_models)]
#[path = "shuttle_threads.rs"]
mod current;
#[cfg(not(waterspout_models))]
#[path = "std_threads.rs"]
mod current;
#[cfg(test)]
#[cfg(panic = "unwind")]
pub(crate) mod model;

pub(crate) use self::current::{Mutex, MutexGuard, atomic};
