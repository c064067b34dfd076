//! The numbers between the npm package and its core: Rust and TypeScript declare the same numbers under the same names.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

/// The declarations of a file: `Enum::Variant` or `CONSTANT`, and the number.
type Numbers = BTreeMap<String, i64>;

#[test]
fn rust_and_typescript_declare_the_same_numbers() {
    let rust = numbers("src/js/protocol.rs", "enum ", "pub(super) const ");
    let typescript = numbers("pkg-js/src/protocol.ts", "export const enum ", "export const ");
    assert!(rust.len() > 10, "found only {rust:?}");
    assert_eq!(rust, typescript);
}

#[test]
fn the_protocol_has_as_many_buckets_as_the_histogram() {
    let histogram = read("src/client/queue/wait_times.rs");
    let (_, rest) = histogram.split_once("const BUCKETS: usize = ").unwrap();
    let buckets = parse(rest.split(';').next().unwrap());
    assert_eq!(numbers("src/js/protocol.rs", "enum ", "pub(super) const ")["WAIT_BUCKETS"], buckets);
}

#[test]
fn no_bare_number_crosses_the_boundary() {
    let core = read("pkg-js/src/core.ts") + &read("pkg-js/src/client.ts") + &read("pkg-js/src/request.ts");
    for call in ["command(", "stat(", "settle(", "nextRetryDelay("] {
        let calls: Vec<_> = core.split(call).skip(1).collect();
        assert!(!calls.is_empty(), "{call} is not called");
        let bare: Vec<_> = calls.iter().filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).collect();
        assert!(bare.is_empty(), "{call} is called with a bare number");
    }
}

/// Reads the numbers of a file. An enum begins on a line with `enum_start` and ends at a brace in the first column; a variant is a
/// line `Name = 1,`. A constant is a line that starts with `constant_start`.
fn numbers(path: &str, enum_start: &str, constant_start: &str) -> Numbers {
    let mut numbers = Numbers::new();
    let mut current = None;
    for line in read(path).lines() {
        if let Some((_, name)) = line.split_once(enum_start) {
            current = Some(name.trim_end_matches(" {").to_owned());
        } else if line.starts_with('}') {
            current = None;
        } else if let (Some(name), Some((variant, number))) = (&current, line.trim().split_once(" = ")) {
            numbers.insert(format!("{name}::{variant}"), parse(number.trim_end_matches(',')));
        } else if let Some((name, number)) = line.strip_prefix(constant_start).and_then(|rest| rest.split_once(" = ")) {
            let name = name.split(':').next().unwrap_or(name);
            numbers.insert(name.to_owned(), parse(number.trim_end_matches(';')));
        }
    }
    numbers
}

fn parse(number: &str) -> i64 {
    let plain = number.replace('_', "");
    let parsed = match plain.strip_prefix("0x") {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16),
        None => plain.trim_end_matches(".0").parse(),
    };
    parsed.unwrap_or_else(|_| panic!("{number} is no number"))
}

fn read(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}
