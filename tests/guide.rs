//! Checks the guide in `docs/`: its links and the links of the other pages, its list of chapters, and that the tables and
//! sections which must be complete are complete. The snippets themselves run as tests of the documentation.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(not(target_family = "wasm"))]

#[path = "guide/page.rs"]
mod page;

use std::collections::BTreeSet;
use std::fs;

use self::page::{Page, read, report};

/// Pages outside of `docs/` whose links are checked too.
const OTHER_PAGES: [&str; 5] = ["README.md", "pkg-js/README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// The definitions that rustdoc uses in place of the relative links between chapters.
const LINKS: &str = "src/guide/links.md";

/// The maximum number of lines of a chapter.
const MAX_LINES: usize = 400;

/// The languages of snippets. Rust is compiled or run by rustdoc, `js` and `ts` by `pkg-js/test/readme.mjs`.
const LANGUAGES: [&str; 8] = ["rust", "rust,no_run", "rust,should_panic", "js", "ts", "sh", "toml", "text"];

fn guide() -> Vec<Page> {
    let names = fs::read_dir(page::root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.to_str().unwrap().to_owned()).collect();
    names.sort();
    assert!(names.len() > 10, "only {} chapters", names.len());
    names.iter().map(|name| Page::new(&format!("docs/{name}"))).collect()
}

fn chapter(name: &str) -> Page {
    Page::new(&format!("docs/{name}.md"))
}

#[test]
fn relative_links_lead_to_a_file_and_a_heading() {
    let pages: Vec<_> = guide().into_iter().chain(OTHER_PAGES.map(Page::new)).collect();
    let links: usize = pages.iter().map(|page| page.links().len()).sum();
    assert!(links > 100, "only {links} links found");
    report(pages.iter().flat_map(Page::broken_links).collect());
}

#[test]
fn references_have_a_definition() {
    report(guide().iter().flat_map(Page::undefined_references).collect());
}

/// A page of the documentation is no Markdown file, so rustdoc must see another definition of each link to a chapter.
#[test]
fn links_to_chapters_are_links_to_modules_in_rustdoc() {
    let modules = read(LINKS);
    let mut complaints = Vec::new();
    for page in guide() {
        for (label, target) in page.definitions() {
            let Some(chapter) = page::chapter_of(&target) else { continue };
            let wanted = format!("[{label}]: {}", page::module_of(&target));
            if !modules.lines().any(|line| line == wanted) {
                complaints.push(format!("{}: {LINKS} lacks \"{wanted}\" for the chapter {chapter}", page.path));
            }
        }
        let in_rustdoc = Page { path: page.path.clone(), text: format!("{modules}\n{}", page.text) };
        let relative = in_rustdoc.links().into_iter().filter(|link| !link.contains(':') && !link.starts_with('#'));
        complaints.extend(relative.map(|link| format!("{}: {link} leads nowhere in rustdoc", page.path)));
    }
    report(complaints);
}

#[test]
fn each_chapter_is_a_module_and_in_the_table_of_contents() {
    let modules = read("src/guide/mod.rs");
    let contents = Page::new("docs/README.md").links();
    let mut complaints = Vec::new();
    for page in guide() {
        let name = page.path.strip_prefix("docs/").unwrap();
        let module = page::snake_case(name.trim_end_matches(".md"));
        if name != "README.md" && !modules.contains(&format!("    {module}: \"{name}\",\n")) {
            complaints.push(format!("src/guide/mod.rs has no module {module} for {name}"));
        }
        if name != "README.md" && !contents.iter().any(|link| link == name) {
            complaints.push(format!("docs/README.md has no link to {name}"));
        }
        if page.text.lines().count() > MAX_LINES {
            complaints.push(format!("{}: longer than {MAX_LINES} lines", page.path));
        }
        if !page.text.starts_with("# ") {
            complaints.push(format!("{}: begin with the title", page.path));
        }
    }
    report(complaints);
}

#[test]
fn each_snippet_is_in_a_language_that_is_checked() {
    let mut complaints = Vec::new();
    for page in guide() {
        let unknown = page.snippets().into_iter().filter(|(language, _)| !LANGUAGES.contains(&language.as_str()));
        complaints.extend(unknown.map(|(language, _)| format!("{}: no test checks \"{language}\"", page.path)));
    }
    report(complaints);
}

/// Rustdoc compiles snippets for this target alone. The same functions are in a file that the tests in Node compile and
/// run.
#[test]
fn snippets_for_browsers_are_in_the_program_that_tests_them() {
    let program = read("tests/guide/browser.rs");
    let mut snippets = 0;
    let mut complaints = Vec::new();
    for page in guide() {
        for (_, code) in page.snippets() {
            let Some(code) = code.strip_prefix("# #[cfg(target_family = \"wasm\")]\n") else { continue };
            snippets += 1;
            if !program.contains(code.trim_end()) {
                complaints.push(format!("{}: tests/guide/browser.rs does not have\n{code}", page.path));
            }
        }
    }
    assert!(snippets > 3, "only {snippets} snippets found");
    report(complaints);
}

#[test]
fn cargo_features_in_snippets_exist() {
    let manifest = read("Cargo.toml");
    let mut features = 0;
    let mut complaints = Vec::new();
    for page in guide() {
        for (_, code) in page.snippets().into_iter().filter(|(language, _)| language == "toml") {
            let lists = code.lines().filter(|line| line.starts_with("waterspout"));
            let lists = lists.filter_map(|line| line.split_once("features = [")?.1.split_once(']'));
            for feature in lists.flat_map(|(list, _)| list.split(',')) {
                let feature = feature.trim().trim_matches('"');
                features += 1;
                if !manifest.contains(&format!("\n{feature} = [")) {
                    complaints.push(format!("{}: there is no feature {feature}", page.path));
                }
            }
        }
    }
    assert!(features > 1, "no features found");
    report(complaints);
}

#[test]
fn each_kind_of_error_has_a_section() {
    let source = read("src/error/kind.rs");
    let arms = source.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once(" => \""));
    let kinds: BTreeSet<_> =
        arms.map(|(kind, code)| (kind.to_owned(), code.split('"').next().unwrap().to_owned())).collect();
    assert!(kinds.len() > 20, "only {} kinds found", kinds.len());
    let page = chapter("troubleshooting");
    let sections: BTreeSet<_> =
        page.headings().into_iter().filter(|(level, _)| *level == 2).map(|(_, it)| it).collect();
    let missing = kinds.iter().filter(|(kind, _)| !sections.contains(kind));
    let missing = missing.map(|(kind, _)| format!("there is no section {kind}"));
    let unknown = sections.iter().filter(|it| !kinds.iter().any(|(kind, _)| kind == *it));
    report(missing.chain(unknown.map(|section| format!("{section} is no kind of error"))).collect());
}

/// Fails if a name of the list in `tests/guide/` has no row in the table of its section. A line `[name]` of the list names
/// the section.
fn has_rows_for(list: &str, name: &str) {
    let page = chapter(name);
    let rows = page.table_names();
    let text = read(list);
    let (mut section, mut names) = ("", 0);
    let mut complaints = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(heading) = line.strip_prefix('[') {
            section = heading.trim_end_matches(']');
            continue;
        }
        names += 1;
        if !rows.get(section).is_some_and(|rows| rows.contains(line)) {
            complaints.push(format!("{}: {line} of {section} has no row", page.path));
        }
    }
    assert!(names > 100, "only {names} names in {list}");
    report(complaints);
}

#[test]
fn each_name_of_tornado_has_a_row() {
    has_rows_for("tests/guide/tornado.txt", "from-tornado");
}

#[test]
fn each_method_of_reqwest_has_a_row() {
    has_rows_for("tests/guide/reqwest.txt", "from-reqwest");
}
