//! Schemes and origins.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::{Url, slice};

/// The scheme of a URL or origin.
///
/// # Examples
///
/// ```
/// use waterspout::{Scheme, Url};
///
/// let url = Url::parse("https://example.com/")?;
/// assert_eq!(url.scheme(), Scheme::Https);
/// assert_eq!((Scheme::Https.as_str(), Scheme::Https.default_port()), ("https", 443));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// `http`, default port 80.
    Http,
    /// `https`, default port 443.
    Https,
}

impl Scheme {
    /// Returns the scheme's name, without a colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Returns the port of a URL of this scheme that names no port: 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Returns the scheme as the crate `http` has it.
    #[allow(dead_code, reason = "only the feature `http2` calls it")]
    pub(crate) fn to_http(self) -> http::uri::Scheme {
        match self {
            Self::Http => http::uri::Scheme::HTTP,
            Self::Https => http::uri::Scheme::HTTPS,
        }
    }
}

/// Scheme, host and port: the destination of a connection, and the boundary that credentials never cross.
///
/// # Examples
///
/// ```
/// use waterspout::Url;
///
/// let origin = |url: &str| Url::parse(url).map(|url| url.origin());
/// assert_eq!(origin("http://example.com/a")?, origin("http://example.com:80/b")?);
/// assert_ne!(origin("http://example.com/")?, origin("https://example.com/")?);
/// assert_eq!(origin("https://example.com:8443/a?b")?.to_string(), "https://example.com:8443");
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
pub struct Origin {
    scheme: Scheme,
    port: u16,
    /// The text of the URL, if it is short, or the host alone.
    // Shared, because each request needs its origin: for the pool, the proxy and the circuit breaker.
    text: Arc<str>,
    /// The index of the host's first byte in `text`.
    host: usize,
    /// The index after the host's last byte.
    host_end: usize,
}

/// The maximum length in bytes of the text that an origin shares with its URL.
// An idle connection or a map keeps its origin for long, and so the text of the URL. A long URL is copied from instead.
const MAX_SHARED: usize = 256;

impl Origin {
    pub(super) fn of(url: &Url) -> Self {
        let (scheme, port) = (url.scheme(), url.port());
        if url.href.len() <= MAX_SHARED {
            return Self { scheme, port, text: url.href.clone(), host: url.parts.host, host_end: url.parts.host_end };
        }
        let host = url.host();
        Self { scheme, port, text: host.into(), host: 0, host_end: host.len() }
    }

    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host. An IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        slice(&self.text, self.host..self.host_end)
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns what two equal origins have in common, in the order of comparison.
    // The host as bytes, which have the order of its text: a slice of a text looks for the boundaries of characters, and
    // each request compares its origin with the origins of idle connections.
    fn identity(&self) -> (Scheme, &[u8], u16) {
        let host = self.text.as_bytes().get(self.host..self.host_end);
        (self.scheme, host.unwrap_or_default(), self.port)
    }
}

impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Origin {}

impl Hash for Origin {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl PartialOrd for Origin {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Origin {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host())?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Url::parse(url).unwrap().origin()
    }

    #[test]
    fn origins_of_different_texts_are_compared_by_scheme_host_and_port() {
        let long = format!("http://u:p@example.com:80/{}", "a".repeat(MAX_SHARED));
        let same = ["http://example.com/", "http://example.com:80/a?b#c", "http://u:p@example.com", &long];
        for url in same {
            assert_eq!(origin(url), origin(same[0]), "{url}");
            assert_eq!(format!("{:?}", origin(url)), "Origin(http://example.com)");
            assert_eq!(std::collections::HashSet::from([origin(url), origin(same[0])]).len(), 1, "{url}");
        }
        let ordered = ["http://a/", "http://a:81/", "http://b/", "https://a/", "https://a:8443/"].map(origin);
        assert!(ordered.is_sorted_by(|before, after| before < after), "{ordered:?}");
    }

    #[test]
    fn origin_does_not_keep_the_text_of_a_long_url() {
        for (length, is_shared) in [(MAX_SHARED, true), (MAX_SHARED + 1, false)] {
            let url = Url::parse(&format!("{:a<length$}", "http://[::1]:8080/")).unwrap();
            assert_eq!(url.as_str().len(), length);
            let origin = url.origin();
            assert_eq!((origin.host(), origin.port()), ("[::1]", 8080));
            assert_eq!(Arc::ptr_eq(&origin.text, &url.href), is_shared);
            assert!(is_shared || origin.text.len() == "[::1]".len());
        }
    }
}
