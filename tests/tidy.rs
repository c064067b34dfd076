//! Checks the rules of ARCHITECTURE.md: which module may import which, which file may name a target, what every file has.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each top-level module may import of the crate. `platform` means the names that every platform exports.
///
/// The implementations of a platform are rows of their own: no module may import them, so they may import any.
const IMPORTS: &[(&str, &[&str])] = &[
    ("error", &[]),
    ("message", &["error", "platform", "runtime"]),
    ("runtime", &["platform"]),
    ("backend", &["error", "message", "runtime"]),
    ("transport", &["error", "message", "runtime"]),
    ("auth", &["error", "message", "platform"]),
    ("http1", &["error", "message", "transport"]),
    ("agent", &["auth", "backend", "error", "http1", "message", "runtime", "transport"]),
    ("client", &["auth", "backend", "error", "message", "platform", "runtime"]),
    ("cookies", &["agent", "error", "message", "platform"]),
    ("sse", &["client", "error", "message", "platform"]),
    ("tornado", &["client", "error", "message", "platform", "runtime", "transport"]),
    ("js", &["client", "error", "runtime"]),
    ("testing", &["backend", "error", "http1", "message", "platform", "runtime", "transport"]),
    ("platform", &[]),
    ("platform/browser", &["backend", "error", "message", "runtime"]),
    ("platform/native", &["agent", "backend", "error", "message", "runtime", "testing", "tornado", "transport"]),
    ("platform/timer_queue", &["runtime"]),
    ("platform/unix", &["agent", "error", "message", "runtime", "transport"]),
    ("platform/unsupported", &["backend", "error", "message", "runtime"]),
];

/// What the folders within a module may import: of the crate, and of their own module.
///
/// The parts of a module stand side by side: the retry policy knows no queue, and no tool of Tornado knows another tool or the client.
const PARTS: &[(&str, &[&str])] = &[
    ("agent/decode", &["agent::body", "error", "message", "runtime"]),
    ("agent/pool", &["agent::route", "http1", "message", "runtime"]),
    ("agent/proxy", &["auth", "error", "http1", "message", "transport"]),
    ("client/middleware", &["auth", "backend", "error", "message", "runtime"]),
    ("client/queue", &["client::stop", "error", "runtime"]),
    ("client/retry", &["client::Builder", "error", "message", "platform", "runtime"]),
    ("tornado/event_loop", &["platform", "runtime"]),
    ("tornado/io_stream", &["error", "runtime", "transport"]),
    ("tornado/promise.rs", &["error", "runtime"]),
    ("tornado/queues", &["platform", "runtime"]),
];

/// Folders whose files must not import each other in a circle, besides the top-level modules.
const ACYCLIC_FOLDERS: &[&str] = &["agent/pool"];

/// The only file of `http1` that reads and writes.
const CONNECTION: &str = "src/http1/connection.rs";

/// The only file that names a target.
const PLATFORM: &str = "src/platform/mod.rs";

/// Maximum number of lines of a file. A longer file usually holds a second idea.
const MAX_LINES: usize = 400;

struct File {
    path: String,
    text: String,
}

impl File {
    fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines().map(str::trim).filter(|line| !line.starts_with("//"))
    }

    /// Returns the modules of the crate that this file names by path.
    fn uses(&self) -> BTreeSet<&str> {
        self.lines()
            .flat_map(|line| line.match_indices("crate::").map(move |(at, found)| &line[at + found.len()..]))
            .map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap())
            .filter(|module| module.chars().next().is_some_and(char::is_lowercase))
            .collect()
    }

    /// Returns the files of this file's folder that this file names by path; `mod` is the folder's `mod.rs`.
    fn siblings(&self) -> BTreeSet<&str> {
        let is_root = self.path.ends_with("/mod.rs");
        let uses = self.lines().filter_map(|line| line.split_once("use ")).map(|(_, path)| path);
        uses.filter_map(|path| match is_root {
            true => path.strip_prefix("self::").map(first_name),
            false => path.strip_prefix("super::").map(first_name),
        })
        .filter(|name| *name != "super")
        .map(|name| if name.starts_with(char::is_lowercase) { name } else { "mod" })
        .collect()
    }

    /// Returns the names of the types that this file defines.
    fn types(&self) -> BTreeSet<&str> {
        self.lines().filter_map(type_name).collect()
    }

    /// Returns the module that this file belongs to, as the table names it.
    fn module(&self) -> &str {
        let path = self.path.strip_prefix("src/").unwrap().trim_end_matches(".rs");
        ["platform/native", "platform/browser", "platform/timer_queue", "platform/unix", "platform/unsupported"]
            .into_iter()
            .find(|module| path.starts_with(module))
            .unwrap_or_else(|| path.split('/').next().unwrap())
    }
}

/// Returns the name at the start of a path.
fn first_name(path: &str) -> &str {
    path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

/// Returns the name of the type that a line defines, if it defines a type.
fn type_name(line: &str) -> Option<&str> {
    let item = match line.strip_prefix("pub") {
        // The visibility may have a path: `pub(in crate::agent) struct`.
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let item = item.strip_prefix("unsafe ").unwrap_or(item);
    let (keyword, rest) = item.split_once(' ')?;
    let name = first_name(rest);
    (["struct", "enum", "trait", "union"].contains(&keyword) && name.starts_with(char::is_uppercase)).then_some(name)
}

fn files(folder: &str, extension: &str) -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                // A build leaves files in `target`, and the project does not own them.
                folders.extend((!path.ends_with("target")).then_some(path));
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
                files.push(File { path: name, text: fs::read_to_string(path).unwrap() });
            }
        }
    }
    assert!(!files.is_empty(), "nothing to check in {folder}");
    files
}

/// Fails with all complaints at once.
fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

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

/// The npm package must not link code that makes Rust clients, for example defaults and events.
#[test]
fn the_javascript_core_uses_the_outer_loop_alone() {
    let core = files("src/js", "rs");
    let used = |file: &File| file.lines().filter(|line| line.contains("crate::client")).map(str::to_owned).collect();
    let used: Vec<String> = core.iter().flat_map(|file| -> Vec<String> { used(file) }).collect();
    assert!(!used.is_empty(), "src/js uses nothing of the client");
    let parts = ["call", "deadline", "queue", "stop"].map(|part| format!("crate::client::{part}::"));
    report(used.into_iter().filter(|line| !parts.iter().any(|part| line.contains(part.as_str()))).collect());
}

#[test]
fn no_platform_is_named_outside_of_its_folder() {
    let named =
        |file: &File| ["platform::native", "platform::browser"].into_iter().any(|name| file.text.contains(name));
    let complaints =
        files("src", "rs").into_iter().filter(|file| !file.path.starts_with("src/platform/") && named(file));
    report(complaints.map(|file| format!("{}: use what `platform` exports", file.path)).collect());
}

#[test]
fn a_single_file_names_targets() {
    let cfgs = ["target_arch", "target_family", "target_os"];
    let names_target = |file: &File| file.lines().any(|line| cfgs.iter().any(|cfg| line.contains(cfg)));
    let files = files("src", "rs");
    assert!(files.iter().any(|file| file.path == PLATFORM && names_target(file)));
    let named = files.iter().filter(|file| file.path != PLATFORM && names_target(file));
    report(named.map(|file| format!("{}: only {PLATFORM} may name a target", file.path)).collect());
}

#[test]
fn features_switch_whole_modules() {
    let mut complaints = Vec::new();
    for file in files("src", "rs") {
        let lines: Vec<_> = file.lines().collect();
        for (line, next) in lines.iter().zip(lines.iter().skip(1)) {
            let is_module = ["mod ", "pub mod ", "pub use ", "pub(crate) mod ", "pub(crate) use ", "#[path"]
                .iter()
                .any(|it| next.starts_with(it));
            if line.contains("feature =") && !is_module {
                complaints.push(format!("{}: {line} is not on a module", file.path));
            }
        }
    }
    report(complaints);
}

#[test]
fn every_file_begins_with_its_purpose() {
    let rust = ["src", "tests", "examples"].into_iter().flat_map(|folder| files(folder, "rs"));
    let silent = rust.filter(|file| !file.text.starts_with("//! "));
    let scripts = ["src", "scripts", "test"].into_iter().flat_map(|folder| {
        let folder = format!("pkg-js/{folder}");
        let extension = if folder.ends_with("src") { "ts" } else { "mjs" };
        files(&folder, extension)
    });
    let silent = silent.chain(scripts.filter(|file| !file.text.starts_with("/**")));
    report(silent.map(|file| format!("{}: begin with a line of documentation", file.path)).collect());
}

#[test]
fn no_file_exceeds_400_lines() {
    let files = files("src", "rs").into_iter().chain(files("tests", "rs")).chain(files("pkg-js/src", "ts"));
    let long = files.filter(|file| file.text.lines().count() > MAX_LINES);
    report(
        long.map(|file| format!("{}: longer than {MAX_LINES} lines; move a part to a file of its own", file.path))
            .collect(),
    );
}

#[test]
fn no_type_name_is_defined_in_two_files() {
    let files = files("src", "rs");
    let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in &files {
        file.types().into_iter().for_each(|name| paths.entry(name).or_default().push(&file.path));
    }
    assert!(paths.len() > 100, "only {} types found", paths.len());
    let repeated = paths.into_iter().filter(|(_, paths)| paths.len() > 1);
    report(repeated.map(|(name, paths)| format!("{name} is defined in {}", paths.join(" and "))).collect());
}

#[test]
fn definitions_of_types_are_found() {
    for line in
        ["struct A;", "pub enum A {", "pub(crate) unsafe trait A: B {", "pub(in crate::b) union A {", "struct A<T>(T);"]
    {
        assert_eq!(type_name(line), Some("A"), "{line}");
    }
    for line in ["impl A {", "public struct", "type A = B;", "struct $name {", "fn structure(A: u8)", "let A = 1;"] {
        assert_eq!(type_name(line), None, "{line}");
    }
}

#[test]
fn every_path_in_the_architecture_page_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let paths: Vec<&str> = page.split('`').skip(1).step_by(2).filter(|text| is_path(text)).collect();
    assert!(paths.len() > 20, "only {} paths found", paths.len());
    // Paths in the sections about `src/` leave the folder out.
    let exists = |path: &str| root.join(path).exists() || root.join("src").join(path).exists();
    let missing = paths.into_iter().filter(|path| !exists(path));
    report(missing.map(|path| format!("ARCHITECTURE.md names {path}, which does not exist")).collect());
}

/// Returns whether a quoted text looks like a file or folder of this tree: it has a slash, and an extension or a slash at
/// the end.
fn is_path(text: &str) -> bool {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let last = text.rsplit('/').next().unwrap();
    is_plain && text.contains('/') && (last.is_empty() || last.contains('.'))
}

#[test]
fn paths_are_told_from_other_quoted_texts() {
    assert!(["src/", "agent/mod.rs", "pkg-js/src/client.ts"].into_iter().all(is_path));
    assert!(
        ["mod.rs", "platform/native", "a.b", "platform::x", "MockBackend", "a / b.rs"]
            .into_iter()
            .all(|it| !is_path(it))
    );
}

#[test]
fn unsafe_code_is_forbidden() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"forbid\""));
    let relaxed = files("src", "rs").into_iter().filter(|file| file.text.contains("allow(unsafe"));
    report(relaxed.map(|file| file.path).collect());
}
