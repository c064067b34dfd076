//! Checks that the code of the thread models takes its locks, atomics and threads from a single place.

use std::fs;
use std::path::Path;

use super::{File, files, first_name, report};

/// The only file that selects between the locks of `std` and of `shuttle`.
const SYNC: &str = "src/runtime/sync/mod.rs";

/// The code that the thread models run.
const MODELLED: &[&str] = &[
    "src/agent/pool/",
    "src/client/queue/",
    "src/http2/",
    "src/platform/native/held_timer.rs",
    "src/platform/without_engine/timer_queue/",
    "src/runtime/lock.rs",
    "src/tornado/promise",
    "src/tornado/queues/",
];

/// What that code takes from `std::sync` itself: no thread waits for these, and they are set at most once.
const FROM_STD: &[&str] = &["Arc", "OnceLock", "PoisonError", "Weak"];

/// Returns the names that a line takes from `std::sync`.
fn names_from_std(line: &str) -> Vec<&str> {
    let Some((_, path)) = line.split_once("std::sync::") else { return Vec::new() };
    match path.strip_prefix('{').and_then(|list| list.split_once('}')) {
        Some((list, _)) => list.split(", ").map(first_name).collect(),
        None => vec![first_name(path)],
    }
}

#[test]
fn a_single_file_selects_the_locks_of_the_models() {
    let files = files("src", "rs");
    let selects = |file: &File| file.lines().any(|line| line.contains("waterspout_models"));
    assert!(files.iter().any(|file| file.path == SYNC && selects(file)));
    let others = files.iter().filter(|file| file.path != SYNC && selects(file));
    report(others.map(|file| format!("{}: only {SYNC} may name the cfg of the models", file.path)).collect());
}

#[test]
fn modelled_code_takes_its_locks_from_a_single_place() {
    let files = files("src", "rs");
    let mut complaints = Vec::new();
    for path in MODELLED {
        let mut of_path = files.iter().filter(|file| file.path.starts_with(path)).peekable();
        assert!(of_path.peek().is_some(), "there is no {path}");
        for file in of_path {
            let names = file.lines().flat_map(names_from_std).filter(|name| !FROM_STD.contains(name));
            complaints.extend(names.map(|name| format!("{}: take {name} from runtime::sync", file.path)));
            // `panicking` asks about the thread and waits for none.
            if file.lines().any(|line| line.contains("std::thread") && !line.contains("std::thread::panicking()")) {
                complaints.push(format!("{}: a model cannot run a thread of std", file.path));
            }
        }
    }
    report(complaints);
}

#[test]
fn names_from_std_are_found() {
    assert_eq!(names_from_std("use std::sync::{Arc, Mutex};"), ["Arc", "Mutex"]);
    assert_eq!(names_from_std("use std::sync::atomic::{AtomicBool, Ordering};"), ["atomic"]);
    assert_eq!(names_from_std("let lock = std::sync::Mutex::new(0);"), ["Mutex"]);
    assert!(names_from_std("use crate::runtime::sync::Mutex;").is_empty());
}

#[test]
fn models_have_the_dependencies_of_the_library() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let library = fs::read_to_string(root.join("Cargo.toml")).unwrap().replace("optional = true, ", "");
    let models = fs::read_to_string(root.join("tests/models/Cargo.toml")).unwrap();
    let (_, dependencies) = models.split_once("[dependencies]").unwrap();
    let dependencies = dependencies.lines().take_while(|line| !line.starts_with('['));
    let dependencies: Vec<&str> = dependencies.filter(|line| line.contains(" = ")).collect();
    assert!(dependencies.len() > 10, "only {} dependencies found", dependencies.len());
    let other = dependencies.into_iter().filter(|line| !line.starts_with("shuttle ") && !library.contains(line));
    report(other.map(|line| format!("tests/models/Cargo.toml has `{line}`, and the library has not")).collect());
}
