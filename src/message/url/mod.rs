//! URLs and origins, as the URL standard defines them.
//!
//! The platform parses: natively the `url` crate, in a browser the engine's own `URL`. Both return the normalized text,
//! which this module cuts into parts, the same way on every platform. Only `http` and `https` URLs exist here.

mod origin;
mod query;
mod redact;
mod uri;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;

pub use self::origin::{Origin, Scheme};
use self::redact::is_secret_mark;
pub(crate) use self::redact::safe_excerpt;
use crate::error::{Error, ErrorKind, Result, Source};
use crate::platform;

/// An absolute `http` or `https` URL in its normalized form.
///
/// Where a method takes the URL of a request, such as [`Client::get`](crate::Client::get), a text converts into it.
///
/// # Platform
/// In a page or a worker, such a text may be a relative URL. As in the Fetch standard, it resolves against the page's
/// base (`document.baseURI`) or the worker's `location`. Elsewhere, also in Node, a relative URL is an error of kind
/// [`InvalidUrl`](ErrorKind::InvalidUrl). [`Url::parse`] requires an absolute URL on every platform.
///
/// # Examples
///
/// ```
/// use waterspout::Url;
///
/// let url = Url::parse("http://Example.com:80/a/../b?q=1#top")?;
/// assert_eq!(url.as_str(), "http://example.com/b?q=1#top");
/// assert_eq!((url.host(), url.port()), ("example.com", 80));
/// assert_eq!((url.path(), url.query(), url.fragment()), ("/b", Some("q=1"), Some("top")));
/// // Debug output is for logs: a query or a fragment may hold a token.
/// assert_eq!(format!("{url:?}"), "Url(http://example.com/b?q=***#***)");
/// # Ok::<(), waterspout::Error>(())
/// ```
// A clone is a count of references: the URL of a request goes into its response, its origin and its events.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Url {
    href: Arc<str>,
    parts: UrlParts,
}

/// Where the parts of a normalized URL begin and end, as indices of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct UrlParts {
    /// The index of the host's first byte, after the `@` of a userinfo.
    pub(crate) host: usize,
    /// The index after the host's last byte.
    pub(crate) host_end: usize,
    pub(crate) port: u16,
    /// The index of the path's first `/`. The path is never empty.
    pub(crate) path: usize,
    /// The index of the query's `?`, or the end of the path.
    pub(crate) query: usize,
    /// The index of the fragment's `#`, or the end of the URL.
    pub(crate) fragment: usize,
}

impl Url {
    /// Parses an absolute URL.
    ///
    /// # Errors
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `input` is not an absolute URL,
    /// [`UnsupportedScheme`](ErrorKind::UnsupportedScheme) if its scheme is neither `http` nor `https`.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{ErrorKind, Url};
    ///
    /// assert_eq!(Url::parse("HTTP://Example.com")?.as_str(), "http://example.com/");
    /// assert_eq!(Url::parse("/relative").unwrap_err().kind(), ErrorKind::InvalidUrl);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn parse(input: &str) -> Result<Self> {
        platform::parse_normal_url(input)
            .map_or_else(|| Self::from_platform(input, platform::parse_url(input, None)), Ok)
    }

    /// Parses `input` relative to this URL, as a browser parses a link on this page.
    ///
    /// # Errors
    /// As [`Url::parse`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    ///
    /// let page = Url::parse("http://example.com/a/b?q")?;
    /// assert_eq!(page.join("../c")?.as_str(), "http://example.com/c");
    /// assert_eq!(page.join("//other.example/")?.as_str(), "http://other.example/");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn join(&self, input: &str) -> Result<Self> {
        let parse = || Self::from_platform(input, platform::parse_url(input, Some(&self.href)));
        platform::join_normal_url(self, input).map_or_else(parse, Ok)
    }

    /// Parses the URL of a request.
    fn of_request(input: &str) -> Result<Self> {
        platform::parse_normal_url(input).map_or_else(|| Self::from_platform(input, platform::resolve_url(input)), Ok)
    }

    fn from_platform(input: &str, parsed: std::result::Result<String, Source>) -> Result<Self> {
        let href = parsed.map_err(|reason| {
            let message = ["the URL \"", &safe_excerpt(input), "\" is not valid"].concat();
            let error = Error::request(ErrorKind::InvalidUrl, message);
            // Some engines repeat their input in the error: it could show a password or a token.
            if reason.to_string().bytes().any(is_secret_mark) { error } else { error.with_source(reason) }
        })?;
        // The text is normalized: the scheme is in lower case, and the path begins with a slash.
        let Some(authority) = ["http://", "https://"].iter().find(|s| href.starts_with(**s)).map(|s| s.len()) else {
            let scheme = slice(&href, 0..first(&href, b':').unwrap_or(href.len()));
            let message = ["the URL's scheme \"", scheme, "\" is neither http nor https"].concat();
            return Err(Error::request(ErrorKind::UnsupportedScheme, message));
        };
        let from = |start: usize, stops: &[u8]| {
            let stop = href.bytes().skip(start).position(|byte| stops.contains(&byte));
            stop.map_or(href.len(), |at| start + at)
        };
        let path = from(authority, b"/?#");
        let fragment = from(path, b"#");
        let query = from(path, b"?#");
        let host = last(slice(&href, authority..path), b'@').map_or(authority, |at| authority + at + 1);
        let (name, port) = split_port(slice(&href, host..path));
        let default = if href.starts_with("https") { Scheme::Https } else { Scheme::Http }.default_port();
        let parts =
            UrlParts { host, host_end: host + name.len(), port: port.unwrap_or(default), path, query, fragment };
        Ok(Self { href: href.into(), parts })
    }

    /// Returns the URL of a normalized text whose parts the platform has found.
    // Only platforms without an engine find them while they parse.
    #[allow(dead_code)]
    pub(crate) fn from_normal(href: Arc<str>, parts: UrlParts) -> Self {
        Self { href, parts }
    }

    /// Returns the whole URL.
    pub fn as_str(&self) -> &str {
        &self.href
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        if self.href.starts_with("https") { Scheme::Https } else { Scheme::Http }
    }

    /// Returns the host and, unless it is the scheme's default, the port: the value of a `Host` header.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    ///
    /// assert_eq!(Url::parse("http://user@example.com:8080/a")?.authority(), "example.com:8080");
    /// assert_eq!(Url::parse("http://example.com:80/a")?.authority(), "example.com");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn authority(&self) -> &str {
        slice(&self.href, self.parts.host..self.parts.path)
    }

    /// Returns the host. An IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        slice(&self.href, self.parts.host..self.parts.host_end)
    }

    /// Returns the port, or the scheme's default if the URL names no port.
    pub fn port(&self) -> u16 {
        self.parts.port
    }

    /// Returns the index of the path's first byte.
    // Only platforms without an engine join texts.
    #[allow(dead_code)]
    pub(crate) fn path_start(&self) -> usize {
        self.parts.path
    }

    /// Returns the path, which is at least `/`.
    pub fn path(&self) -> &str {
        slice(&self.href, self.parts.path..self.parts.query)
    }

    /// Returns the query without its question mark.
    pub fn query(&self) -> Option<&str> {
        slice(&self.href, self.parts.query..self.parts.fragment).strip_prefix('?')
    }

    /// Returns path and query: the target in a request line.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(waterspout::Url::parse("http://example.com/a?b#c")?.target(), "/a?b");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn target(&self) -> &str {
        slice(&self.href, self.parts.path..self.parts.fragment)
    }

    /// Returns the fragment without its `#`. A fragment is never sent.
    pub fn fragment(&self) -> Option<&str> {
        slice(&self.href, self.parts.fragment..self.href.len()).strip_prefix('#')
    }

    /// Returns the same URL without its fragment.
    pub fn without_fragment(mut self) -> Self {
        if self.parts.fragment < self.href.len() {
            self.href = slice(&self.href, 0..self.parts.fragment).into();
        }
        self
    }

    /// Returns whether the URL has a user name or password.
    pub fn has_credentials(&self) -> bool {
        slice(&self.href, 0..self.parts.host).ends_with('@')
    }

    /// Returns user name and password, still percent-encoded.
    pub(crate) fn userinfo(&self) -> Option<(&str, &str)> {
        let start = self.after_scheme();
        if start == self.parts.host {
            return None;
        }
        let userinfo = slice(&self.href, start..self.parts.host).strip_suffix('@')?;
        Some(match first(userinfo, b':') {
            Some(colon) => (slice(userinfo, 0..colon), slice(userinfo, colon + 1..userinfo.len())),
            None => (userinfo, ""),
        })
    }

    /// Returns the same URL without user name and password.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    ///
    /// let url = Url::parse("http://user:secret@example.com/")?;
    /// assert!(url.has_credentials());
    /// assert_eq!(url.without_credentials().as_str(), "http://example.com/");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn without_credentials(mut self) -> Self {
        let gone = self.parts.host - self.after_scheme();
        if gone == 0 {
            return self;
        }
        self.href = self.without_userinfo().into();
        // All parts move to the left by the length of the userinfo.
        let UrlParts { host, host_end, path, query, fragment, .. } = &mut self.parts;
        for at in [host, host_end, path, query, fragment] {
            *at -= gone;
        }
        self
    }

    /// Returns the origin: scheme, host and port.
    pub fn origin(&self) -> Origin {
        Origin::of(self)
    }

    /// Returns the URL up to its path: the text of the origin, if the URL has no user name and password.
    pub(crate) fn origin_text(&self) -> &str {
        slice(&self.href, 0..self.parts.path)
    }

    /// Returns the URL for messages and logs: without user name and password, and with `***` in place of the values of
    /// its query and of its fragment.
    pub(crate) fn redacted(&self) -> String {
        Self::redact(&self.without_userinfo())
    }

    /// Returns the text of the URL without user name and password.
    pub(crate) fn without_userinfo(&self) -> String {
        [slice(&self.href, 0..self.after_scheme()), slice(&self.href, self.parts.host..self.href.len())].concat()
    }

    /// Returns the index where the authority begins, a userinfo included.
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
        // Debug output goes to logs, so it hides user name, password, values of the query, and the fragment.
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
        Self::of_request(input)
    }
}

impl TryFrom<String> for Url {
    type Error = Error;

    fn try_from(input: String) -> Result<Self> {
        Self::of_request(&input)
    }
}

impl TryFrom<&String> for Url {
    type Error = Error;

    fn try_from(input: &String) -> Result<Self> {
        Self::of_request(input)
    }
}

impl From<&Url> for Url {
    fn from(url: &Url) -> Self {
        url.clone()
    }
}

/// Returns the part of a URL in `range`, or an empty text if the range is not within it.
// Not by slicing: that would link the text of its panic.
fn slice(href: &str, range: Range<usize>) -> &str {
    href.get(range).unwrap_or_default()
}

/// Splits an authority at its port's colon. The colons within the brackets of an IPv6 address do not count.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    match last(authority, b':') {
        Some(colon) if last(authority, b']').is_none_or(|bracket| bracket < colon) => {
            // Parsed as a long number: a browser program has the parser of these for `content-length` anyway.
            let port = slice(authority, colon + 1..authority.len()).parse::<u64>();
            (slice(authority, 0..colon), port.ok().and_then(|port| u16::try_from(port).ok()))
        }
        _ => (authority, None),
    }
}

/// Returns the place of the first `mark`, an ASCII character.
// Not by `str::find`: its search, which is fast in long texts, links 1.5 KB raw into a browser program.
fn first(text: &str, mark: u8) -> Option<usize> {
    text.bytes().position(|byte| byte == mark)
}

/// Returns the place of the last `mark`, an ASCII character.
fn last(text: &str, mark: u8) -> Option<usize> {
    text.bytes().rposition(|byte| byte == mark)
}

#[cfg(test)]
mod tests;
