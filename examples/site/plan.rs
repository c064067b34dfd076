//! Defines the pages and links of the site, the result of a complete crawl, and how each page is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waterspout::{ErrorKind, Url};

/// The path of the start page, and the prefix of every path of the site.
pub(crate) const START: &str = "/site/";

/// The number of pages with status 200.
pub(crate) const PAGES: usize = 3 + SECTIONS.len() * (1 + ARTICLES);

/// The path of the page to which only redirects lead.
pub(crate) const HIDDEN: &str = "/site/hidden";

/// The prefix of links that a spider must not follow, because they are not under [`START`].
pub(crate) const ELSEWHERE: &str = "/elsewhere/";

/// The prefix of text that only looks like a link: in comments, scripts and plain text. Links on error
/// pages and outside of the site have it too.
pub(crate) const TRAPS: &str = "/site/trap/";

/// The path of a redirect to itself.
pub(super) const LOOP: &str = "/site/broken/loop";

pub(super) const SECTIONS: [&str; 12] = [
    "clouds",
    "fog",
    "geysers",
    "glaciers",
    "lakes",
    "rain",
    "rivers",
    "springs",
    "storms",
    "tides",
    "waves",
    "waterspouts",
];

/// The number of articles in each section.
pub(super) const ARTICLES: usize = 24;

/// The number of articles that the section's page lists. Each further article is linked from a single listed article.
pub(super) const LISTED: usize = 16;

const ADJECTIVES: [&str; 16] = [
    "Quiet",
    "Restless",
    "Silver",
    "Naïve",
    "Northern",
    "Hidden",
    "Patient",
    "Bitter",
    "Wandering",
    "Hollow",
    "Early",
    "Crooked",
    "Glassy",
    "Stubborn",
    "Last",
    "Déjà-Vu",
];

const NOUNS: [&str; 16] = [
    "Estuary",
    "Brook",
    "Delta",
    "Squall",
    "Harbour",
    "Fjord",
    "Mist",
    "Cascade",
    "Reservoir",
    "Current",
    "Café by the Quay",
    "Ripple",
    "Monsoon",
    "Aquifer",
    "Weir",
    "Whirlpool",
];

/// The path, status and `location` of each redirect that is not a loop.
const REDIRECTS: [(&str, u16, &str); 9] = [
    ("/site/go/moved", 301, "/site/rivers/"),
    ("/site/go/found", 302, "../tides/"),
    ("/site/go/see-other", 303, "/site/"),
    ("/site/go/fragment", 302, "/site/lakes/#top"),
    ("/site/go/chain-1", 302, "/site/go/chain-2"),
    ("/site/go/chain-2", 301, "chain-3"),
    ("/site/go/chain-3", 307, HIDDEN),
    ("/site/go/away", 302, ELSEWHERE),
    ("/site/go/gone", 302, GONE),
];

/// The path of a missing page to which only a redirect leads.
const GONE: &str = "/site/missing/moved-and-gone";

/// The path of a redirect in the middle of a chain. No page links to it.
const UNLINKED: &str = "/site/go/chain-2";

/// The path and the fault of each link that fails.
const FAULTS: [(&str, Fault); 10] = [
    ("/site/missing/tributary", Fault::Status(404)),
    ("/site/missing/rainbow", Fault::Status(404)),
    ("/site/missing/ferry", Fault::Status(404)),
    ("/site/missing/lighthouse", Fault::Status(404)),
    ("/site/missing/anchor", Fault::Status(404)),
    (GONE, Fault::Status(404)),
    ("/site/broken/error", Fault::Status(500)),
    ("/site/broken/short", Fault::Short),
    ("/site/broken/garbage", Fault::Garbage),
    (LOOP, Fault::Loop),
];

/// The reason why a link does not lead to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The response has this status.
    Status(u16),
    /// The connection ends before the declared length of the body.
    Short,
    /// The server does not speak HTTP.
    Garbage,
    /// The redirects never end.
    Loop,
}

impl Fault {
    /// Returns the kind of error that a client reports if it sees the bytes on the connection. A browser hides them
    /// from programs.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::Status(_) => ErrorKind::Status,
            Self::Short => ErrorKind::ConnectionClosed,
            Self::Garbage => ErrorKind::Protocol,
            Self::Loop => ErrorKind::Redirect,
        }
    }
}

/// The result of a complete crawl, as paths.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The pages with status 200.
    pub(crate) pages: BTreeSet<String>,
    /// The links that fail, with the reason.
    pub(crate) failures: BTreeMap<String, Fault>,
    /// The redirects, with the path of the next page.
    pub(crate) redirects: BTreeMap<String, String>,
}

/// Returns the result of a complete crawl.
pub(crate) fn expected() -> Expected {
    let pages = Page::all().map(Page::path).collect();
    let failures: BTreeMap<_, _> = FAULTS.iter().map(|(path, fault)| ((*path).to_owned(), *fault)).collect();
    let redirects = REDIRECTS.iter().filter_map(|(path, ..)| Some(((*path).to_owned(), next_hop(path)?))).collect();
    Expected { pages, failures, redirects }
}

/// Returns the path to which `path` redirects, or `None` if it does not redirect.
fn next_hop(path: &str) -> Option<String> {
    let Route::Redirect(_, location) = route(path) else { return None };
    let from = Url::parse(&format!("http://site.example{path}")).ok()?;
    Some(from.join(location).ok()?.path().to_owned())
}

/// Returns the links on a section's page to redirects and faults. Each such link is on the page of a single section.
pub(super) fn special_links(section: usize) -> impl Iterator<Item = &'static str> {
    let redirects = REDIRECTS.iter().map(|(path, ..)| *path).filter(|path| *path != UNLINKED);
    let faults = FAULTS.iter().map(|(path, _)| *path).filter(|path| *path != GONE);
    redirects.chain(faults).skip(section).step_by(SECTIONS.len())
}

/// The kind of reply to a request.
pub(super) enum Route {
    Page(Page),
    Redirect(u16, &'static str),
    Fault(Fault),
    Elsewhere,
    NotFound,
}

/// Returns the kind of reply to a request for `path`.
pub(super) fn route(path: &str) -> Route {
    if let Some((_, status, location)) = REDIRECTS.iter().find(|(from, ..)| *from == path) {
        return Route::Redirect(*status, location);
    }
    if let Some((_, fault)) = FAULTS.iter().find(|(at, _)| *at == path) {
        return Route::Fault(*fault);
    }
    if path.starts_with(ELSEWHERE) {
        return Route::Elsewhere;
    }
    Page::at(path).map_or(Route::NotFound, Route::Page)
}

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Start,
    Section(usize),
    /// The index of the section, and the number of the article in it.
    Article(usize, usize),
    /// A page of plain text.
    Notes,
    Hidden,
}

impl Page {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let sections = (0..SECTIONS.len()).map(Self::Section);
        let articles = (0..SECTIONS.len()).flat_map(|section| (0..ARTICLES).map(move |n| Self::Article(section, n)));
        [Self::Start, Self::Notes, Self::Hidden].into_iter().chain(sections).chain(articles)
    }

    fn at(path: &str) -> Option<Self> {
        let page = match path.strip_prefix(START)?.split_once('/') {
            Some((section, rest)) => {
                let section = SECTIONS.iter().position(|name| *name == section)?;
                match rest.get(..2) {
                    None => Self::Section(section),
                    Some(number) => Self::Article(section, number.parse().ok().filter(|n| *n < ARTICLES)?),
                }
            }
            None => [Self::Start, Self::Notes, Self::Hidden].into_iter().find(|page| page.path() == path)?,
        };
        (page.path() == path).then_some(page)
    }

    /// Returns the percent-encoded path, as in a request line.
    pub(super) fn path(self) -> String {
        let encode = |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        self.readable_path().bytes().map(encode).collect()
    }

    /// Returns the path without percent-encoding.
    pub(super) fn readable_path(self) -> String {
        match self {
            Self::Start => START.to_owned(),
            Self::Section(section) => format!("{START}{}/", SECTIONS[section]),
            Self::Article(section, number) => {
                let slug = self.title().to_lowercase().replace(' ', "-");
                format!("{START}{}/{number:02}-{slug}", SECTIONS[section])
            }
            Self::Notes => format!("{START}notes.txt"),
            Self::Hidden => HIDDEN.to_owned(),
        }
    }

    pub(super) fn title(self) -> String {
        match self {
            Self::Start => "Moving Water".to_owned(),
            Self::Section(section) => capitalized(SECTIONS[section]),
            Self::Article(..) => format!("The {} {}", pick(&ADJECTIVES, self.number(1)), pick(&NOUNS, self.number(2))),
            Self::Notes => "Notes".to_owned(),
            Self::Hidden => "The Hidden Page".to_owned(),
        }
    }

    /// Returns a pseudo-random number, which is always the same for a page and a `purpose`.
    pub(super) fn number(self, purpose: usize) -> usize {
        let page = match self {
            Self::Start => 0,
            Self::Notes => 1,
            Self::Hidden => 2,
            Self::Section(section) => 100 + section,
            Self::Article(section, number) => 1000 + 100 * section + number,
        };
        scramble(page * 1_000_003 + purpose)
    }

    /// Returns the minimum length of the page's text, in bytes.
    pub(super) fn min_length(self) -> usize {
        match self {
            Self::Article(0, 3) | Self::Article(5, 9) | Self::Article(9, 12) => 300_000,
            Self::Article(..) if self.number(3) % 29 == 0 => 30_000 + self.number(4) % 40_000,
            Self::Article(..) => 1_000 + self.number(4) % 8_000,
            _ => 0,
        }
    }

    /// Returns whether the page has only about 200 bytes.
    pub(super) fn is_tiny(self) -> bool {
        matches!(self, Self::Article(_, number) if number + 1 == LISTED)
    }

    /// Returns the delay before the head.
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Article(..) if self.number(5) % 16 == 0 => Duration::from_millis(50 + self.number(6) as u64 % 351),
            _ => Duration::ZERO,
        }
    }

    /// Returns the delay before each chunk.
    pub(super) fn pause(self) -> Duration {
        let is_slow = matches!(self, Self::Article(section, 4) if section % 4 == 2);
        if is_slow { Duration::from_millis(40) } else { Duration::ZERO }
    }

    /// Returns whether the page is sent in chunks, without a `content-length`.
    pub(super) fn is_chunked(self) -> bool {
        !self.pause().is_zero() || self.number(7) % 3 == 0
    }

    pub(super) fn chunk_length(self, chunk: usize) -> usize {
        200 + self.number(100 + chunk) % (1_000 + self.min_length() / 8)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Notes => "text/plain; charset=utf-8",
            _ => "text/html; charset=utf-8",
        }
    }
}

pub(super) fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

pub(super) fn pick<T: Copy>(from: &[T], number: usize) -> T {
    from[number % from.len()]
}

/// Scrambles the bits of a number with the mixing step of SplitMix64.
fn scramble(number: usize) -> usize {
    let mut bits = (number as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    // 31 bits, so that the result is the same on platforms where `usize` has 32 bits.
    ((bits ^ (bits >> 31)) >> 33) as usize
}
