//! Rust and TypeScript declare the same numbers and the same error codes under the same names.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
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
    for call in ["command(", "stat(", "answered("] {
        let calls: Vec<_> = core.split(call).skip(1).collect();
        assert!(!calls.is_empty(), "{call} is not called");
        let bare: Vec<_> = calls.iter().filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())).collect();
        assert!(bare.is_empty(), "{call} is called with a bare number");
    }
}

#[test]
fn error_kinds_have_the_same_names_in_javascript() {
    let rust = read("src/error/kind.rs");
    let codes = |text: &str| -> BTreeSet<String> {
        let quoted = text.split('"').skip(1).step_by(2);
        quoted.filter(|code| code.chars().all(|c| c.is_ascii_uppercase() || c == '_')).map(str::to_owned).collect()
    };
    let between = |text: &str, start: &str, end: &str| {
        let from = text.find(start).unwrap();
        text[from..from + text[from..].find(end).unwrap()].to_owned()
    };
    let kinds = codes(&between(&rust, "pub const fn code", "\n    }\n"));
    let script = read("pkg-js/src/errors.ts");
    assert!(kinds.len() > 10, "{kinds:?}");
    let mut script_codes = codes(&between(&script, "export type ErrorCode", ";"));
    // Only JavaScript has this code: a WebAssembly module stops where a Rust program panics.
    assert!(script_codes.remove("INTERNAL"));
    assert_eq!(kinds, script_codes);
    // Each variant has a code, and the code is its name.
    let variants = between(&rust, "pub enum ErrorKind", "\n}");
    let variants = variants.lines().map(str::trim).filter(|line| line.ends_with(',') && !line.starts_with("//"));
    let named: BTreeSet<String> = variants.map(|line| screaming(line.trim_end_matches(','))).collect();
    assert_eq!(kinds, named);
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
