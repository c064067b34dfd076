//! Rust and TypeScript declare the same numbers under the same names, and error codes mean the same in both.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The constants of a file, and their numbers.
type Numbers = BTreeMap<String, i64>;

#[test]
fn rust_and_typescript_declare_the_same_numbers() {
    let rust = numbers("src/js/protocol.rs", "pub(super) const ");
    let typescript = numbers("pkg-js/src/protocol.ts", "export const ");
    assert!(rust.len() > 3, "found only {rust:?}");
    assert_eq!(rust, typescript);
}

#[test]
fn both_histograms_have_as_many_buckets() {
    let histogram = read("src/client/queue/wait_times.rs");
    let (_, rest) = histogram.split_once("const BUCKETS: usize = ").unwrap();
    let buckets = parse(rest.split(';').next().unwrap());
    assert_eq!(numbers("pkg-js/src/wait-times.ts", "const ")["WAIT_BUCKETS"], buckets);
}

#[test]
fn error_codes_of_javascript_are_names_of_error_kinds() {
    let rust = read("src/error/kind.rs");
    let kinds = codes(&between(&rust, "pub const fn code", "\n    }\n"));
    let script = read("pkg-js/src/errors.ts");
    assert!(kinds.len() > 10, "{kinds:?}");
    let mut script_codes = codes(&between(&script, "export type ErrorCode", ";"));
    assert!(script_codes.len() > 5, "{script_codes:?}");
    // Only JavaScript has this code: a WebAssembly module stops where a Rust program panics.
    assert!(script_codes.remove("INTERNAL"));
    // The package passes on the platform's own errors, so it does not use every kind.
    assert!(script_codes.is_subset(&kinds), "{:?}", script_codes.difference(&kinds));
    // Each variant has a code, and the code is its name.
    let variants = between(&rust, "pub enum ErrorKind", "\n}");
    let variants = variants.lines().map(str::trim).filter(|line| line.ends_with(',') && !line.starts_with("//"));
    let named: BTreeSet<String> = variants.map(|line| screaming(line.trim_end_matches(','))).collect();
    assert_eq!(kinds, named);
}

/// Returns the quoted error codes of a text.
fn codes(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    quoted.filter(|code| code.chars().all(|c| c.is_ascii_uppercase() || c == '_')).map(str::to_owned).collect()
}

/// Returns the part of `text` from `start` to `end`.
fn between(text: &str, start: &str, end: &str) -> String {
    let from = text.find(start).unwrap();
    text[from..from + text[from..].find(end).unwrap()].to_owned()
}

/// Reads the numbers of a file: lines that start with `start`, then a name and a number.
fn numbers(path: &str, start: &str) -> Numbers {
    let mut numbers = Numbers::new();
    for line in read(path).lines() {
        if let Some((name, number)) = line.strip_prefix(start).and_then(|rest| rest.split_once(" = ")) {
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

/// Returns `LikeThis` as `LIKE_THIS`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_uppercase() && index > 0 {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}
