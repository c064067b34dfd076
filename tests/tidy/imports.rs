//! Which module may import which, and that no imports form a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, files, first_name, report};

/// What each top-level module may import of the crate. `platform` means the names that every platform exports.
///
/// The implementations of a platform are rows of their own: no module may import them, so they may import any.
const IMPORTS: &[(&str, &[&str])] = &[
    ("error", &["platform"]),
    ("message", &["error", "platform", "runtime"]),
    ("runtime", &["platform"]),
    ("backend", &["error", "message", "runtime"]),
    ("transport", &["error", "message", "runtime"]),
    ("auth", &["error", "message", "platform"]),
    ("http1", &["error", "message", "transport"]),
    ("http2", &["error", "http1", "message", "runtime", "transport"]),
    ("agent", &["auth", "backend", "error", "http1", "http2", "message", "runtime", "transport"]),
    ("client", &["auth", "backend", "error", "message", "platform", "runtime"]),
    ("cookies", &["agent", "error", "message", "platform"]),
    ("sse", &["client", "error", "message", "platform"]),
    ("tornado", &["client", "error", "message", "platform", "runtime", "transport"]),
    ("js", &["client"]),
    ("fuzzing", &["cookies"]),
    ("guide", &[]),
    ("testing", &["backend", "error", "http1", "http2", "message", "platform", "runtime", "transport"]),
    ("platform", &[]),
    ("platform/browser", &["backend", "client", "error", "message", "runtime"]),
    (
        "platform/native",
        &["agent", "backend", "client", "error", "message", "runtime", "testing", "tornado", "transport"],
    ),
    ("platform/unix", &["agent", "error", "message", "runtime", "tornado", "transport"]),
    ("platform/unsupported", &["backend", "error", "message", "runtime"]),
    ("platform/without_engine", &["error", "message"]),
    ("platform/without_engine/timer_queue", &["runtime"]),
];

/// What the folders within a module may import: of the crate, and of their own module.
///
/// The parts of a module stand side by side: the retry policy knows no queue, and no tool of Tornado knows another tool or the client.
const PARTS: &[(&str, &[&str])] = &[
    ("agent/decode", &["agent::pieces", "error", "message", "runtime"]),
    ("agent/pool", &["agent::route", "http1", "message", "runtime", "transport"]),
    ("agent/proxy", &["auth", "error", "http1", "message", "transport"]),
    ("client/middleware", &["auth", "backend", "error", "message", "runtime"]),
    ("client/queue", &["error", "runtime"]),
    (
        "client/retry",
        &["client::Builder", "client::policies::MAKE_POLICIES", "error", "message", "platform", "runtime"],
    ),
    ("tornado/event_loop", &["platform", "runtime"]),
    ("tornado/io_stream", &["error", "message", "runtime", "transport"]),
    ("tornado/promise.rs", &["error", "runtime"]),
    ("tornado/queues", &["platform", "runtime"]),
];

/// Folders whose files must not import each other in a circle, besides the top-level modules.
const ACYCLIC_FOLDERS: &[&str] = &["agent/pool"];

/// The only file of `http1` that reads and writes.
const CONNECTION: &str = "src/http1/connection.rs";

#[test]
fn modules_import_only_what_they_may() {
    let mut complaints = Vec::new();
    for file in files("src", "rs").iter().filter(|file| file.path != "src/lib.rs") {
        let module = file.module();
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!("{}: the module {module} is not in the table", file.path));
            continue;
        };
        let own = module.split('/').next().unwrap();
        let names_transport = |line: &str| {
            line.contains("crate::transport::")
                && line.split(|c: char| !c.is_alphanumeric()).any(|word| word == "Transport")
        };
        if module == "http1" && file.path != CONNECTION && file.lines().any(names_transport) {
            complaints.push(format!("{}: in http1 only {CONNECTION} reads and writes", file.path));
        }
        for used in file.uses() {
            if used != own && !allowed.contains(&used) {
                complaints.push(format!("{}: {module} may not import {used}", file.path));
            }
        }
    }
    report(complaints);
}

#[test]
fn parts_of_a_module_import_only_what_they_may() {
    let mut complaints = Vec::new();
    let files = files("src", "rs");
    for (part, allowed) in PARTS {
        let own = part.trim_end_matches(".rs").replace('/', "::");
        let parent = first_name(part);
        let mut of_part = files.iter().filter(|file| file.path.starts_with(&format!("src/{part}"))).peekable();
        assert!(of_part.peek().is_some(), "there is no src/{part}");
        for file in of_part {
            let paths = file.lines().flat_map(|line| line.split("crate::").skip(1));
            for path in paths.filter(|path| path.starts_with(char::is_lowercase)) {
                let path = path.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap();
                let is_within = |module: &&str| path == *module || path.starts_with(&format!("{module}::"));
                // `pub(in crate::agent)` names the module itself.
                if path != parent && !is_within(&own.as_str()) && !allowed.iter().any(is_within) {
                    complaints.push(format!("{}: {part} may not import {path}", file.path));
                }
            }
        }
    }
    report(complaints);
}

/// The table has no circle, and the test above compares the table with the tree.
#[test]
fn top_level_modules_import_each_other_in_a_single_direction() {
    let edges = IMPORTS.iter().map(|(module, uses)| (*module, uses.iter().copied().collect()));
    report(cycle(&edges.collect()).into_iter().collect());
}

#[test]
fn files_of_a_folder_import_each_other_in_a_single_direction() {
    let files = files("src", "rs");
    for folder in ACYCLIC_FOLDERS {
        let prefix = format!("src/{folder}/");
        let mut edges: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for file in files.iter().filter(|file| file.path.starts_with(&prefix)) {
            let name = file.path.strip_prefix(&prefix).unwrap().trim_end_matches(".rs");
            edges.insert(name, file.siblings());
        }
        assert!(edges.len() > 1, "{folder} has no files");
        report(cycle(&edges).map(|found| format!("{folder}: {found}")).into_iter().collect());
    }
}

/// Returns a circle of imports as text, or `None` without a circle.
fn cycle(edges: &BTreeMap<&str, BTreeSet<&str>>) -> Option<String> {
    // A node that imports nothing, or only removed nodes, is in no circle. A node that cannot be removed is in a circle or
    // leads to a circle.
    let mut left = edges.clone();
    loop {
        let leaf = left.iter().find(|(_, uses)| uses.iter().all(|used| !left.contains_key(used)));
        let Some(leaf) = leaf.map(|(name, _)| *name) else { break };
        left.remove(leaf);
    }
    let start = left.keys().next()?;
    let mut path = vec![*start];
    loop {
        let next = left[path.last().unwrap()].iter().find(|used| left.contains_key(**used)).unwrap();
        if let Some(from) = path.iter().position(|seen| seen == next) {
            return Some(format!("{} -> {next}", path[from..].join(" -> ")));
        }
        path.push(next);
    }
}

#[test]
fn a_circle_of_imports_is_found() {
    let edges = |pairs: &[(&'static str, &[&'static str])]| {
        pairs.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect()
    };
    assert_eq!(cycle(&edges(&[("a", &["b"]), ("b", &["c", "d"]), ("c", &[])])), None);
    let found = cycle(&edges(&[("a", &["b"]), ("b", &["c"]), ("c", &["b"])])).unwrap();
    assert_eq!(found, "b -> c -> b");
}

/// TypeScript does the rest of a client's work, so the npm package must link nothing else of the client.
#[test]
fn the_javascript_core_uses_the_queue_alone() {
    let core = files("src/js", "rs");
    let used = |file: &File| file.lines().filter(|line| line.contains("crate::client")).map(str::to_owned).collect();
    let used: Vec<String> = core.iter().flat_map(|file| -> Vec<String> { used(file) }).collect();
    assert!(!used.is_empty(), "src/js uses nothing of the client");
    report(used.into_iter().filter(|line| !line.contains("crate::client::queue::")).collect());
}
