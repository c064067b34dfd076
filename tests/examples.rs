//! Runs the examples, so that they cannot rot: each starts a server of its own, and the tests read what it prints.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

#[path = "examples/har.rs"]
mod har;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Runs an example with an argument, and returns what it prints.
fn output_of(example: &str, argument: &Path) -> String {
    // Through cargo, because a test does not make cargo build an example. With the features of `cargo test
    // --all-features` the library is not built again.
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "run",
        "--quiet",
        "--all-features",
        "--example",
        example,
        "--",
    ]);
    // The build script of a dependency runs again when these variables change, and cargo sets them for a test.
    let of_this_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this_package)).for_each(|(name, _)| {
        cargo.env_remove(name);
    });
    // The servers of the examples are on this machine.
    let output = cargo.arg(argument).env("NO_PROXY", "*").output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example} failed: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn typed_json_prints_values_and_the_reason_of_a_refusal() {
    let output = output_of("typed_json", Path::new(""));
    let expected = "saved: Note { id: 7, text: \"call the plumber\" }\n\
        found: [Note { id: 7, text: \"call the plumber\" }]\n\
        refused: a note needs a text\n";
    assert_eq!(output, expected);
}

#[test]
fn downloads_are_complete_after_their_connections_broke() {
    let folder = Folder::new("downloads");
    assert_eq!(output_of("downloads", &folder.0), "50 files, 15000000 bytes, resumed 50 times\n");
    let files: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
    assert_eq!(files.len(), 50);
    let expected: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    assert!(files.iter().all(|file| *file == expected));
}

#[test]
fn upload_form_and_events_share_a_cookie_and_a_proxy() {
    let output = output_of("upload_form_events", Path::new(""));
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], "cookie: Some(\"42\")");
    assert!(lines[1].starts_with("http://office.example/files received a form of 1000"), "{output}");
    assert_eq!(lines[2..], ["progress: 50 %", "done: the report has 1 page"]);
}

#[test]
fn manual_clock_runs_with_the_clock_of_the_system_too() {
    assert_eq!(output_of("manual_clock", Path::new("")), "the weather: sunny\n");
}

#[test]
fn traceparent_of_requests_within_a_span_share_a_trace() {
    let output = output_of("traceparent", Path::new(""));
    let lines: Vec<_> = output.lines().map(|line| line.split_once(": ").unwrap()).collect();
    let [alone, first, second, continued] = <[_; 4]>::try_from(lines).unwrap().map(|(_, header)| {
        let parts: Vec<_> = header.split('-').map(str::to_owned).collect();
        assert_eq!(parts.iter().map(String::len).collect::<Vec<_>>(), [2, 32, 16, 2], "{header}");
        assert_eq!(parts[0], "00");
        parts
    });
    assert_eq!([&alone[3], &first[3], &continued[3]], ["01", "01", "00"]);
    assert_ne!(alone[1], first[1]);
    assert_eq!(first[1], second[1]);
    assert_ne!(first[2], second[2]);
    assert_eq!(continued[1], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_ne!(continued[2], "00f067aa0ba902b7");
}

#[test]
fn har_file_has_the_fields_of_the_format() {
    let folder = Folder::new("har");
    let path = folder.0.join("requests.har");
    assert_eq!(output_of("har", &path), "5 entries, refused: true\n");
    let file = fs::read_to_string(&path).unwrap();
    har::check(&file);
    assert!(!file.contains("secret"), "{file}");
}

/// A folder for the files of a test, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("waterspout-examples-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
