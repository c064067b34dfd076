//! A Markdown page: its links, headings, snippets and code spans, as rustdoc and code-hosting sites read them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{BrokenLink, CodeBlockKind, Event, HeadingLevel, LinkType, Options, Parser, Tag, TagEnd};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(path: &str) -> String {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    // A checkout on Windows may have other line ends.
    text.replace("\r\n", "\n")
}

/// Fails with all complaints at once.
pub(crate) fn report(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Returns the name of the module of a chapter.
pub(crate) fn snake_case(name: &str) -> String {
    name.replace('-', "_")
}

/// Returns the name of the chapter that a relative link leads to.
pub(crate) fn chapter_of(link: &str) -> Option<&str> {
    let file = link.split('#').next().unwrap();
    file.strip_suffix(".md").filter(|name| !name.contains(['/', ':']))
}

/// Returns the path in rustdoc that a relative link to a chapter stands for.
pub(crate) fn module_of(link: &str) -> String {
    let fragment = link.find('#').map_or("", |at| &link[at..]);
    match chapter_of(link).unwrap() {
        "README" => format!("crate::guide{fragment}"),
        name => format!("crate::guide::{}{fragment}", snake_case(name)),
    }
}

pub(crate) struct Page {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Page {
    pub(crate) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), text: read(path) }
    }

    fn parser(&self) -> Parser<'_> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES)
    }

    /// Returns the targets of all links and images.
    pub(crate) fn links(&self) -> Vec<String> {
        let target = |event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
            _ => None,
        };
        self.parser().filter_map(target).collect()
    }

    /// Returns the definitions of links by label.
    pub(crate) fn definitions(&self) -> BTreeMap<String, String> {
        let parser = self.parser();
        let definitions = parser.reference_definitions().iter();
        definitions.map(|(label, link)| (label.to_owned(), link.dest.to_string())).collect()
    }

    /// Returns the level and the text of each heading.
    pub(crate) fn headings(&self) -> Vec<(usize, String)> {
        let mut headings = Vec::new();
        let mut open = None;
        for event in self.parser() {
            match event {
                Event::Start(Tag::Heading { level, .. }) => open = Some((level as usize, String::new())),
                Event::End(TagEnd::Heading(_)) => headings.extend(open.take()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some((_, heading)) = &mut open {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        headings
    }

    /// Returns the language and the code of each snippet.
    pub(crate) fn snippets(&self) -> Vec<(String, String)> {
        let mut snippets = Vec::new();
        let mut open = None;
        for event in self.parser() {
            match event {
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    open = Some((language.into_string(), String::new()));
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                    open = Some(("indented".into(), String::new()))
                }
                Event::End(TagEnd::CodeBlock) => snippets.extend(open.take()),
                Event::Text(text) => {
                    if let Some((_, code)) = &mut open {
                        code.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        snippets
    }

    /// Returns the code spans in the first cells of the tables below each heading of level 2.
    pub(crate) fn table_names(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let (mut heading, mut in_heading, mut cell) = (String::new(), false, 0);
        for event in self.parser() {
            match event {
                Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) => {
                    in_heading = true;
                    heading.clear();
                }
                Event::End(TagEnd::Heading(_)) => in_heading = false,
                Event::Text(text) if in_heading => heading.push_str(&text),
                Event::Start(Tag::TableRow) => cell = 0,
                Event::End(TagEnd::TableCell) => cell += 1,
                Event::Code(code) if cell == 0 => {
                    names.entry(heading.clone()).or_default().insert(code.split('(').next().unwrap().to_owned());
                }
                _ => {}
            }
        }
        names
    }

    /// Returns the anchors of the headings, as GitHub and rustdoc make them.
    fn anchors(&self) -> BTreeSet<String> {
        let mut counts = BTreeMap::new();
        let headings = self.headings().into_iter().map(|(_, heading)| {
            let lower = heading.to_lowercase();
            let anchor = lower.chars().filter_map(|c| match c {
                ' ' => Some('-'),
                _ => (c.is_alphanumeric() || c == '-' || c == '_').then_some(c),
            });
            let anchor: String = anchor.collect();
            let count = counts.entry(anchor.clone()).or_insert(0);
            *count += 1;
            if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
        });
        headings.collect()
    }

    /// Returns a complaint for each relative link that leads to no file, or to no heading.
    pub(crate) fn broken_links(&self) -> Vec<String> {
        let is_checked_elsewhere =
            |link: &str| ["http:", "https:", "mailto:", "crate::"].iter().any(|it| link.starts_with(it));
        let links = self.links().into_iter().filter(|link| !is_checked_elsewhere(link));
        links.filter_map(|link| self.broken_link(&link)).collect()
    }

    fn broken_link(&self, link: &str) -> Option<String> {
        let (file, anchor) = link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
        let folder = Path::new(&self.path).parent().unwrap();
        let path = if file.is_empty() { PathBuf::from(&self.path) } else { normal(&folder.join(file)) };
        if !root().join(&path).exists() {
            return Some(format!("{}: {link} leads to no file", self.path));
        }
        let anchor = anchor?;
        let target = Self::new(path.to_str().unwrap());
        let is_missing = !target.anchors().contains(anchor);
        is_missing.then(|| format!("{}: {link} leads to no heading", self.path))
    }

    /// Returns a complaint for each `[text][label]` without a definition, and for each such shortcut of code.
    pub(crate) fn undefined_references(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut note = |link: BrokenLink<'_>| {
            let is_text = link.link_type == LinkType::ShortcutUnknown && !link.reference.starts_with('`');
            if !is_text {
                complaints.push(format!("{}: [{}] has no definition", self.path, link.reference));
            }
            None
        };
        Parser::new_with_broken_link_callback(&self.text, Options::ENABLE_TABLES, Some(&mut note)).for_each(drop);
        complaints
    }
}

/// Returns a path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => _ = normal.pop(),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}
