//! Proxies: their URLs, the choice of a proxy for an origin, and the protocols that open a tunnel.
//!
//! [`Proxy`] is a single proxy, and [`Proxies`] chooses a proxy for each origin. Natively `Network::proxies` accepts
//! that choice. A custom [`Connector`](crate::Connector) calls [`Proxy::tunnel`] to open a tunnel to a host over any
//! open stream to the proxy. If the proxy forwards the requests, its [`Transport`](crate::Transport) returns
//! [`Proxy::forwarding`].
//!
//! # Errors
//! Every failure on the way to a proxy, or at the proxy, has the kind [`Proxy`](crate::ErrorKind::Proxy) and its cause
//! as the source: an invalid certificate of the proxy is not a failure of the server. A 407 response to a forwarded
//! request is a response, because the agent cannot know whether the proxy or the server sent it.
//!
//! # Platform
//! A browser has its own proxy settings, which no program can read or change. There, this module serves an agent over a
//! custom connector.

mod choice;
mod connect;
mod env;
mod headers;
mod no_proxy;
mod scheme;
#[cfg(test)]
mod script;
mod socks;
mod socks4;
mod socks_handshake;
mod socks_reply;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use futures::{AsyncRead, AsyncWrite};
use http::header::PROXY_AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

pub use self::choice::Proxies;
pub use self::scheme::ProxyScheme;
pub use self::socks_reply::SocksReply;
use crate::auth;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::{Origin, Scheme, Url, safe_excerpt};
use crate::transport::Forwarding;

/// A proxy: its protocol, its address, and the credentials for it.
///
/// It is written as a URL: `http://user:password@proxy.example:3128`, with any of the schemes of [`ProxyScheme`].
/// Without a scheme it is `http`. User name and password are percent-decoded. They are sent to the proxy only, and
/// appear neither in `Display` nor in `Debug` nor in any error.
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
    /// The caller's own headers for the proxy.
    headers: HeaderMap,
    tunnels_all: bool,
}

/// The credentials for a proxy, in the form in which they are sent.
#[derive(Clone, PartialEq, Eq)]
enum Login {
    Anonymous,
    /// The value of `proxy-authorization`.
    Header(HeaderValue),
    /// For SOCKS 5 the message of RFC 1929: lengths and texts. For SOCKS 4 the user name.
    Socks(Vec<u8>),
}

impl Proxy {
    /// Parses the URL of a proxy.
    ///
    /// # Errors
    /// [`InvalidUrl`](ErrorKind::InvalidUrl) if `text` is no URL or has more than scheme, user, password, host and
    /// port; [`UnsupportedScheme`](ErrorKind::UnsupportedScheme) for a scheme that is not in [`ProxyScheme`]; the
    /// errors of [`credentials`](Self::credentials).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::ErrorKind;
    /// use waterspout::proxy::Proxy;
    ///
    /// assert_eq!(Proxy::parse("proxy.example:3128")?.to_string(), "http://proxy.example:3128");
    /// assert_eq!(Proxy::parse("ftp://proxy.example").unwrap_err().kind(), ErrorKind::UnsupportedScheme);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").unwrap_or((ProxyScheme::Http.as_str(), text));
        let scheme = ProxyScheme::named(scheme);
        let scheme = scheme.ok_or_else(|| refused(ErrorKind::UnsupportedScheme, text))?;
        // A parsed URL does not show whether it names the default port of its scheme. Two schemes with different
        // default ports show it.
        let parsed = (Url::parse(&format!("http://{rest}")), Url::parse(&format!("https://{rest}")));
        let (Ok(url), Ok(other)) = parsed else { return Err(refused(ErrorKind::InvalidUrl, text)) };
        // A path, query or fragment has no meaning for a proxy, so it points to a mistake.
        if url.target() != "/" || url.fragment().is_some() {
            return Err(refused(ErrorKind::InvalidUrl, text));
        }
        let port = match (url.port(), other.port()) {
            (80, 443) => scheme.default_port(),
            (80, port) | (port, _) => port,
        };
        let host = url.host().to_owned();
        let proxy = Self { scheme, host, port, login: Login::Anonymous, headers: HeaderMap::new(), tunnels_all: false };
        match url.userinfo() {
            None => Ok(proxy),
            Some((user, password)) => proxy.login(&auth::decode_userinfo(user), &auth::decode_userinfo(password)),
        }
    }

    /// Sets the credentials for the proxy. They are sent as Basic credentials (RFC 7617) to `http` and `https` proxies,
    /// and as RFC 1929 says to SOCKS 5 proxies. A SOCKS 4 proxy receives the user name.
    ///
    /// An `http` or `https` proxy receives them with the first request, without asking. Only the connection to an
    /// `https` proxy is encrypted.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the credentials cannot be sent. For Basic, the user name may
    /// contain no colon, and neither part a control character. For SOCKS 5, the user name may not be empty, and neither
    /// part longer than 255 bytes. For SOCKS 4, the password has to be empty, and the user name has at most 255 bytes
    /// and no zero byte.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::proxy::Proxy;
    ///
    /// let proxy = Proxy::parse("http://proxy.example:3128")?.credentials("user", "secret")?;
    /// assert_eq!(proxy.forwarding().authorization.unwrap(), "Basic dXNlcjpzZWNyZXQ=");
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn credentials(self, user: &str, password: &str) -> Result<Self> {
        self.login(user.as_bytes(), password.as_bytes())
    }

    fn login(mut self, user: &[u8], password: &[u8]) -> Result<Self> {
        self.login = match self.scheme {
            ProxyScheme::Http | ProxyScheme::Https => Login::Header(auth::basic(user, password)?),
            ProxyScheme::Socks4 | ProxyScheme::Socks4a => Login::Socks(socks4::login(user, password)?),
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => Login::Socks(socks::login(user, password)?),
        };
        Ok(self)
    }

    /// Sets whether the proxy opens tunnels for `http` origins too, instead of forwarding their requests. Default:
    /// `false`. A SOCKS proxy always opens tunnels.
    ///
    /// A proxy can read and change the requests that it forwards. Many proxies allow tunnels to port 443 only.
    #[must_use]
    pub fn tunnel_all(mut self, tunnel: bool) -> Self {
        self.tunnels_all = tunnel;
        self
    }

    /// Returns the protocol.
    pub fn scheme(&self) -> ProxyScheme {
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

    /// Returns whether the proxy forwards requests to `origin`. Other requests go through a [`tunnel`](Self::tunnel).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Url;
    /// use waterspout::proxy::Proxy;
    ///
    /// let proxy = Proxy::parse("http://proxy.example:3128")?;
    /// assert!(proxy.forwards(&Url::parse("http://example.com/")?.origin()));
    /// assert!(!proxy.forwards(&Url::parse("https://example.com/")?.origin()));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn forwards(&self, origin: &Origin) -> bool {
        origin.scheme() == Scheme::Http && !self.scheme.is_socks() && !self.tunnels_all
    }

    /// Returns how requests are written that this proxy forwards.
    pub fn forwarding(&self) -> Forwarding {
        let mut forwarding = Forwarding::new(self.authorization().cloned());
        forwarding.headers = self.headers.clone();
        forwarding
    }

    /// Returns the credentials of the proxy, unless a header of the caller replaces them.
    fn authorization(&self) -> Option<&HeaderValue> {
        match &self.login {
            Login::Header(value) if !self.headers.contains_key(PROXY_AUTHORIZATION) => Some(value),
            Login::Header(_) | Login::Anonymous | Login::Socks(_) => None,
        }
    }

    /// Opens a tunnel to `host`, a name or an address, over an open stream to the proxy. The stream to an `https` proxy
    /// must have TLS already. Afterwards the stream leads to `host`, and no byte from `host` has been read.
    ///
    /// An IPv6 address may be in brackets; a name is ASCII, as in a URL. A proxy with the scheme `socks4` or `socks5`
    /// accepts addresses only: the caller has to look names up. SOCKS 4 has no IPv6 addresses.
    ///
    /// # Errors
    /// [`Proxy`](ErrorKind::Proxy) if the proxy refuses, sends a malformed response or closes the stream. Also if
    /// `host` cannot be sent to the proxy; nothing has been written then. The error has the [`status`](Error::status)
    /// of the proxy's response, or a [`SocksReply`] as its source.
    ///
    /// # Cancellation
    /// Dropping the future before its end leaves the stream in an unknown state: drop the stream too.
    ///
    /// # Examples
    ///
    /// ```
    /// use futures::io::Cursor;
    /// use waterspout::proxy::Proxy;
    ///
    /// // A connection to a proxy, in memory: the request is written at its beginning, and the answer is read behind it.
    /// let request = "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nuser-agent: spider/2\r\n\r\n";
    /// let answer = "HTTP/1.1 200 Connection established\r\n\r\n";
    /// let mut stream = Cursor::new([vec![0; request.len()], answer.into()].concat());
    /// let proxy = Proxy::parse("http://proxy.example:3128")?.header("user-agent", "spider/2")?;
    /// futures::executor::block_on(proxy.tunnel(&mut stream, "example.com", 443))?;
    /// assert!(stream.get_ref().starts_with(request.as_bytes()));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub async fn tunnel<S>(&self, stream: &mut S, host: &str, port: u16) -> Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + ?Sized,
    {
        let login = match &self.login {
            Login::Socks(login) => Some(login.as_slice()),
            Login::Anonymous | Login::Header(_) => None,
        };
        match self.scheme {
            ProxyScheme::Http | ProxyScheme::Https => connect::open(stream, self, host, port).await,
            ProxyScheme::Socks4 | ProxyScheme::Socks4a => {
                socks4::open(stream, self, login.unwrap_or_default(), host, port).await
            }
            ProxyScheme::Socks5 | ProxyScheme::Socks5h => socks::open(stream, self, login, host, port).await,
        }
    }

    /// Creates an error of the kind `Proxy`. `message` continues a sentence that begins with the proxy's name.
    fn error(&self, message: &str) -> Error {
        Error::new(ErrorKind::Proxy, Phase::Connect, format!("the proxy {self} {message}"))
    }
}

/// Parses `host` as an address. An IPv6 address may be in brackets. Returns `None` for a name.
fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// Returns whether a proxy can receive this name without reading another name: it is ASCII, without white space and
/// control characters. Names with other letters are sent in Punycode, as in URLs.
fn is_name(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Creates the error for a text that is not the URL of a proxy.
fn refused(kind: ErrorKind, text: &str) -> Error {
    let example =
        "\"http://proxy.example:3128\", with a scheme out of http, https, socks4, socks4a, socks5 and socks5h";
    Error::request(kind, format!("\"{}\" is not the URL of a proxy, such as {example}", safe_excerpt(text)))
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

/// Writes the URL without user name and password.
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
mod tests;
