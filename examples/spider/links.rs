//! Finds the links of a page, and decides which links belong to the crawl.

use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use waterspout::Url;

/// The `rel` values of a `link` element that leads to another page, not to a style sheet or an icon.
const PAGE_RELATIONS: [&str; 2] = ["next", "prev"];

/// Returns the URLs that the page at `url` links to, without fragments, in the order of the page. A repeated link is
/// returned repeatedly. A link that is not an `http` or `https` URL (`mailto:`, `javascript:`, invalid URLs) is left
/// out.
pub(crate) fn links(html: &[u8], url: &Url) -> Vec<Url> {
    let mut found = FoundLinks::default();
    let mut emitter = CallbackEmitter::new(|event: CallbackEvent<'_>, _: Span<()>| {
        found.read(event);
        None::<Infallible>
    });
    // The text of a script or a style sheet has no tags.
    emitter.naively_switch_states(true);
    // It returns no token, and an error is an event.
    for _ in Tokenizer::new_with_emitter(html, emitter) {}
    let base = found.bases.iter().find_map(|href| url.join(href).ok()).unwrap_or_else(|| url.clone());
    found.links.iter().filter_map(|link| base.join(link).ok()).map(Url::without_fragment).collect()
}

/// The links of a page as they are written. The tags alone decide, without the tree that a browser builds of them.
#[derive(Default)]
struct FoundLinks {
    bases: Vec<String>,
    links: Vec<String>,
    tag: OpenTag,
    attribute: Attribute,
}

/// A start tag that is being read.
#[derive(Default)]
struct OpenTag {
    element: Element,
    /// The first of its attributes that may lead to a page.
    target: Option<String>,
    /// Its first `rel`.
    relation: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Element {
    Base,
    /// An element whose `href` leads to a page.
    Anchor,
    /// An element whose `src` is a page.
    Frame,
    Link,
    #[default]
    Other,
}

/// The attribute whose value follows.
#[derive(Clone, Copy, Default)]
enum Attribute {
    Target,
    Relation,
    #[default]
    Other,
}

impl FoundLinks {
    fn read(&mut self, event: CallbackEvent<'_>) {
        match event {
            CallbackEvent::OpenStartTag { name } => self.tag = OpenTag { element: element(name), ..OpenTag::default() },
            CallbackEvent::AttributeName { name } => self.attribute = self.tag.begin_attribute(name),
            CallbackEvent::AttributeValue { value } => self.tag.set(self.attribute, value),
            CallbackEvent::CloseStartTag { .. } => self.close(),
            // The attributes of an end tag have no meaning.
            CallbackEvent::EndTag { .. } => self.tag = OpenTag::default(),
            _ => {}
        }
    }

    fn close(&mut self) {
        let OpenTag { element, target, relation } = std::mem::take(&mut self.tag);
        match element {
            Element::Base => self.bases.extend(target),
            Element::Anchor | Element::Frame => self.links.extend(target),
            Element::Link if relation.is_some_and(|relation| is_page_relation(&relation)) => self.links.extend(target),
            Element::Link | Element::Other => {}
        }
    }
}

impl OpenTag {
    /// Begins an attribute, whose value is empty unless a value follows. Of two attributes of a name the first counts.
    fn begin_attribute(&mut self, name: &[u8]) -> Attribute {
        let (text, attribute) = match (self.element, name) {
            (Element::Base | Element::Anchor | Element::Link, b"href") | (Element::Frame, b"src") => {
                (&mut self.target, Attribute::Target)
            }
            (Element::Link, b"rel") => (&mut self.relation, Attribute::Relation),
            _ => return Attribute::Other,
        };
        if text.is_some() {
            return Attribute::Other;
        }
        *text = Some(String::new());
        attribute
    }

    fn set(&mut self, attribute: Attribute, value: &[u8]) {
        let text = match attribute {
            Attribute::Target => &mut self.target,
            Attribute::Relation => &mut self.relation,
            Attribute::Other => return,
        };
        *text = Some(String::from_utf8_lossy(value).into_owned());
    }
}

fn element(name: &[u8]) -> Element {
    match name {
        b"base" => Element::Base,
        b"a" | b"area" => Element::Anchor,
        b"frame" | b"iframe" => Element::Frame,
        b"link" => Element::Link,
        _ => Element::Other,
    }
}

fn is_page_relation(rel: &str) -> bool {
    rel.split_ascii_whitespace().any(|word| PAGE_RELATIONS.iter().any(|relation| word.eq_ignore_ascii_case(relation)))
}

/// The prefix of the URLs that a crawl visits: the folder of its start URL.
#[derive(Clone, Debug)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// Returns the folder of `start`: the URL up to the last slash of its path. Relative links start from the same
    /// folder.
    pub(crate) fn of(start: &Url) -> Self {
        let folder = start.path().rfind('/').map_or("/", |slash| &start.path()[..=slash]);
        Self(format!("{}{folder}", start.origin()))
    }

    /// Returns whether `url` is in the folder or in a folder within it.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        url.as_str().starts_with(&self.0)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<String> {
        let page = Url::parse("http://site.example/docs/page?q#top").unwrap();
        links(html.as_bytes(), &page).iter().map(Url::to_string).collect()
    }

    #[test]
    fn links_are_absolute_and_without_fragment() {
        for (href, expected) in [
            ("other", "http://site.example/docs/other"),
            ("../up", "http://site.example/up"),
            ("/root", "http://site.example/root"),
            ("//host.example/x", "http://host.example/x"),
            ("HTTP://SITE.example:80/a/./b#c", "http://site.example/a/b"),
            ("?page=2#rows", "http://site.example/docs/page?page=2"),
            ("#top", "http://site.example/docs/page?q"),
            ("", "http://site.example/docs/page?q"),
            ("first' href='second", "http://site.example/docs/first"),
            ("\u{0}\u{e9}", "http://site.example/docs/%EF%BF%BD%C3%A9"),
            ("\n spaced\t", "http://site.example/docs/spaced"),
            ("x&amp;y=ü", "http://site.example/docs/x&y=%C3%BC"),
        ] {
            assert_eq!(found(&format!("<a href='{href}'>x</a>")), [expected], "{href:?}");
        }
    }

    #[test]
    fn an_attribute_without_a_value_is_empty() {
        assert_eq!(found("<a href>x</a><a class=x href><a href class=y>"), ["http://site.example/docs/page?q"; 3]);
    }

    #[test]
    fn text_that_no_browser_follows_is_not_a_link() {
        for html in [
            "<a href='mailto:a@b.example'>",
            "<a href='javascript:void(0)'>",
            "<a href='http://['>",
            "<a>",
            "<a data-href='/x'>",
            "<link rel='stylesheet' href='/x.css'>",
            "<img src='/x.png'>",
            "<!-- <a href='/x'> -->",
            "<script>'<a href=\"/x\">'</script>",
            "<textarea><a href='/x'></textarea>",
            "<style><a href='/x'></style>",
            "<title><a href='/x'></title>",
            "<iframe><a href='/x'></iframe>",
            "<plaintext></plaintext><a href='/x'>",
            "</a href='/x'>",
            "<a href='/x'",
        ] {
            assert_eq!(found(html), Vec::<String>::new(), "{html}");
        }
    }

    #[test]
    fn each_kind_of_link_element_is_found() {
        let html = "<link rel='Prefetch NEXT' href=1><a href=2>x</a><map><area href=3></map><iframe src=4></iframe>";
        let expected = [1, 2, 3, 4].map(|n| format!("http://site.example/docs/{n}"));
        assert_eq!(found(html), expected);
        assert_eq!(found("<frameset><frame src=1></frameset>"), expected[..1]);
    }

    #[test]
    fn the_first_base_with_an_href_applies_to_the_whole_page() {
        let html = "<a href=x>x</a><base target=_top><base href='/other/'><base href='/third/'>";
        assert_eq!(found(html), ["http://site.example/other/x"]);
        assert_eq!(found("<base href='http://['><a href=x>x</a>"), ["http://site.example/docs/x"]);
    }

    #[test]
    fn the_prefix_is_the_folder_of_the_start_url() {
        for (start, inside, outside) in [
            ("http://a.example/docs/", "http://a.example/docs/x/y?z", "http://a.example/docs"),
            ("http://a.example/docs/index.html?x=/y/", "http://a.example/docs/x", "http://a.example/doc/"),
            ("http://a.example/docs", "http://a.example/elsewhere", "http://b.example/docs"),
            ("http://a.example", "http://a.example/?q", "http://a.example.evil.example/"),
            ("http://a.example:8080/", "http://a.example:8080/x", "http://a.example/x"),
            ("http://a.example/", "http://a.example:80/x", "https://a.example/x"),
            ("http://a.example/", "http://a.example/@x", "http://user@a.example/x"),
        ] {
            let prefix = Prefix::of(&Url::parse(start).unwrap());
            assert!(prefix.contains(&Url::parse(start).unwrap()), "{start}");
            assert!(prefix.contains(&Url::parse(inside).unwrap()), "{start} {inside}");
            assert!(!prefix.contains(&Url::parse(outside).unwrap()), "{start} {outside}");
        }
    }
}
