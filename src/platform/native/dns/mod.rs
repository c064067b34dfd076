//! Name look-up: by the operating system, by a map of the program's own, and from a cache.

mod cache;
mod host_map;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;

pub use self::cache::CachingResolver;
pub use self::host_map::HostMap;
use super::fork;
use crate::runtime::BoxFuture;
use crate::transport::ConnectTrace;

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
    /// The native connector calls it when no address of the host accepted a connection, also within the connect limit:
    /// addresses that do not answer are noticed in no other way, and asking again costs a single look-up. A connect that
    /// its caller or another limit ended earlier says nothing about the addresses. A resolver that wraps another resolver
    /// passes the call on.
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

/// Makes the resolver forget a host at the connect limit, unless a connection was made before.
pub(super) struct ForgetUnlessConnected<'a> {
    resolver: &'a dyn Resolver,
    host: &'a str,
    port: u16,
    trace: &'a ConnectTrace,
    is_kept: bool,
}

impl<'a> ForgetUnlessConnected<'a> {
    pub(super) fn new(resolver: &'a dyn Resolver, host: &'a str, port: u16, trace: &'a ConnectTrace) -> Self {
        Self { resolver, host, port, trace, is_kept: false }
    }

    /// Keeps the cached addresses: an address accepted a connection, or the failure says nothing about them.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }

    /// Forgets the host, because no address accepts a connection.
    pub(super) fn forget(mut self) {
        self.is_kept = true;
        self.resolver.forget(self.host, self.port);
    }
}

// On drop, because a limit ends a connect by dropping it. A connect that its caller gave up says nothing about the
// addresses.
impl Drop for ForgetUnlessConnected<'_> {
    fn drop(&mut self) {
        if !self.is_kept && self.trace.has_timed_out() {
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
        if let Some(addresses) = addresses_without_look_up(host, port) {
            return Box::pin(async move { Ok(addresses) });
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

/// Returns the addresses of a host that needs no look-up, and no thread: an address without brackets, `localhost`, and
/// each name below `localhost`.
pub(super) fn addresses_without_look_up(host: &str, port: u16) -> Option<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(vec![SocketAddr::new(address, port)]);
    }
    // Never asked of the system: its answer may come from a name server, which could name any machine.
    is_localhost(host).then(|| LOOPBACK.map(|address| SocketAddr::new(address, port)).to_vec())
}

/// The addresses of `localhost`, in the order of the Fetch standard.
const LOOPBACK: [IpAddr; 2] = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];

/// Returns whether `host` is `localhost` or a name below it.
fn is_localhost(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let last_label = name.rsplit('.').next().unwrap_or(name);
    last_label.eq_ignore_ascii_case("localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

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
