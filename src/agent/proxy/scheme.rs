//! The protocols of proxies.

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// `http`, default port 80: forwards requests and opens tunnels with `CONNECT`.
    Http,
    /// `https`, default port 443: the same over TLS.
    Https,
    /// `socks4`, default port 1080: SOCKS 4; the client looks names up, and only IPv4 addresses can be reached.
    Socks4,
    /// `socks4a`, default port 1080: SOCKS 4A; the proxy looks names up.
    Socks4a,
    /// `socks5`, default port 1080: SOCKS 5 (RFC 1928); the client looks names up.
    Socks5,
    /// `socks5h` or `socks`, default port 1080: SOCKS 5; the proxy looks names up.
    Socks5h,
}

impl ProxyScheme {
    const ALL: [Self; 6] = [Self::Http, Self::Https, Self::Socks4, Self::Socks4a, Self::Socks5, Self::Socks5h];

    /// Returns the scheme with this name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        // Desktop environments write `socks` into the environment variables.
        let name = if name.eq_ignore_ascii_case("socks") { "socks5h" } else { name };
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// Returns the name of the scheme, without a colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks4 => "socks4",
            Self::Socks4a => "socks4a",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    pub(super) const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    pub(super) const fn is_socks(self) -> bool {
        matches!(self, Self::Socks4 | Self::Socks4a | Self::Socks5 | Self::Socks5h)
    }
}
