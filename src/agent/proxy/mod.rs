//! Proxies: what they are called, which origin goes through which, and what is said to them.
//!
//! [`Proxy`] is one proxy, [`Proxies`] the choice among them. Natively `Network::proxies` takes that choice. For a
//! [`Connector`](crate::Connector) of one's own, [`Proxy::tunnel`] asks a proxy for a way to a host over any open stream
//! to it, and [`Proxy::forwarding`] is what a [`Transport`](crate::Transport) tells the agent if the proxy forwards its
//! requests.
//!
//! A browser has its own settings for proxies, which no program sees or changes; there this is of use to the agent over
//! a connector of one's own.

mod choice;
mod connect;
mod env;
mod no_proxy;
#[cfg(test)]
mod script;
mod socks;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use futures::{AsyncRead, AsyncWrite};
use http::HeaderValue;

pub use self::choice::Proxies;
pub use self::socks::SocksReply;
use crate::auth;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme, Url, safe_excerpt};
use crate::transport::Forwarding;

/// The protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyScheme {
    /// `http`, default port 80: forwards requests and opens tunnels with `CONNECT`.
    Http,
    /// `https`, default port 443: the same over TLS.
    Https,
    /// `socks5`, default port 1080: SOCKS 5 (RFC 1928); names are looked up here.
    Socks5,
    /// `socks5h` or `socks`, default port 1080: SOCKS 5; names are looked up by the proxy.
    Socks5h,
}

impl ProxyScheme {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Socks5, Self::Socks5h];

    fn named(name: &str) -> Option<Self> {
        // Desktops write `socks` into the environment.
        let name = if name.eq_ignore_ascii_case("socks") { "socks5h" } else { name };
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(name))
    }

    /// The scheme's name, without a colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
            Self::Socks5 | Self::Socks5h => 1080,
        }
    }

    const fn is_socks(self) -> bool {
        matches!(self, Self::Socks5 | Self::Socks5h)
    }
}

/// A proxy: its protocol, where it is, and who we are to it.
///
/// It is written as a URL: `http://user:password@proxy.example:3128`, with any of the schemes of [`ProxyScheme`]; without
/// a scheme it is `http`. User name and password are percent-decoded. They go to the proxy and to nobody else, and appear
/// neither in `Display` nor in `Debug`, nor in any error.
///
/// # Examples
///
/// ```
/// use waterspout::proxy::{Proxy, ProxyScheme};
///
/// let proxy = Proxy::parse("socks5h://user:p%40ss@proxy.example")?;
/// assert_eq!((proxy.scheme(), proxy.host(), proxy.port()), (ProxyScheme::Socks5h, "proxy.example", 1080));
/// assert_eq!(proxy.to_string(), "socks5h://proxy.example:1080");
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    scheme: ProxyScheme,
    host: String,
    port: u16,
    login: Login,
    tunnels_all: bool,
}

/// Who we are to a proxy, in the form in which it is told.
#[derive(Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Header(HeaderValue),
    /// What RFC 1929 sends: lengths and texts.
    Socks(Vec<u8>),
}

impl Proxy {
    /// Reads the URL of a proxy.
    ///
    /// # Errors
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `text` is no URL or has more than scheme, user, password, host and port;
    /// [`UnsupportedScheme`](ErrorKind::UnsupportedScheme) for a scheme that is not in [`ProxyScheme`]; those of
    /// [`credentials`](Self::credentials).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or((ProxyScheme::Http.as_str(), text));
        let scheme = ProxyScheme::named(scheme);
        let scheme = scheme.ok_or_else(|| refused(ErrorKind::UnsupportedScheme, text))?;
        // A parser leaves out the port that is its scheme's default, so it takes two to see it.
        let parsed = (Url::parse(&format!("http://{rest}")), Url::parse(&format!("https://{rest}")));
        let (Ok(url), Ok(other)) = parsed else { return Err(refused(ErrorKind::InvalidUrl, text)) };
        if url.target() != "/" || url.fragment().is_some() {
            return Err(refused(ErrorKind::InvalidUrl, text));
        }
        let port = match (url.port(), other.port()) {
            (80, 443) => scheme.default_port(),
            (80, port) | (port, _) => port,
        };
        let proxy = Self { scheme, host: url.host().to_owned(), port, login: Login::Nobody, tunnels_all: false };
        match url.userinfo() {
            None => Ok(proxy),
            Some((user, password)) => proxy.login(&auth::decoded(user), &auth::decoded(password)),
        }
    }

    /// The same proxy, to which we are `user`, by `password`: Basic credentials (RFC 7617) for `http` and `https`, those
    /// of RFC 1929 for SOCKS.
    ///
    /// They are sent with the first request, without being asked for. Only an `https` proxy gets them in secret.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if they cannot be sent: for Basic a user name with a colon or a
    /// control character in either, for SOCKS an empty user name or more than 255 bytes in either.
    pub fn credentials(self, user: &str, password: &str) -> Result<Self> {
        self.login(user.as_bytes(), password.as_bytes())
    }

    fn login(mut self, user: &[u8], password: &[u8]) -> Result<Self> {
        self.login = match self.scheme.is_socks() {
            true => Login::Socks(socks::login(user, password)?),
            false => Login::Header(auth::basic(user, password)?),
        };
        Ok(self)
    }

    /// The same proxy, which is asked for a tunnel for `http` origins too, rather than to forward requests. Default:
    /// `false`. SOCKS knows nothing but tunnels.
    ///
    /// A proxy sees and may change what it forwards, and often allows tunnels to port 443 only.
    #[must_use]
    pub fn tunnel_all(mut self, tunnel: bool) -> Self {
        self.tunnels_all = tunnel;
        self
    }

    /// The protocol.
    pub fn scheme(&self) -> ProxyScheme {
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

    /// Whether requests to `origin` are forwarded; otherwise they go through a [`tunnel`](Self::tunnel).
    pub fn forwards(&self, origin: &Origin) -> bool {
        origin.scheme() == Scheme::Http && !self.scheme.is_socks() && !self.tunnels_all
    }

    /// How requests are written if this proxy forwards them.
    pub fn forwarding(&self) -> Forwarding {
        Forwarding::new(self.authorization().cloned())
    }

    fn authorization(&self) -> Option<&HeaderValue> {
        match &self.login {
            Login::Header(value) => Some(value),
            Login::Nobody | Login::Socks(_) => None,
        }
    }

    /// Asks for a way to `host`, a name or an address, over an open stream to the proxy; an `https` proxy's stream has
    /// TLS already. After that the stream leads to `host`, and nothing that `host` sent has been read from it.
    ///
    /// An IPv6 address may be in brackets; a name is ASCII, as in a URL. A proxy of the scheme `socks5` is told addresses
    /// only: looking up the name is the caller's part.
    ///
    /// # Errors
    /// [`Proxy`](ErrorKind::Proxy) if the proxy refuses, gives no proper answer or closes the stream, or if `host` is
    /// nothing that it can be told, before anything is written. The error has the
    /// [`status`](Error::status) that the proxy gave, or a [`SocksReply`] as its source.
    ///
    /// # Cancellation
    /// The stream is in an unknown state when the future is dropped before its end: drop it too.
    pub async fn tunnel<S>(&self, stream: &mut S, host: &str, port: u16) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + ?Sized,
    {
        match &self.login {
            Login::Socks(login) => socks::open(stream, self, Some(login), host, port).await,
            Login::Nobody if self.scheme.is_socks() => socks::open(stream, self, None, host, port).await,
            _ => connect::open(stream, self, host, port).await,
        }
    }

    /// An error of the proxy's making. `message` goes on after the proxy's name.
    fn error(&self, message: &str) -> Error {
        Error::new(ErrorKind::Proxy, Phase::Connect, format!("the proxy {self} {message}"))
    }
}

/// The address that `host` is, if it is not a name; an IPv6 address may be in brackets.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// Whether a proxy can be told this name and take it for nothing else: ASCII, without white space and control characters.
/// Names of other letters are told in Punycode, as those of URLs are.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refused(kind: ErrorKind, text: &str) -> Error {
    let wanted = "http, https, socks5 or socks5h, then host and port";
    Error::request(kind, format!("\"{}\" is not the URL of a proxy: {wanted}", safe_excerpt(text)))
}

impl FromStr for Proxy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Proxy {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Proxy {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

/// The URL without user name and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme.as_str(), self.host, self.port)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Proxy {
        Proxy::parse(text).unwrap()
    }

    #[test]
    fn each_scheme_has_its_port_and_without_one_it_is_http() {
        for (text, expected) in [
            ("http://Proxy.Example", "http://proxy.example:80"),
            ("http://proxy:443/", "http://proxy:443"),
            ("https://proxy", "https://proxy:443"),
            ("HTTPS://proxy:80", "https://proxy:80"),
            ("socks5://proxy", "socks5://proxy:1080"),
            ("socks5://proxy:80", "socks5://proxy:80"),
            ("socks5h://proxy:443", "socks5h://proxy:443"),
            ("socks://proxy:1/", "socks5h://proxy:1"),
            ("proxy:3128", "http://proxy:3128"),
            (" 10.0.0.1 ", "http://10.0.0.1:80"),
            ("socks5://[0:0::1]:9", "socks5://[::1]:9"),
        ] {
            assert_eq!(proxy(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_proxy_is_refused_without_its_password() {
        use ErrorKind::{InvalidRequest, InvalidUrl, UnsupportedScheme};
        for (text, kind) in [
            ("", InvalidUrl),
            ("http://", InvalidUrl),
            ("http://u:secret@proxy/path", InvalidUrl),
            ("http://u:secret@proxy/?q", InvalidUrl),
            ("http://u:secret@proxy/#f", InvalidUrl),
            ("http://u:secret@proxy:99999", InvalidUrl),
            ("u:secret@[bad", InvalidUrl),
            ("socks4://u:secret@proxy", UnsupportedScheme),
            ("secret://u:secret@proxy", UnsupportedScheme),
            ("http://u:sec%00ret@proxy", InvalidRequest),
            ("http://u%3a:secret@proxy", InvalidRequest),
            ("socks5://:secret@proxy", InvalidRequest),
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_shown_to_nobody() {
        let header = |proxy: Proxy| proxy.forwarding().authorization.unwrap();
        let from_url = proxy("http://us%40er:p%3Ass@proxy:1");
        // `us@er:p:ss`
        assert_eq!(header(from_url.clone()), "Basic dXNAZXI6cDpzcw==");
        assert!(header(from_url.clone()).is_sensitive());
        assert_eq!(from_url, proxy("proxy:1").credentials("us@er", "p:ss").unwrap());
        for shown in [format!("{from_url:?}"), format!("{from_url}"), format!("{:?}", from_url.forwarding())] {
            assert!(!shown.contains("dXNA") && !shown.contains("p:ss") && !shown.contains("us@er"), "{shown}");
        }
        let socks = proxy("socks5://us%40er:p%3Ass@proxy");
        assert!(socks.login == Login::Socks(b"\x01\x05us@er\x04p:ss".to_vec()));
        assert_eq!(socks.forwarding().authorization, None);
        assert!(!format!("{socks:?}").contains("us@er"));
    }

    #[test]
    fn only_http_origins_are_forwarded_and_only_by_http_proxies() {
        let forwards = |proxy: &Proxy, url: &str| proxy.forwards(&Url::parse(url).unwrap().origin());
        for http in ["http://proxy", "https://proxy"].map(proxy) {
            assert!(forwards(&http, "http://example.com/") && !forwards(&http, "https://example.com/"));
            assert!(!forwards(&http.tunnel_all(true), "http://example.com/"));
        }
        for socks in ["socks5://proxy", "socks5h://proxy"].map(proxy) {
            assert!(!forwards(&socks, "http://example.com/") && !forwards(&socks, "https://example.com/"));
        }
    }
}
