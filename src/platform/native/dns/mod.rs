//! Name look-up: by the operating system, by a map of the program's own, and from a cache.

mod cache;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

pub use self::cache::CachingResolver;
use super::fork;
use crate::runtime::BoxFuture;

/// Looks up the addresses of hosts.
///
/// # Examples
///
/// ```
/// use std::io;
/// use std::net::SocketAddr;
/// use waterspout::BoxFuture;
/// use waterspout::platform::native::{Network, Resolver};
///
/// /// Finds every host on this machine.
/// struct Loopback;
///
/// impl Resolver for Loopback {
///     fn resolve(&self, _host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
///         Box::pin(async move { Ok(vec![([127, 0, 0, 1], port).into()]) })
///     }
/// }
///
/// let network = Network::new().resolver(Loopback);
/// ```
pub trait Resolver: Send + Sync + 'static {
    /// Returns the addresses of `host` with `port`, the preferred address first. An IPv6 literal has no brackets here.
    ///
    /// # Errors
    /// If the look-up fails. An empty list is no error here: the caller refuses it.
    ///
    /// # Cancellation
    /// Dropping the future discards the answer.
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

    /// Forgets what is cached for `host` and `port`. Does nothing by default.
    ///
    /// The native connector calls it when no address of the host accepted a connection. A connect
    /// that a limit or its caller ended before counts too: asking again costs a single look-up, and addresses that do
    /// not answer are noticed in no other way. A resolver that wraps another resolver passes the call on.
    fn forget(&self, host: &str, port: u16) {
        let _ = (host, port);
    }
}

impl<R: Resolver + ?Sized> Resolver for Arc<R> {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        (**self).resolve(host, port)
    }

    fn forget(&self, host: &str, port: u16) {
        (**self).forget(host, port);
    }
}

/// Makes the resolver forget a host when it is dropped, unless a connection was made before.
pub(super) struct ForgetUnlessConnected<'a> {
    resolver: &'a dyn Resolver,
    host: &'a str,
    port: u16,
    is_kept: bool,
}

impl<'a> ForgetUnlessConnected<'a> {
    pub(super) fn new(resolver: &'a dyn Resolver, host: &'a str, port: u16) -> Self {
        Self { resolver, host, port, is_kept: false }
    }

    /// Keeps the cached addresses: an address accepted a connection, or the failure says nothing about them.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

// On drop and not after the last failure, because a limit ends a connect by dropping it.
impl Drop for ForgetUnlessConnected<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.resolver.forget(self.host, self.port);
        }
    }
}

/// Asks the operating system, on a thread for blocking work.
///
/// `localhost` and every name below it are the loopback addresses, IPv6 first, and the system is not asked (RFC 6761,
/// section 6.3, and the Fetch standard). Case and a dot at the end do not matter.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        // An address needs no look-up, and no thread.
        if let Ok(address) = host.parse::<IpAddr>() {
            return Box::pin(async move { Ok(vec![SocketAddr::new(address, port)]) });
        }
        // Never asked of the system: its answer may come from a name server, which could name any machine.
        if is_localhost(host) {
            return Box::pin(async move { Ok(LOOPBACK.map(|address| SocketAddr::new(address, port)).to_vec()) });
        }
        // A forked child has no thread that could look the name up.
        if let Err(forked) = fork::check() {
            return Box::pin(async move { Err(forked.into()) });
        }
        let host = host.to_owned();
        // `getaddrinfo` blocks, and there is no portable form of it that does not.
        Box::pin(blocking::unblock(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)))
    }
}

/// The addresses of `localhost`, in the order of the Fetch standard.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];

/// Returns whether `host` is `localhost` or a name below it.
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last_label = name.rsplit('.').next().unwrap_or(name);
    last_label.eq_ignore_ascii_case("localhost")
}

/// Answers for some hosts itself, and asks another resolver for all other hosts.
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::{HostMap, Resolver, SystemResolver};
///
/// let resolver = HostMap::new(SystemResolver)
///     .host("api.example", [127, 0, 0, 1])
///     .host_and_port("api.example", 443, ([127, 0, 0, 1], 8443));
/// let addresses = futures::executor::block_on(resolver.resolve("api.example", 443))?;
/// assert_eq!(addresses, [([127, 0, 0, 1], 8443).into()]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct HostMap {
    hosts: HashMap<String, IpAddr>,
    ports: HashMap<(String, u16), SocketAddr>,
    /// Asked for hosts that are not in the map.
    fallback: Box<dyn Resolver>,
}

impl HostMap {
    /// Makes an empty map, which asks `fallback` for every host.
    pub fn new(fallback: impl Resolver) -> Self {
        Self { hosts: HashMap::new(), ports: HashMap::new(), fallback: Box::new(fallback) }
    }

    /// Maps every port of `host` to the same port of `address`.
    #[must_use]
    pub fn host(mut self, host: &str, address: impl Into<IpAddr>) -> Self {
        self.hosts.insert(host.to_ascii_lowercase(), address.into());
        self
    }

    /// Maps a single port of `host` to `address`. It takes precedence over [`host`](Self::host).
    #[must_use]
    pub fn host_and_port(mut self, host: &str, port: u16, address: impl Into<SocketAddr>) -> Self {
        self.ports.insert((host.to_ascii_lowercase(), port), address.into());
        self
    }

    /// Returns the address in the map.
    fn get(&self, host: &str, port: u16) -> Option<SocketAddr> {
        // Host names are compared without regard to case (RFC 4343).
        let host = host.to_ascii_lowercase();
        let by_host = self.hosts.get(&host).map(|address| SocketAddr::new(*address, port));
        self.ports.get(&(host, port)).copied().or(by_host)
    }
}

impl Resolver for HostMap {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        match self.get(host, port) {
            Some(address) => Box::pin(async move { Ok(vec![address]) }),
            None => self.fallback.resolve(host, port),
        }
    }

    fn forget(&self, host: &str, port: u16) {
        if self.get(host, port).is_none() {
            self.fallback.forget(host, port);
        }
    }
}

impl fmt::Debug for HostMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostMap").field("hosts", &self.hosts).field("ports", &self.ports).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::*;

    #[test]
    fn host_map_prefers_the_port_then_the_host_then_the_fallback() {
        let map = HostMap::new(SystemResolver).host("A.example", [10, 0, 0, 1]).host_and_port(
            "a.example",
            443,
            ([10, 0, 0, 2], 8443),
        );
        let look_up = |host: &str, port| block_on(map.resolve(host, port)).unwrap();
        assert_eq!(look_up("a.EXAMPLE", 443), [([10, 0, 0, 2], 8443).into()]);
        assert_eq!(look_up("a.example", 80), [([10, 0, 0, 1], 80).into()]);
        assert_eq!(look_up("127.0.0.1", 80), [([127, 0, 0, 1], 80).into()]);
    }

    #[test]
    fn localhost_is_the_last_label_of_its_names() {
        for host in
            ["localhost", "LOCALHOST", "localhost.", "a.localhost", "a.b.LocalHost.", "a..localhost", ".localhost"]
        {
            assert!(is_localhost(host), "{host}");
        }
        for host in
            ["", ".", "localhost..", "notlocalhost", "local", "localhost.example", "a.localhost.b", "localhost.0"]
        {
            assert!(!is_localhost(host), "{host}");
        }
    }
}
