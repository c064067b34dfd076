//! URLs and origins, as the URL standard has them.
//!
//! The platform does the parsing (natively the `url` crate, in a browser the engine's own `URL`) and hands back the
//! normalized text; cutting that into parts is the same few lines everywhere. Only `http` and `https` URLs exist here.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, Source};
use crate::platform;

/// The scheme of a URL or origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http`, default port 80.
    Http,
    /// `https`, default port 443.
    Https,
}

impl Scheme {
    /// The scheme's name, without a colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that a URL of this scheme leaves out.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// An absolute `http` or `https` URL in its normalized form.
///
/// # Examples
///
/// ```
/// use waterspout::Url;
///
/// let url = Url::parse("http://Example.com:80/a/../b?q=1#top")?;
/// assert_eq!(url.as_str(), "http://example.com/b?q=1#top");
/// assert_eq!(url.join("c")?.path(), "/c");
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url {
    href: String,
    /// Where the host begins, after the userinfo's `@` if there is one, and where it ends.
    host: usize,
    host_end: usize,
    port: u16,
    /// Where the path begins; it is never empty.
    path: usize,
    /// Where the query's `?` is, or where it would be.
    query: usize,
    /// Where the fragment's `#` is, or the end.
    fragment: usize,
}

impl Url {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `input` is not an absolute URL,
    /// [`UnsupportedScheme`](ErrorKind::UnsupportedScheme) if it is neither `http` nor `https`.
    pub fn parse(input: &str) -> Result<Self> {
        Self::from_platform(input, platform::parse_url(input, None))
    }

    /// Parses `input` relative to this URL, as a link on the page would be.
    ///
    /// # Errors
    /// As [`Url::parse`].
    pub fn join(&self, input: &str) -> Result<Self> {
        Self::from_platform(input, platform::parse_url(input, Some(&self.href)))
    }

    fn from_platform(input: &str, parsed: std::result::Result<String, Source>) -> Result<Self> {
        let href = parsed.map_err(|reason| {
            let message = format!("the URL \"{}\" is not valid", safe_excerpt(input));
            let error = Error::request(ErrorKind::InvalidUrl, message);
            // Some engines repeat what they were given.
            if reason.to_string().contains('@') { error } else { error.with_source(reason) }
        })?;
        let Some(authority) = ["http://", "https://"].iter().find(|s| href.starts_with(**s)).map(|s| s.len()) else {
            let scheme = href.split(':').next().unwrap_or_default();
            let message = format!("the URL's scheme \"{scheme}\" is neither http nor https");
            return Err(Error::request(ErrorKind::UnsupportedScheme, message));
        };
        let from = |start: usize, stops: &[u8]| {
            let stop = href.bytes().skip(start).position(|byte| stops.contains(&byte));
            stop.map_or(href.len(), |at| start + at)
        };
        let path = from(authority, b"/?#");
        let fragment = from(path, b"#");
        let query = from(path, b"?#");
        let host = part(&href, authority..path).rfind('@').map_or(authority, |at| authority + at + 1);
        let (name, port) = split_port(part(&href, host..path));
        let default = if href.starts_with("https") { Scheme::Https } else { Scheme::Http }.default_port();
        let (host_end, port) = (host + name.len(), port.unwrap_or(default));
        Ok(Self { host, host_end, port, path, query, fragment, href })
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        if self.href.starts_with("https") { Scheme::Https } else { Scheme::Http }
    }

    /// Host and, unless it is the scheme's default, port: what a `Host` header says.
    pub fn authority(&self) -> &str {
        part(&self.href, self.host..self.path)
    }

    /// The host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        part(&self.href, self.host..self.host_end)
    }

    /// The port, the scheme's default if the URL has none.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, `/` at least.
    pub fn path(&self) -> &str {
        part(&self.href, self.path..self.query)
    }

    /// The query without its question mark.
    pub fn query(&self) -> Option<&str> {
        part(&self.href, self.query..self.fragment).strip_prefix('?')
    }

    /// Path and query: what a request line says.
    pub fn target(&self) -> &str {
        part(&self.href, self.path..self.fragment)
    }

    /// The fragment without its `#`. It is never sent.
    pub fn fragment(&self) -> Option<&str> {
        part(&self.href, self.fragment..self.href.len()).strip_prefix('#')
    }

    /// The same URL without its fragment.
    pub fn without_fragment(mut self) -> Self {
        self.href.truncate(self.fragment);
        self
    }

    /// Whether the URL carries a user name or password.
    pub fn has_credentials(&self) -> bool {
        part(&self.href, 0..self.host).ends_with('@')
    }

    /// User name and password, still percent-encoded.
    pub(crate) fn userinfo(&self) -> Option<(&str, &str)> {
        let userinfo = part(&self.href, self.after_scheme()..self.host).strip_suffix('@')?;
        Some(userinfo.split_once(':').unwrap_or((userinfo, "")))
    }

    /// The same URL without user name and password.
    pub fn without_credentials(mut self) -> Self {
        let gone = self.host - self.after_scheme();
        self.href = self.redacted();
        for at in [&mut self.host, &mut self.host_end, &mut self.path, &mut self.query, &mut self.fragment] {
            *at -= gone;
        }
        self
    }

    /// The origin: scheme, host and port.
    pub fn origin(&self) -> Origin {
        Origin { scheme: self.scheme(), host: self.host().to_owned(), port: self.port() }
    }

    /// The text of the origin, which the URL begins with if it has no user name and password.
    pub(crate) fn origin_text(&self) -> &str {
        part(&self.href, 0..self.path)
    }

    /// The URL without user name and password, for messages.
    pub(crate) fn redacted(&self) -> String {
        [part(&self.href, 0..self.after_scheme()), part(&self.href, self.host..self.href.len())].concat()
    }

    /// Where the authority begins, with the userinfo if there is one.
    fn after_scheme(&self) -> usize {
        self.scheme().as_str().len() + "://".len()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.href)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Url({})", self.redacted())
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self> {
        Self::parse(input)
    }
}

impl TryFrom<&str> for Url {
    type Error = Error;

    fn try_from(input: &str) -> Result<Self> {
        Self::parse(input)
    }
}

impl TryFrom<String> for Url {
    type Error = Error;

    fn try_from(input: String) -> Result<Self> {
        Self::parse(&input)
    }
}

impl TryFrom<&String> for Url {
    type Error = Error;

    fn try_from(input: &String) -> Result<Self> {
        Self::parse(input)
    }
}

impl From<&Url> for Url {
    fn from(url: &Url) -> Self {
        url.clone()
    }
}

/// Scheme, host and port: what a connection is to, and the boundary that credentials never cross.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host; an IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

impl PartialOrd for Scheme {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheme {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// A part of a URL between two of its marks; nothing if they are none.
fn part(href: &str, between: Range<usize>) -> &str {
    href.get(between).unwrap_or_default()
}

/// Cuts an authority at its port's colon; the colons inside an IPv6 address's brackets do not count.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

/// As much of `input` as a message should repeat, between quotes: no more than a line of it, and no password.
///
/// It is not a URL, so which part of it would be a user name and password is anybody's guess: all before an `@` is
/// left out.
pub(crate) fn safe_excerpt(input: &str) -> String {
    let host = input.rfind('@');
    let hidden = if host.is_some() { "\u{2026}" } else { "" };
    let shown = part(input, host.unwrap_or(0)..input.len()).chars();
    let shown = shown.map(|character| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character });
    hidden.chars().chain(shown).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_every_part_out_of_the_normalized_text() {
        let url = Url::parse("HTTP://User:Pa%20ss@[::1]:8080/a/b?x=1&y=/#f?g").unwrap();
        assert_eq!(url.scheme(), Scheme::Http);
        assert_eq!((url.authority(), url.host(), url.port()), ("[::1]:8080", "[::1]", 8080));
        assert_eq!((url.path(), url.query(), url.fragment()), ("/a/b", Some("x=1&y=/"), Some("f?g")));
        assert_eq!(url.target(), "/a/b?x=1&y=/");
        assert!(url.has_credentials());
        assert_eq!(url.redacted(), "http://[::1]:8080/a/b?x=1&y=/#f?g");
    }

    #[test]
    fn credentials_can_be_taken_out() {
        let url = Url::parse("https://us%40er:pa:ss@example.com:81/a?b#c").unwrap();
        assert_eq!(url.userinfo(), Some(("us%40er", "pa%3Ass")));
        let bare = url.without_credentials();
        assert_eq!(bare, Url::parse("https://example.com:81/a?b#c").unwrap());
        assert_eq!((bare.userinfo(), bare.has_credentials()), (None, false));
        assert_eq!(bare.clone().without_credentials(), bare);
    }

    #[test]
    fn a_message_about_a_bad_url_does_not_repeat_its_password() {
        for input in ["http://user:secret@[bad/", "http://user:secret?@host", "//user:secret@h", "http:/secret@["] {
            let error = Url::parse(input).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn an_at_sign_in_the_path_is_no_userinfo() {
        let url = Url::parse("https://example.com/@me").unwrap();
        assert!(!url.has_credentials());
        assert_eq!((url.host(), url.port(), url.path()), ("example.com", 443, "/@me"));
        assert_eq!(url.query(), None);
    }

    #[test]
    fn refuses_what_is_not_http() {
        for (input, kind) in [
            ("ftp://example.com/", ErrorKind::UnsupportedScheme),
            ("mailto:a@example.com", ErrorKind::UnsupportedScheme),
            ("/relative", ErrorKind::InvalidUrl),
            ("http://", ErrorKind::InvalidUrl),
            ("", ErrorKind::InvalidUrl),
        ] {
            assert_eq!(Url::parse(input).unwrap_err().kind(), kind, "{input}");
        }
    }

    #[test]
    fn joins_like_a_link_on_a_page() {
        let base = Url::parse("http://example.com/a/b?q#f").unwrap();
        for (link, expected) in [
            ("c", "http://example.com/a/c"),
            ("../c", "http://example.com/c"),
            ("?x", "http://example.com/a/b?x"),
            ("//other.example/x", "http://other.example/x"),
            ("#g", "http://example.com/a/b?q#g"),
        ] {
            assert_eq!(base.join(link).unwrap().as_str(), expected);
        }
        assert_eq!(safe_excerpt("http://user:secret@[bad/x"), "\u{2026}@[bad/x");
        assert_eq!(safe_excerpt("http:\nnext line"), "http:\u{fffd}next line");
        assert_eq!(base.without_fragment().as_str(), "http://example.com/a/b?q");
    }
}
