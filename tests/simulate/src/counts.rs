//! Counts what happens in all seeds of a process, so that a reader sees that the simulation is not idle.

use std::cell::RefCell;

use waterspout::Timeout;

/// The largest number of names. The list never grows, so that it is no part of the memory of a seed.
const MAX_NAMES: usize = 128;

/// The counts that are above zero in each run of [`MIN_SEEDS`] seeds or more.
pub(crate) const EXPECTED: [&str; 36] = [
    "BODY_NOT_REPLAYABLE",
    "CIRCUIT_OPEN",
    "CLEARED",
    "CLOSED",
    "CONNECT",
    "CONNECTION_CLOSED",
    "PROTOCOL",
    "QUEUE_FULL",
    "REDIRECT",
    "TIMEOUT in total",
    "TIMEOUT of the attempt",
    "TIMEOUT of the body",
    "TIMEOUT of the connect",
    "TIMEOUT of the head",
    "TIMEOUT of the queue",
    "TIMEOUT of the request",
    "black holes",
    "clients closed",
    "clients closed at once",
    "connections of HTTP/1.1",
    "connections of HTTP/2",
    "connections of HTTP/2 retired",
    "connects delayed",
    "connects refused",
    "pauses",
    "redirects",
    "requests cancelled",
    "requests cleared",
    "requests over HTTP/1.1",
    "requests over HTTP/2",
    "requests with cookies",
    "requests with credentials",
    "resets",
    "responses dropped",
    "retries",
    "whole responses",
];

/// The number of seeds from which on all [`EXPECTED`] counts are checked.
pub(crate) const MIN_SEEDS: u64 = 10_000;

thread_local! {
    static COUNTS: RefCell<Vec<(&'static str, u64)>> = RefCell::new(Vec::with_capacity(MAX_NAMES));
}

/// Adds to the count of this name.
pub(crate) fn count(name: &'static str) {
    add(name, 1);
}

/// Adds a number to the count of this name.
pub(crate) fn add(name: &'static str, number: u64) {
    COUNTS.with_borrow_mut(|counts| match counts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, total)) => *total += number,
        None => {
            assert!(counts.len() < MAX_NAMES, "more than {MAX_NAMES} counts have a name");
            counts.push((name, number));
        }
    });
}

/// Returns all counts.
pub(crate) fn all() -> Vec<(&'static str, u64)> {
    COUNTS.with_borrow(Clone::clone)
}

/// Sets all counts back to earlier values. A seed that is run again for its steps is counted once.
pub(crate) fn restore(earlier: &[(&'static str, u64)]) {
    COUNTS.with_borrow_mut(|counts| {
        counts.clear();
        counts.extend_from_slice(earlier);
    });
}

/// Returns the name of the count of a time limit that has passed.
pub(crate) fn timeout_name(timeout: Timeout) -> &'static str {
    match timeout {
        Timeout::Queue => "TIMEOUT of the queue",
        Timeout::Total => "TIMEOUT in total",
        Timeout::Request => "TIMEOUT of the request",
        Timeout::Attempt => "TIMEOUT of the attempt",
        Timeout::Head => "TIMEOUT of the head",
        Timeout::Idle => "TIMEOUT of the body",
        Timeout::Connect => "TIMEOUT of the connect",
        _ => "TIMEOUT of another kind",
    }
}
