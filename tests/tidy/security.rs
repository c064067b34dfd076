//! Checks SECURITY.md: each line of its tables names tests, and the tests exist.

use std::fs;
use std::path::Path;

use super::report;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the rows of all tables of a page whose last column is `Tests`: the first column and the last.
fn rows(page: &str) -> Vec<(&str, &str)> {
    let mut rows = Vec::new();
    let mut is_in_table = false;
    for line in page.lines() {
        let columns: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        if !line.starts_with('|') {
            is_in_table = false;
        } else if columns.last() == Some(&"Tests") {
            is_in_table = true;
        } else if is_in_table && !line.starts_with("|---") {
            rows.push((columns[0], *columns.last().unwrap()));
        }
    }
    rows
}

/// Returns the tests that a column names, as a file and a function.
fn tests(column: &str) -> Vec<(&str, &str)> {
    column.split('`').skip(1).step_by(2).filter_map(|text| text.split_once("::")).collect()
}

/// Returns whether a file has a test of this name: a function of Rust, a golden corpus, or a scenario of JavaScript.
fn has_test(text: &str, name: &str) -> bool {
    let function = format!("fn {name}(");
    let [corpus, scenario] = [format!("{name},"), format!("async {name}(")];
    text.lines().map(str::trim).any(|line| line.contains(&function) || line == corpus || line.starts_with(&scenario))
}

/// Returns a complaint for each row without a test, and for each test that does not exist.
fn complaints(page: &str, read: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut complaints = Vec::new();
    for (threat, column) in rows(page) {
        let named = tests(column);
        if named.is_empty() {
            complaints.push(format!("{threat}: name a test"));
        }
        let missing = named.into_iter().filter(|(path, name)| !has_test(&read(path), name));
        complaints.extend(missing.map(|(path, name)| format!("{threat}: {path} has no test {name}")));
    }
    complaints
}

#[test]
fn each_threat_names_tests_that_exist() {
    let page = read("SECURITY.md");
    let rows = rows(&page);
    assert!(rows.len() >= 30, "only {} rows", rows.len());
    let topics =
        ["redirect", "smuggling", "injection", "bombs", "Cookies", "proxy", "TLS", "forgery", "logs", "engine"];
    for topic in topics {
        assert!(rows.iter().any(|(threat, _)| threat.contains(topic)), "no line about {topic}");
    }
    for project in ["curl:", "rustls:", "Tornado:"] {
        assert!(rows.iter().any(|(promise, _)| promise.starts_with(project)), "no promise of {project}");
    }
    report(complaints(&page, &read));
}

#[test]
fn missing_tests_are_found() {
    let page = "| Threat | Tests |\n|---|---|\n| a | `x.rs::there` |\n| b | `x.rs::gone`, `x.rs::ther` |\n| c | none |\n\n| d | |\n";
    let found = complaints(page, &|_| "    fn there() {}\n    corpus,\n    async scenario(lab) {".to_owned());
    assert_eq!(found, ["b: x.rs has no test gone", "b: x.rs has no test ther", "c: name a test"]);
    let text = "corpus! {\n    one,\n}\nasync two(lab) {";
    assert!(has_test(text, "one") && has_test(text, "two") && !has_test(text, "three"));
}

#[test]
fn audit_checks_both_packages() {
    let audit = read("tests/audit.sh");
    assert!(audit.contains("cargo deny") && audit.contains("npm audit"));
    assert!(
        read("Makefile").contains("tests/audit.sh") && read(".github/workflows/ci.yml").contains("run: make audit")
    );
    let rules = read("deny.toml");
    for section in ["[advisories]", "[licenses]", "[bans]", "[sources]"] {
        assert!(rules.contains(section), "deny.toml has no section {section}");
    }
}
