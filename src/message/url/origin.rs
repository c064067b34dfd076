//! Schemes and origins.

use std::cmp::Ordering;
use std::fmt;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
}

impl PartialOrd for Scheme {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheme {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
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
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    pub(super) scheme: Scheme,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// Returns the scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Returns the host. An IPv6 address is in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
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
