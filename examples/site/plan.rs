//! What the site has, what a crawl of it must find, and how each page is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use waterspout::{ErrorKind, Url};

/// The path at which a crawl starts, and the prefix of all that belongs to the site.
pub(crate) const START: &str = "/site/";

/// How many pages answer with status 200.
pub(crate) const PAGES: usize = 3 + SECTIONS.len() * (1 + ARTICLES);

/// The page to which only redirects lead.
pub(crate) const HIDDEN: &str = "/site/hidden";

/// What links lead to that must not be followed, because it is not under [`START`].
pub(crate) const ELSEWHERE: &str = "/elsewhere/";

/// The prefix of what only looks like a link: in comments, in scripts, in plain text, on error pages.
pub(crate) const TRAPS: &str = "/site/trap/";

/// The redirect to itself.
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

/// How many articles a section has.
pub(super) const ARTICLES: usize = 24;

/// How many of them its own page lists; the others are linked from one article each.
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

/// Path, status and `Location` of each redirect that ends well.
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

/// What only a redirect leads to, and is not there.
const GONE: &str = "/site/missing/moved-and-gone";

/// A link of the chain that only the chain leads to.
const UNLINKED: &str = "/site/go/chain-2";

/// What a link to each of these ends in.
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

/// Why a link does not lead to a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The answer has this status.
    Status(u16),
    /// The connection ends before the declared length of the body.
    Short,
    /// What answers does not speak HTTP.
    Garbage,
    /// The redirects never end.
    Loop,
}

impl Fault {
    /// The kind of the error that a client reports, where it can see what happens on the connection.
    pub(crate) fn kind(self) -> ErrorKind {
        match self {
            Self::Status(_) => ErrorKind::Status,
            Self::Short => ErrorKind::ConnectionClosed,
            Self::Garbage => ErrorKind::Protocol,
            Self::Loop => ErrorKind::Redirect,
        }
    }
}

/// What a full crawl must find, as paths.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// The pages, under their own paths.
    pub(crate) pages: BTreeSet<String>,
    /// The links that fail, and why.
    pub(crate) failures: BTreeMap<String, Fault>,
    /// What redirects, and where to.
    pub(crate) redirects: BTreeMap<String, String>,
}

/// What a full crawl must find.
pub(crate) fn expected() -> Expected {
    let pages = Page::all().map(Page::path).collect();
    let failures: BTreeMap<_, _> = FAULTS.iter().map(|(path, fault)| ((*path).to_owned(), *fault)).collect();
    let redirects = REDIRECTS.iter().filter_map(|(path, ..)| Some(((*path).to_owned(), next_hop(path)?))).collect();
    Expected { pages, failures, redirects }
}

/// The path to which another redirects.
fn next_hop(path: &str) -> Option<String> {
    let Route::Redirect(_, location) = route(path) else { return None };
    let from = Url::parse(&format!("http://site.example{path}")).ok()?;
    Some(from.join(location).ok()?.path().to_owned())
}

/// The links on the sections' pages to what is no plain page; spread over the sections.
pub(super) fn oddities(section: usize) -> impl Iterator<Item = &'static str> {
    let redirects = REDIRECTS.iter().map(|(path, ..)| *path).filter(|path| *path != UNLINKED);
    let faults = FAULTS.iter().map(|(path, _)| *path).filter(|path| *path != GONE);
    redirects.chain(faults).skip(section).step_by(SECTIONS.len())
}

/// What is to be done with a request.
pub(super) enum Route {
    Page(Page),
    Redirect(u16, &'static str),
    Fault(Fault),
    Elsewhere,
    Nothing,
}

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
    Page::at(path).map_or(Route::Nothing, Route::Page)
}

/// A page of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Start,
    Section(usize),
    /// Section and number.
    Article(usize, usize),
    /// A page that is no HTML.
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

    /// The path as a request line has it.
    pub(super) fn path(self) -> String {
        let encode = |byte: u8| if byte.is_ascii() { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        self.readable_path().bytes().map(encode).collect()
    }

    /// The path as a person writes it.
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

    /// A number that looks like chance and is always the same for this page and `use_for`.
    pub(super) fn number(self, use_for: usize) -> usize {
        let page = match self {
            Self::Start => 0,
            Self::Notes => 1,
            Self::Hidden => 2,
            Self::Section(section) => 100 + section,
            Self::Article(section, number) => 1000 + 100 * section + number,
        };
        scramble(page * 1_000_003 + use_for)
    }

    /// The least length of the page's text, in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Article(0, 3) | Self::Article(5, 9) | Self::Article(9, 12) => 300_000,
            Self::Article(..) if self.number(3) % 29 == 0 => 30_000 + self.number(4) % 40_000,
            Self::Article(..) => 1_000 + self.number(4) % 8_000,
            _ => 0,
        }
    }

    /// Whether the page is a bare one of some 200 bytes.
    pub(super) fn is_tiny(self) -> bool {
        matches!(self, Self::Article(_, number) if number + 1 == LISTED)
    }

    /// How long the server thinks about it.
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Article(..) if self.number(5) % 16 == 0 => Duration::from_millis(50 + self.number(6) as u64 % 351),
            _ => Duration::ZERO,
        }
    }

    /// How long the server waits before each chunk.
    pub(super) fn pause(self) -> Duration {
        let drips = matches!(self, Self::Article(section, 4) if section % 4 == 2);
        if drips { Duration::from_millis(40) } else { Duration::ZERO }
    }

    /// Whether the page is sent in chunks, without its length.
    pub(super) fn is_chunked(self) -> bool {
        !self.pause().is_zero() || self.number(7) % 3 == 0
    }

    pub(super) fn chunk_length(self, chunk: usize) -> usize {
        200 + self.number(100 + chunk) % (1_000 + self.length() / 8)
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

/// SplitMix64's mixing step.
fn scramble(number: usize) -> usize {
    let mut bits = (number as u64).wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    // The same number where `usize` has 32 bits.
    ((bits ^ (bits >> 31)) >> 33) as usize
}
