//! Checks the rules of ARCHITECTURE.md: which module may import which, which file may name a target, what every file has.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

#[path = "tidy/imports.rs"]
mod imports;
#[path = "tidy/models.rs"]
mod models;
#[path = "tidy/security.rs"]
mod security;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

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
        const PARTS: [&str; 6] = [
            "platform/native",
            "platform/browser",
            "platform/unix",
            "platform/unsupported",
            "platform/without_engine/timer_queue",
            "platform/without_engine",
        ];
        PARTS.into_iter().find(|module| path.starts_with(module)).unwrap_or_else(|| path.split('/').next().unwrap())
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

/// The examples that a reader copies. A file of them fits on a page.
const SHORT_EXAMPLES: &[&str] =
    &["typed_json.rs", "downloads.rs", "axum_app", "sdk", "manual_clock.rs", "upload_form_events.rs"];

#[test]
fn examples_to_copy_are_under_80_lines() {
    let examples = files("examples", "rs");
    let mut complaints = Vec::new();
    for name in SHORT_EXAMPLES {
        let path = format!("examples/{name}");
        let mut parts = examples.iter().filter(|file| Path::new(&file.path).starts_with(&path)).peekable();
        assert!(parts.peek().is_some(), "there is no {path}");
        let long = parts.filter(|file| file.text.lines().count() >= 80);
        complaints.extend(long.map(|file| format!("{}: 80 lines or more; shorten it", file.path)));
    }
    report(complaints);
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
    let root = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/lib.rs")).unwrap();
    assert!(root.contains("\n#![forbid(unsafe_code)]\n"));
    let relaxed = files("src", "rs").into_iter().filter(|file| file.text.contains("allow(unsafe"));
    report(relaxed.map(|file| file.path).collect());
}

#[test]
fn no_build_enables_unstable_features_in_a_stable_compiler() {
    let folders = [("pkg-js/scripts", "mjs"), ("examples/minimal", "mjs"), ("tests", "sh")];
    let scripts = folders.into_iter().flat_map(|(folder, extension)| files(folder, extension));
    // The variable would reach the build scripts of all dependencies, which then probe for features of a nightly compiler.
    let sets_it = |file: &File| ["RUSTC_BOOTSTRAP:", "RUSTC_BOOTSTRAP="].iter().any(|set| file.text.contains(set));
    report(scripts.filter(sets_it).map(|file| format!("{} sets RUSTC_BOOTSTRAP", file.path)).collect());
}
