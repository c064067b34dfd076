//! Writes the pages as HTML: links in every valid form, and enough text to reach the page's length.

use super::plan::{ARTICLES, ELSEWHERE, LISTED, Page, SECTIONS, START, TRAPS, capitalized, pick, special_links};

const STYLE: &str = "\
:root{color-scheme:light dark}
body{font:17px/1.65 Georgia,serif;max-width:44rem;margin:0 auto;padding:2rem 1.2rem;\
background:light-dark(hsl(var(--h) 45% 98%),hsl(var(--h) 25% 9%))}
header{border-bottom:3px solid hsl(var(--h) 60% 50%);margin-bottom:1.5rem}
h1{line-height:1.2;margin:.2rem 0 .8rem}
a{color:light-dark(hsl(var(--h) 75% 32%),hsl(var(--h) 75% 72%));text-underline-offset:.15em}
nav,footer,.more{font:15px/1.8 system-ui,sans-serif}
footer{border-top:1px solid hsl(var(--h) 30% 60%);margin-top:2.5rem;padding-top:.8rem}
ul.grid{columns:3 12rem;padding-left:1.2rem}
iframe{width:100%;height:12rem;border:1px solid hsl(var(--h) 30% 60%);border-radius:6px}
img{width:100%;border-radius:6px}
";

/// A picture of three waves, as a data URL.
const PICTURE: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 600 90'%3E\
%3Cg fill='none' stroke='%234a90b8' stroke-width='5'%3E\
%3Cpath d='M0 25q25-25 50 0t50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0'/%3E\
%3Cpath d='M0 48q25-25 50 0t50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0' opacity='.6'/%3E\
%3Cpath d='M0 71q25-25 50 0t50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0 50 0' opacity='.3'/%3E\
%3C/g%3E%3C/svg%3E";

const VERBS: [&str; 8] = ["follows", "meets", "outlasts", "carries", "forgets", "answers", "circles", "feeds"];
const ADVERBS: [&str; 8] =
    ["slowly", "before dawn", "in silence", "each spring", "at last", "twice", "again", "unseen"];

/// Returns the text of a page. `host` is for links that are absolute URLs.
pub(super) fn page(page: Page, host: &str) -> String {
    let writer = PageWriter { page, host };
    match page {
        Page::Notes => notes(),
        Page::Start => writer.document(&writer.start()),
        Page::Section(section) => writer.document(&writer.section(section)),
        Page::Article(section, _) if page.is_tiny() => writer.tiny(section),
        Page::Article(section, number) => writer.document(&writer.article(section, number)),
        Page::Hidden => writer.document("<p>No link leads here, only a chain of redirects.</p>"),
    }
}

/// Returns the page outside of the site.
pub(super) fn elsewhere() -> String {
    format!(
        "<!doctype html><title>Elsewhere</title><p>This is not part of the site. \
         <a href=\"{TRAPS}elsewhere\">A spider that follows this has left its prefix.</a> <a href=\"{START}\">Back</a>"
    )
}

/// Returns the page for an error.
pub(super) fn error(title: &str, host: &str) -> String {
    format!(
        "<!doctype html><title>{title}</title><style>:root{{--h:10}}{STYLE}</style><h1>{}</h1>\
         <p><a href=\"//{host}{START}\">To the start</a>, or <a href=\"{TRAPS}error\">into a trap</a>.",
        capitalized(title)
    )
}

fn notes() -> String {
    format!("Notes on moving water.\n\nThis is plain text: <a href=\"{TRAPS}plain-text\">no link</a>.\n")
}

/// A way to write a link.
#[derive(Clone, Copy)]
enum LinkForm {
    /// Relative to the folder of the page.
    Relative,
    /// An absolute path.
    Path,
    /// An absolute URL.
    Absolute,
    /// An absolute URL without a scheme: `//host/path`.
    WithoutScheme,
    /// An absolute path with a fragment.
    Fragment,
    /// A path with `.` and `..`.
    Dots,
    /// An absolute URL with its scheme and host in upper case.
    UpperCase,
    /// An absolute path with white space around it.
    Spaces,
}

const FORMS: [LinkForm; 8] = [
    LinkForm::Relative,
    LinkForm::Path,
    LinkForm::Absolute,
    LinkForm::WithoutScheme,
    LinkForm::Fragment,
    LinkForm::Dots,
    LinkForm::UpperCase,
    LinkForm::Spaces,
];

/// Writes a page.
struct PageWriter<'a> {
    page: Page,
    host: &'a str,
}

impl PageWriter<'_> {
    /// Returns the folder that relative links start from, and whether the page has a `base` element for it.
    fn base(&self) -> (String, bool) {
        match self.page {
            Page::Article(_, number) if number % 6 == 5 => (START.to_owned(), true),
            Page::Article(section, _) | Page::Section(section) => (Page::Section(section).path(), false),
            _ => (START.to_owned(), false),
        }
    }

    fn href(&self, to: Page, form: LinkForm) -> String {
        let (path, host) = (to.path(), self.host);
        match form {
            LinkForm::Relative => relative(&to.readable_path(), &self.base().0),
            LinkForm::Path => path,
            LinkForm::Absolute => format!("http://{host}{path}"),
            LinkForm::WithoutScheme => format!("//{host}{path}"),
            LinkForm::Fragment => format!("{path}#part-{}", self.page.number(8) % 9),
            LinkForm::Dots => format!("{START}nowhere/.././{}", &path[START.len()..]),
            LinkForm::UpperCase => format!("HTTP://{}{path}", host.to_uppercase()),
            LinkForm::Spaces => format!("\n  {path}\t"),
        }
    }

    fn link(&self, to: Page, form: LinkForm) -> String {
        format!("<a href=\"{}\">{}</a>", self.href(to, form), to.title())
    }

    fn list(&self, pages: impl Iterator<Item = Page>) -> String {
        let items = pages.zip(FORMS.iter().cycle()).map(|(to, form)| format!("<li>{}</li>\n", self.link(to, *form)));
        format!("<ul class=\"grid\">\n{}</ul>\n", items.collect::<String>())
    }

    /// Returns the complete document around `content`.
    fn document(&self, content: &str) -> String {
        let title = self.page.title();
        let hue = match self.page {
            Page::Section(section) | Page::Article(section, _) => 150 + 12 * section,
            _ => 205,
        };
        let base = if self.base().1 { format!("<base href=\"{START}\">\n") } else { String::new() };
        let next = self.head_link();
        let home = self.link(Page::Start, LinkForm::Path);
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n{base}{next}\
             <meta name=\"viewport\" content=\"width=device-width\">\n<link rel=\"icon\" href=\"data:,\">\n\
             <title>{title}</title>\n<style>:root{{--h:{hue}}}\n{STYLE}</style>\n</head>\n<body id=\"top\">\n\
             <header><nav>{home}</nav><h1>{title}</h1></header>\n{content}{}</body>\n</html>\n",
            self.footer()
        )
    }

    /// Returns the `link` element for the next page. In some articles it is the only link to the next article.
    fn head_link(&self) -> String {
        match self.page {
            Page::Article(section, number) if number + LISTED < ARTICLES && number % 4 == 3 => {
                let next = self.href(Page::Article(section, number + LISTED), LinkForm::Relative);
                format!("<link rel=\"next prefetch\" href=\"{next}\">\n")
            }
            _ => String::new(),
        }
    }

    /// Returns links that a spider must not follow, and text that only looks like a link.
    fn footer(&self) -> String {
        let host = self.host;
        let seed = self.page.number(9) % 90;
        let same = self.href(self.page, LinkForm::Fragment);
        format!(
            "<footer><a href=\"#top\">Top</a> · <a href=\"\">Again</a> · <a href=\"{same}\">Here</a> · \
             <a href=\"{ELSEWHERE}{seed}\">Elsewhere</a> · <a href=\"/site-map/\">Another site</a> · \
             <a href=\"http://192.0.2.1{START}\">Another host</a> · <a href=\"https://{host}{START}\">Another scheme</a> · \
             <a href=\"mailto:water@example.com\">Write</a> · <a href=\"javascript:history.back()\">Back</a> · \
             <a href=\"tel:+0\">Call</a> · <a href=\"http://[\">Nonsense</a> · <a>Nothing</a></footer>\n\
             <!-- <a href=\"{TRAPS}comment\">not a link</a> -->\n\
             <script type=\"text/plain\">document.write('<a href=\"{TRAPS}script\">not a link</a>')</script>\n"
        )
    }

    fn start(&self) -> String {
        // The picture links to the last section, so that the list has only the sections before it.
        let last = SECTIONS.len() - 1;
        let area = self.href(Page::Section(last), LinkForm::Relative);
        format!(
            "<img src=\"{PICTURE}\" alt=\"Waves\" usemap=\"#waves\">\n\
             <map name=\"waves\"><area shape=\"default\" href=\"{area}\" alt=\"{}\"></map>\n\
             <p>Pages about water that moves, and a few that do not move at all. The picture is a link too.</p>\n{}\
             <p class=\"more\">{}</p>\n",
            Page::Section(last).title(),
            self.list((0..last).map(Page::Section)),
            self.link(Page::Notes, LinkForm::Relative),
        )
    }

    fn section(&self, section: usize) -> String {
        let next = Page::Section((section + 1) % SECTIONS.len());
        let special = special_links(section).map(|path| {
            let name = path.trim_start_matches(START);
            format!("<li><a href=\"{path}\">{name}</a></li>\n")
        });
        format!(
            "{}<h2>Special links</h2>\n<ul class=\"more\">\n{}</ul>\n<nav>Next: {}</nav>\n",
            self.list((0..LISTED).map(|number| Page::Article(section, number))),
            special.collect::<String>(),
            self.link(next, LinkForm::Relative),
        )
    }

    fn article(&self, section: usize, number: usize) -> String {
        let mut text = format!("<nav>In {}</nav>\n", self.link(Page::Section(section), LinkForm::Relative));
        text += &self.continuation(section, number);
        let see_also = (0..4 + self.page.number(10) % 4).map(|n| self.cross_link(n)).chain([self.cross_link(0)]);
        text += &format!("<p class=\"more\">See also {}.</p>\n", see_also.collect::<Vec<_>>().join(", "));
        let mut paragraph = 0;
        while text.len() < self.page.min_length() {
            text += &self.paragraph(paragraph);
            paragraph += 1;
        }
        text
    }

    /// Returns the link to the next article, as a link, an image map or a frame. Every fourth article has it in the head
    /// instead. An unlisted article links back to the article that leads to it.
    fn continuation(&self, section: usize, number: usize) -> String {
        if number >= LISTED {
            return format!(
                "<nav>Before: {}</nav>\n",
                self.link(Page::Article(section, number - LISTED), LinkForm::Absolute)
            );
        }
        if number + LISTED >= ARTICLES {
            return String::new();
        }
        let next = Page::Article(section, number + LISTED);
        let href = self.href(next, LinkForm::Relative);
        match number % 4 {
            0 => format!("<nav>Read on: {}</nav>\n", self.link(next, LinkForm::Relative)),
            1 => format!(
                "<img src=\"{PICTURE}\" alt=\"Waves\" usemap=\"#on\">\n\
                 <map name=\"on\"><area shape=\"rect\" coords=\"0,0,2000,400\" href=\"{href}\" alt=\"Read on\"></map>\n"
            ),
            2 => format!("<iframe src=\"{href}\" title=\"Read on\" loading=\"lazy\"></iframe>\n"),
            // The link is in the head, see `head_link`.
            _ => String::new(),
        }
    }

    fn cross_link(&self, number: usize) -> String {
        let to = Page::Article(self.page.number(20 + number) % SECTIONS.len(), self.page.number(30 + number) % LISTED);
        self.link(to, pick(&FORMS, self.page.number(40 + number)))
    }

    fn paragraph(&self, number: usize) -> String {
        let sentences = (0..6).map(|sentence| self.sentence(number * 6 + sentence));
        format!("<p id=\"part-{number}\">{}</p>\n", sentences.collect::<String>())
    }

    fn sentence(&self, number: usize) -> String {
        let numbers = self.page.number(1000 + number);
        let name = |bits: usize| Page::Article(bits % SECTIONS.len(), (bits >> 4) % ARTICLES).title();
        format!(
            "{} {} {} {}. ",
            name(numbers),
            pick(&VERBS, numbers >> 9),
            name(numbers >> 12).to_lowercase(),
            pick(&ADVERBS, numbers >> 21)
        )
    }

    fn tiny(&self, section: usize) -> String {
        let up = self.link(Page::Section(section), LinkForm::Relative);
        format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{0}</title>\
             <p>{0} is a short page. It belongs to {up}. <a href=../>Start</a>",
            self.page.title()
        )
    }
}

/// Returns a path relative to the folder `base`.
fn relative(path: &str, base: &str) -> String {
    match path.strip_prefix(base) {
        Some("") => "./".to_owned(),
        Some(rest) => rest.to_owned(),
        None => format!("../{}", path.trim_start_matches(START)),
    }
}
