//! The filter of the addresses that a network connects to.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::dns;
use super::network::Network;
use super::special_ranges::private_range;
use super::tcp::unbracketed;
use crate::agent::proxy::Proxy;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::Origin;

/// Maximum number of denied addresses that an error names. A name server may return hundreds.
const MAX_NAMED: usize = 4;

/// The rules that an address has to pass before the network connects to it. Without a rule every address passes.
#[derive(Clone, Default)]
pub(super) struct AddressFilter {
    rules: Vec<AddressRule>,
    /// Whether requests may go through proxies although there are rules.
    allows_proxies: bool,
}

#[derive(Clone)]
enum AddressRule {
    DenyPrivate,
    Allow(Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>),
}

/// The address filter: which addresses the network may connect to. It is for programs whose URLs come from strangers.
///
/// - **Several rules** have to allow an address, all of them. An address that a rule denies reaches no later rule.
/// - **Each address** is checked at the moment of the connect, after its look-up: of a name, of an address in a URL,
///   of a [`HostMap`](super::HostMap), of a [`CachingResolver`](super::CachingResolver) and of a resolver of the
///   program's own. The connect then uses the checked address. There is no look-up between the two, so a name server
///   cannot exchange the address (DNS rebinding). A connect after an interrupted TLS handshake is checked again.
/// - **A name with several addresses** is connected at the allowed addresses alone. The connect fails if none is left.
/// - **A URL may spell an address** in decimal, octal or hexadecimal, or with fewer parts. The parser of URLs has
///   converted it before the filter sees it: `http://0x7f.1/` is 127.0.0.1. A rule receives an IPv4-mapped IPv6 address
///   as the IPv4 address.
/// - **Redirects** connect through the same filter.
/// - **Idle connections** were checked when they were opened. The filter of an agent never changes, so they are used
///   again without a check. A [`Route`](crate::agent::Route) has the filter and the connections of its own network.
/// - **Proxies** are refused as soon as there is a rule, the proxies of the environment included, because a proxy
///   connects to the target out of the filter's sight; see [`allow_proxies`](Self::allow_proxies).
/// - **A Unix socket** has no address. A program that makes a `UnixSocket` has chosen its path itself.
///
/// A connect that the filter refuses is an error of the kind [`AddressDenied`](ErrorKind::AddressDenied), which is not
/// [retryable](Error::is_retryable). Its text names the host, the denied addresses and the setting: do not show it to
/// the author of the URL.
///
/// # Platform
/// Native only. A browser decides by itself which addresses a page may reach, and shows none of them.
impl Network {
    /// Adds a rule to the address filter: the network connects to an address only if `allows` returns `true` for it and
    /// its port. Default: no rule, and every address is allowed.
    ///
    /// The rule is called for each address of each new connection, and should not block. The port is the port to
    /// connect to, which a host map may have changed. To deny private addresses with exceptions, call
    /// [`is_private`](super::is_private) in the rule.
    ///
    /// # Errors
    /// A connect fails with [`AddressDenied`](ErrorKind::AddressDenied) if no address of the host is allowed, or if the
    /// request goes through a proxy without [`allow_proxies`](Self::allow_proxies).
    ///
    /// # Platform
    /// Native only.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::{Network, is_private};
    /// use waterspout::proxy::Proxies;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// // Public addresses, and a service of the program's own.
    /// let service = "10.1.2.3:8080".parse().unwrap();
    /// let network = Network::new()
    ///     .proxies(Proxies::none())
    ///     .allow(move |address| address == service || !is_private(address.ip()))
    ///     .allow(|address| matches!(address.port(), 80 | 443 | 8080));
    /// let client = Client::builder().network(network).build()?;
    /// let error = futures::executor::block_on(async { client.get("http://10.9.9.9/").await }).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::AddressDenied);
    /// assert!(error.to_string().contains("10.9.9.9:80"));
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn allow(mut self, allows: impl Fn(SocketAddr) -> bool + Send + Sync + 'static) -> Self {
        self.filter.rules.push(AddressRule::Allow(Arc::new(allows)));
        self
    }

    /// Adds a rule to the address filter that denies each address that [`is_private`](super::is_private), such as
    /// loopback, private networks, link-local addresses and the metadata services of clouds. Default: no rule.
    ///
    /// It protects against server-side request forgery (SSRF): a stranger's URL, name or redirect that leads a server
    /// to its own network.
    ///
    /// # Errors
    /// A connect fails with [`AddressDenied`](ErrorKind::AddressDenied) if no address of the host is public, or if the
    /// request goes through a proxy without [`allow_proxies`](Self::allow_proxies).
    ///
    /// # Platform
    /// Native only.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let network = Network::new().proxies(Proxies::none()).deny_private();
    /// let client = Client::builder().network(network).build()?;
    /// for url in ["http://169.254.169.254/latest/meta-data/", "http://localhost/", "http://0x7f000001/"] {
    ///     let error = futures::executor::block_on(async { client.get(url).await }).unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::AddressDenied, "{url}");
    /// }
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn deny_private(mut self) -> Self {
        self.filter.rules.push(AddressRule::DenyPrivate);
        self
    }

    /// Allows requests through proxies although the network has an address filter. Default: such a request fails.
    ///
    /// The proxy connects to the target, so its own rules protect the target. The filter still checks what it can:
    ///
    /// - the target, if the URL names an address or `localhost`;
    /// - the target of a `socks4` or `socks5` proxy, whose name is looked up here;
    /// - an origin that is reached without a proxy.
    ///
    /// Names that a proxy looks up (`http`, `https`, `socks4a`, `socks5h`) are not checked. The address of the
    /// proxy itself is not checked either: the program or the environment names it, and it often is in a private network.
    ///
    /// # Errors
    /// Without this call, and with a filter, a request through a proxy fails with
    /// [`AddressDenied`](ErrorKind::AddressDenied), wherever the proxy was set. To connect directly in an environment
    /// that names a proxy, set [`Proxies::none`](crate::agent::proxy::Proxies::none).
    ///
    /// # Platform
    /// Native only.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let filtering_proxy = Proxies::all("http://egress.internal:4750")?;
    /// let network = Network::new().proxies(filtering_proxy).deny_private().allow_proxies();
    /// let client = Client::builder().network(network).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn allow_proxies(mut self) -> Self {
        self.filter.allows_proxies = true;
        self
    }
}

impl AddressFilter {
    /// Removes the denied addresses of `host`.
    ///
    /// # Errors
    /// [`AddressDenied`](ErrorKind::AddressDenied) if addresses were denied and none is left.
    pub(super) fn retain(&self, host: &str, addresses: &mut Vec<SocketAddr>) -> Result<()> {
        if self.rules.is_empty() {
            return Ok(());
        }
        let mut denied = Vec::new();
        addresses.retain(|address| {
            // The system connects to the IPv4 address within a mapped address, so that is the address to judge.
            let address = SocketAddr::new(address.ip().to_canonical(), address.port());
            let refusal = self.rules.iter().find_map(|rule| rule.refusal(address));
            let is_allowed = refusal.is_none();
            denied.extend(refusal.map(|reason| format!("{address} is denied by {reason}")));
            is_allowed
        });
        if denied.is_empty() || !addresses.is_empty() {
            return Ok(());
        }
        let more = denied.len().saturating_sub(MAX_NAMED);
        denied.truncate(MAX_NAMED);
        if more > 0 {
            denied.push(format!("and {more} more"));
        }
        Err(address_denied(format!(
            "{host:?} has no address that the network may connect to: {}; if it is meant to be reached, change the \
             address filter of the network",
            denied.join(", ")
        )))
    }

    /// Checks whether requests for `origin` may go through `proxy`.
    ///
    /// # Errors
    /// [`AddressDenied`](ErrorKind::AddressDenied) if there are rules and proxies are not allowed.
    pub(super) fn check_proxy(&self, proxy: &Proxy, origin: &Origin) -> Result<()> {
        if self.rules.is_empty() || self.allows_proxies {
            return Ok(());
        }
        Err(address_denied(format!(
            "the proxy {proxy} would connect to {:?}, and the address filter of the network cannot see its address; \
             call `Network::allow_proxies` if the proxy itself protects private addresses, or set `Proxies::none` to \
             connect directly",
            origin.host()
        )))
    }

    /// Checks a host that a proxy looks up, as far as its addresses are known without a look-up.
    ///
    /// # Errors
    /// The errors of [`retain`](Self::retain).
    pub(super) fn check_without_look_up(&self, origin: &Origin) -> Result<()> {
        let host = unbracketed(origin.host());
        let known = dns::addresses_without_look_up(host, origin.port());
        known.map_or(Ok(()), |mut addresses| self.retain(host, &mut addresses))
    }
}

impl AddressRule {
    /// Returns the setting that denies `address`, and its reason, or `None` if the rule allows it.
    fn refusal(&self, address: SocketAddr) -> Option<String> {
        match self {
            Self::DenyPrivate => {
                let range = private_range(address.ip())?;
                Some(format!("`Network::deny_private` ({}, {})", range.name, range.source))
            }
            Self::Allow(allows) => (!allows(address)).then(|| "`Network::allow`".to_owned()),
        }
    }
}

fn address_denied(message: String) -> Error {
    Error::new(ErrorKind::AddressDenied, Phase::Connect, message)
}

impl fmt::Debug for AddressFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.rules.iter().map(|rule| match rule {
            AddressRule::DenyPrivate => "deny_private",
            AddressRule::Allow(_) => "allow",
        });
        f.debug_list().entries(names).entries(self.allows_proxies.then_some("allow_proxies")).finish()
    }
}
