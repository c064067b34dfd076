//! The native connector: TCP for `http` origins, TLS over it for `https` ones, both through proxies where there are any.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dns::{CachingResolver, Resolver, SystemResolver};
use super::executor::BackgroundThread;
use super::proxied;
use super::tcp::{AddressFamily, TcpClient};
use super::timer::SystemTimer;
use super::tls::{self, TlsConfig};
use crate::agent::proxy::Proxies;
use crate::agent::{Agent, Route};
use crate::error::Result;
use crate::message::url::{Origin, Scheme};
use crate::runtime::{BoxFuture, Timer};
use crate::transport::{Connector, Transport};

/// Connects to origins over the network, directly or through proxies: the native default.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::platform::native::{AddressFamily, Network};
///
/// let network = Network::new().address_family(AddressFamily::V4).local_address([127, 0, 0, 1]);
/// let client = Client::builder().backend(network.agent()).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone)]
pub struct Network {
    pub(super) tcp: TcpClient,
    pub(super) timer: Arc<dyn Timer>,
    /// The same that `tcp` has, for proxies that are told addresses.
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) family: AddressFamily,
    proxies: Proxies,
    pub(super) tls: TlsConfig,
    pub(super) tls_to_proxies: TlsConfig,
    /// What takes the place of `tls_to_proxies`.
    pub(super) own_tls_to_proxies: Option<TlsConfig>,
}

impl Network {
    /// The defaults: the system's resolver with a memory of 60 s, all addresses, the proxies that the environment names
    /// at this moment, the system's roots of trust.
    pub fn new() -> Self {
        let tls = TlsConfig::default();
        let network = Self {
            tcp: TcpClient::new(),
            timer: Arc::new(SystemTimer),
            resolver: Arc::new(SystemResolver),
            family: AddressFamily::Any,
            proxies: Proxies::from_env(),
            tls_to_proxies: tls.clone(),
            own_tls_to_proxies: None,
            tls,
        };
        network.resolver(CachingResolver::new(SystemResolver))
    }

    /// Sets the clock of the race between addresses, of the connect limit and of the pool.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + Clone) -> Self {
        self.tcp = self.tcp.timer(timer.clone());
        self.timer = Arc::new(timer);
        self
    }

    /// Sets who looks hosts up.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        let resolver: Arc<dyn Resolver> = Arc::new(resolver);
        self.tcp = self.tcp.resolver(resolver.clone());
        self.resolver = resolver;
        self
    }

    /// Sets how long an address may take before the next one is tried as well. Default: 250 ms.
    #[must_use]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.tcp = self.tcp.attempt_delay(delay);
        self
    }

    /// Sets which addresses to connect to. Default: all.
    #[must_use]
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.tcp = self.tcp.address_family(family);
        self.family = family;
        self
    }

    /// Sets the address of this machine to connect from; only addresses of its family are then tried.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.tcp = self.tcp.local_address(address);
        self
    }

    /// Sets which origins are reached through which proxies. Default: what [`Proxies::from_env`] found when this value
    /// was made; [`Proxies::none`] is none.
    ///
    /// Resolver, addresses and local address are then those of the connection to the proxy, and the limit for connecting
    /// covers the proxy's part too. Requests for `http` origins are forwarded by an `http` or `https` proxy, and a status
    /// 407 of its own is the response; a proxy that refuses a tunnel is an error of the kind
    /// [`Proxy`](crate::ErrorKind::Proxy). A `proxy-authorization` header of a request's own is a header like any other: it
    /// goes to a proxy that forwards, and through a tunnel to the server.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let proxies = Proxies::all("http://user:password@proxy.example:3128")?.no_proxy("localhost,.corp.example")?;
    /// let client = Client::builder().backend(Network::new().proxies(proxies).agent()).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// These connections as a setting, for requests that are to go another way than their client's others.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let direct = Network::new().proxies(Proxies::none()).via();
    /// let request = Client::new().get("http://example.com/").extension(direct.clone());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn via(self) -> Route {
        Route::new(self)
    }

    /// A backend over these connections.
    pub fn agent(self) -> Agent {
        let timer = self.timer.clone();
        Agent::new(self, timer).with_executor(BackgroundThread)
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Network");
        debug.field("tcp", &self.tcp).field("proxies", &self.proxies).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Connector for Network {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if origin.scheme() == Scheme::Https {
                self.tls.check()?;
            }
            if let Some(proxy) = self.proxies.for_origin(origin)? {
                return proxied::connect(self, &proxy, origin).await;
            }
            let stream = self.tcp.open(origin.host(), origin.port()).await?;
            match origin.scheme() {
                Scheme::Http => Ok(Box::new(stream) as Box<dyn Transport>),
                Scheme::Https => tls::start(stream, origin.host(), &self.tls, &*self.timer).await,
            }
        })
    }
}
