//! `set-cookie` headers and the cookie jar.

use std::fmt::Debug;

use waterspout::agent::CookieStore;
use waterspout::cookies::CookieJar;
use waterspout::http::header::SET_COOKIE;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::{Scheme, Url};

use crate::choices::Choices;

/// The URLs that set cookies and get them, each with the domain that its owner has registered. The first byte of a line
/// selects a URL. An address and a name of this machine have no such domain.
const URLS: [(&str, Option<&str>); 16] = [
    ("https://www.example.com/a/b", Some("example.com")),
    ("http://www.example.com/a/b", Some("example.com")),
    ("https://example.com/", Some("example.com")),
    ("https://evil-example.com/", Some("evil-example.com")),
    ("https://other.example/", Some("other.example")),
    ("http://sub.www.example.com/a", Some("example.com")),
    ("https://a.co.uk/", Some("a.co.uk")),
    ("https://b.co.uk/", Some("b.co.uk")),
    ("https://x.github.io/", Some("x.github.io")),
    ("https://y.github.io/", Some("y.github.io")),
    ("http://127.0.0.1/", None),
    ("http://1.127.0.0/", None),
    ("http://[::1]:8080/a/", None),
    ("http://localhost/", None),
    ("https://example.com./", Some("example.com.")),
    ("https://xn--bcher-kva.example/", Some("xn--bcher-kva.example")),
];

/// The limits that the jar promises.
const MAX_HEADER: usize = 8_190;
const MAX_COOKIES_PER_DOMAIN: usize = 50;

/// Stores a cookie for each line of `input`.
///
/// Checks that no cookie gets to another site or from TLS to plain text, that the limits hold, and that a jar that was
/// written and read is the same jar.
pub fn run(input: &[u8]) {
    let sites = URLS.map(|(url, domain)| Site { url: Url::parse(url).expect("the URLs are valid"), domain });
    let jar = CookieJar::new();
    for line in input.split(|byte| *byte == b'\n').take(60) {
        let Some((selector, cookie)) = line.split_first() else { continue };
        let from = &sites[usize::from(*selector) % sites.len()];
        let Ok(value) = HeaderValue::from_bytes(cookie) else { continue };
        let headers = HeaderMap::from_iter([(SET_COOKIE, value)]);
        let alone = CookieJar::new();
        alone.store(&from.url, &headers);
        assert!(alone.len() <= 1);
        if !alone.is_empty() {
            check_scope(&alone, from, &sites, cookie);
        }
        jar.store(&from.url, &headers);
    }
    let restored = CookieJar::from_json(&jar.to_json()).expect("the jar has written the text");
    assert_same(&jar, &restored, CookieJar::to_json);
    for Site { url, .. } in &sites {
        assert_same(&jar, &restored, |jar| jar.cookies(url));
        let Some(header) = jar.cookies(url) else { continue };
        assert!("cookie: ".len() + header.len() <= MAX_HEADER);
    }
    // Rarely, because it takes as long as a hundred other inputs.
    if Choices::of(input).below(100) == 0 {
        check_limits(input, &sites[0].url);
    }
}

/// Compares what two jars show. A cookie may expire meanwhile: the jars have the clock of the system.
fn assert_same<T: PartialEq + Debug>(jar: &CookieJar, restored: &CookieJar, shown: impl Fn(&CookieJar) -> T) {
    let before = shown(jar);
    let restored = shown(restored);
    if restored != before {
        assert_eq!(restored, shown(jar));
    }
}

/// Fills a jar with cookies of a single host, whose number and length the input selects.
fn check_limits(input: &[u8], url: &Url) {
    let byte = |index: usize| usize::from(input.get(index).copied().unwrap_or_default());
    let (cookies, length) = (byte(0), byte(1) * 16);
    let jar = CookieJar::new();
    for n in 0..cookies {
        let value = HeaderValue::try_from(format!("n{n}={}", "v".repeat(length))).expect("the value is ASCII");
        jar.store(url, &HeaderMap::from_iter([(SET_COOKIE, value)]));
    }
    assert!(jar.len() <= MAX_COOKIES_PER_DOMAIN, "{} cookies", jar.len());
    let sent = jar.cookies(url).map_or(0, |header| "cookie: ".len() + header.len());
    assert!(sent <= MAX_HEADER && (sent > 0) == (cookies > 0), "{cookies} cookies of {length} bytes: {sent} bytes");
}

struct Site {
    url: Url,
    domain: Option<&'static str>,
}

/// Checks which URLs get the only cookie of a jar.
fn check_scope(jar: &CookieJar, from: &Site, sites: &[Site], cookie: &[u8]) {
    for to in sites.iter().filter(|to| jar.cookies(&to.url).is_some()) {
        let is_same_owner = from.domain.is_some() && from.domain == to.domain;
        let (from, to, shown) = (&from.url, &to.url, cookie.escape_ascii());
        let is_same_host = from.host() == to.host();
        assert!(is_same_host || is_same_owner, "{from} sets \"{shown}\", and {to} gets it");
        let is_secure = |url: &Url| url.scheme() == Scheme::Https || is_loopback(url.host());
        if has_attribute(cookie, b"secure") {
            assert!(is_secure(from) && is_secure(to), "{from} sets \"{shown}\", and {to} gets it without TLS");
        }
        if !has_attribute(cookie, b"domain") {
            assert!(is_same_host, "\"{shown}\" has no domain, and {to} gets it from {from}");
        }
    }
}

fn is_loopback(host: &str) -> bool {
    ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

/// Returns whether a cookie has an attribute of this name.
fn has_attribute(cookie: &[u8], wanted: &[u8]) -> bool {
    cookie.split(|byte| *byte == b';').skip(1).any(|attribute| {
        let name = attribute.split(|byte| *byte == b'=').next().unwrap_or_default();
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = name.iter().position(|byte| !is_blank(byte)).unwrap_or(name.len());
        let end = name.iter().rposition(|byte| !is_blank(byte)).map_or(start, |last| last + 1);
        name[start..end].eq_ignore_ascii_case(wanted)
    })
}
