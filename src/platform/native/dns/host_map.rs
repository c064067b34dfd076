//! A map from hosts to addresses and other names, before another resolver.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::future::join_all;
use url::Host;

use super::Resolver;
use crate::platform::native::tcp::unbracketed;
use crate::runtime::BoxFuture;

/// Answers for some hosts itself, and asks another resolver for all other hosts: Tornado's `OverrideResolver`.
///
/// A host may have several addresses and other names. Another entry for the same host adds to the entries before, and
/// an equal entry changes nothing. The answer has the targets in the order in which they were added. Entries for a
/// single port take precedence over entries for every port.
///
/// Case and a dot at the end of a host do not matter, an IPv6 address may be in brackets, and an internationalized name
/// equals its ASCII form (`bücher.example` and `xn--bcher-kva.example`).
///
/// Only the address changes. The `host` header and the server name of TLS keep the host of the URL.
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::{HostMap, Resolver, SystemResolver};
///
/// let resolver = HostMap::new(SystemResolver)
///     .host("api.example", [127, 0, 0, 1])
///     .host("api.example", [127, 0, 0, 2])
///     .host_and_port("api.example", 443, ([127, 0, 0, 1], 8443))
///     .alias("www.example", "localhost");
/// let look_up = |host, port| futures::executor::block_on(resolver.resolve(host, port));
/// assert_eq!(look_up("api.example", 80)?, [([127, 0, 0, 1], 80).into(), ([127, 0, 0, 2], 80).into()]);
/// assert_eq!(look_up("api.example", 443)?, [([127, 0, 0, 1], 8443).into()]);
/// assert!(look_up("www.example", 80)?.iter().all(|address| address.ip().is_loopback()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HostMap {
    hosts: HashMap<String, Vec<HostTarget>>,
    ports: HashMap<(String, u16), Vec<HostTarget>>,
    /// Asked for hosts that are not in the map, and for the names in it. Shared with the look-ups under way.
    fallback: Arc<dyn Resolver>,
}

/// What a host is mapped to. Without a port, the port stays the same.
#[derive(Clone, Debug, PartialEq)]
enum HostTarget {
    Address(IpAddr, Option<u16>),
    Name(String, Option<u16>),
}

impl HostMap {
    /// Makes an empty map, which asks `fallback` for every host.
    pub fn new(fallback: impl Resolver) -> Self {
        Self { hosts: HashMap::new(), ports: HashMap::new(), fallback: Arc::new(fallback) }
    }

    /// Maps every port of `host` to the same port of `address`, beside the earlier entries of `host`.
    #[must_use]
    pub fn host(self, host: &str, address: impl Into<IpAddr>) -> Self {
        self.add_host(host, HostTarget::Address(address.into(), None))
    }

    /// Maps a single port of `host` to `address`, beside the earlier entries of this port. It takes precedence over
    /// [`host`](Self::host) and [`alias`](Self::alias).
    #[must_use]
    pub fn host_and_port(self, host: &str, port: u16, address: impl Into<SocketAddr>) -> Self {
        let address = address.into();
        self.add_port(host, port, HostTarget::Address(address.ip(), Some(address.port())))
    }

    /// Maps every port of `host` to the same port of the host `name`, beside the earlier entries of `host`.
    ///
    /// The other resolver looks `name` up, and the entries of this map do not apply to it. So names that are mapped to
    /// each other are exchanged and do not form a loop, as in Tornado.
    ///
    /// If `host` has several targets, the names that cannot be looked up are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::{HostMap, Resolver, SystemResolver};
    ///
    /// let resolver = HostMap::new(SystemResolver).alias("staging.example", "localhost");
    /// let addresses = futures::executor::block_on(resolver.resolve("staging.example", 80))?;
    /// assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn alias(self, host: &str, name: &str) -> Self {
        self.add_host(host, HostTarget::Name(unbracketed(name).to_owned(), None))
    }

    /// Maps a single port of `host` to `name_port` of the host `name`, beside the earlier entries of this port. It takes
    /// precedence over [`host`](Self::host) and [`alias`](Self::alias), and looks `name` up as `alias` does.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::{HostMap, Resolver, SystemResolver};
    ///
    /// let resolver = HostMap::new(SystemResolver).alias_and_port("login.example", 443, "localhost", 1443);
    /// let addresses = futures::executor::block_on(resolver.resolve("login.example", 443))?;
    /// assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 1443));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn alias_and_port(self, host: &str, port: u16, name: &str, name_port: u16) -> Self {
        self.add_port(host, port, HostTarget::Name(unbracketed(name).to_owned(), Some(name_port)))
    }

    fn add_host(mut self, host: &str, target: HostTarget) -> Self {
        add(self.hosts.entry(normalized(host)).or_default(), target);
        self
    }

    fn add_port(mut self, host: &str, port: u16, target: HostTarget) -> Self {
        add(self.ports.entry((normalized(host), port)).or_default(), target);
        self
    }

    /// Returns the targets of a host in the map.
    fn targets(&self, host: &str, port: u16) -> Option<&Vec<HostTarget>> {
        let key = (normalized(host), port);
        self.ports.get(&key).or_else(|| self.hosts.get(&key.0))
    }
}

/// Adds a target, unless it is there already: an address is not tried twice.
fn add(targets: &mut Vec<HostTarget>, target: HostTarget) {
    if !targets.contains(&target) {
        targets.push(target);
    }
}

/// Returns the form of a host in which equal hosts are equal texts.
fn normalized(host: &str) -> String {
    let host = unbracketed(host);
    // The dot says that the name is complete (RFC 1034, section 3.1), which every name in a URL is.
    let host = host.strip_suffix('.').unwrap_or(host);
    if let Ok(address) = host.parse::<IpAddr>() {
        return address.to_string();
    }
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name,
        Ok(address) => address.to_string(),
        // The other resolver decides about a name that the URL standard refuses.
        Err(_) => host.to_ascii_lowercase(),
    }
}

impl Resolver for HostMap {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let Some(targets) = self.targets(host, port) else { return self.fallback.resolve(host, port) };
        let targets = targets.clone();
        let fallback = self.fallback.clone();
        Box::pin(async move {
            // The names are looked up at the same time. `join_all` keeps the order of the targets.
            let answers = join_all(targets.into_iter().map(|target| target.resolve(&*fallback, port))).await;
            merge(answers)
        })
    }

    fn forget(&self, host: &str, port: u16) {
        let Some(targets) = self.targets(host, port) else { return self.fallback.forget(host, port) };
        for target in targets {
            if let HostTarget::Name(name, name_port) = target {
                self.fallback.forget(name, name_port.unwrap_or(port));
            }
        }
    }
}

impl HostTarget {
    fn resolve(self, fallback: &dyn Resolver, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        match self {
            Self::Address(address, own_port) => {
                let address = SocketAddr::new(address, own_port.unwrap_or(port));
                Box::pin(async move { Ok(vec![address]) })
            }
            Self::Name(name, own_port) => fallback.resolve(&name, own_port.unwrap_or(port)),
        }
    }
}

/// Joins the answers, each address once.
///
/// # Errors
/// The first error, if no answer has an address.
fn merge(answers: Vec<io::Result<Vec<SocketAddr>>>) -> io::Result<Vec<SocketAddr>> {
    let mut addresses = Vec::new();
    let mut failure = None;
    for answer in answers {
        match answer {
            Ok(found) => addresses.extend(found),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let mut seen = HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    match failure {
        Some(error) if addresses.is_empty() => Err(error),
        _ => Ok(addresses),
    }
}

impl fmt::Debug for HostMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMap").field("hosts", &self.hosts).field("ports", &self.ports).finish_non_exhaustive()
    }
}
