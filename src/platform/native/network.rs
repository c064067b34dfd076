//! The native connector: TCP for `http` origins, TLS over TCP for `https` origins, directly or through proxies.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::address_filter::AddressFilter;
use super::dns::{CachingResolver, Resolver, SystemResolver};
use super::executor::BackgroundThread;
use super::http_versions::HttpVersions;
use super::proxy_connect;
use super::socket::SocketTransport;
use super::tcp::{AddressFamily, TcpClient, authority, trace_step};
use super::timer::SystemTimer;
use super::tls::{self, TlsConfig};
use crate::agent::proxy::Proxies;
use crate::agent::{Agent, Route};
use crate::error::{ConnectStep, Result};
use crate::message::url::{Origin, Scheme};
use crate::runtime::{BoxFuture, Executor, Timer};
use crate::transport::{ConnectTrace, Connector, Transport};

/// Connects to origins over the network, directly or through proxies. It is the connector of the native default
/// backend.
///
/// # Examples
///
/// ```
/// use waterspout::Client;
/// use waterspout::platform::native::{AddressFamily, Network};
///
/// let network = Network::new().address_family(AddressFamily::V4).local_address([127, 0, 0, 1]);
/// let client = Client::builder().network(network).build()?;
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Versions of HTTP
///
/// | Setting | `https` | `http` |
/// |---|---|---|
/// | default | offers `h2` and `http/1.1` | HTTP/1.1 |
/// | [`http1_only`](Self::http1_only) | offers `http/1.1` | HTTP/1.1 |
/// | `http2_prior_knowledge` | offers `h2` and `http/1.1` | HTTP/2 at once |
/// | `http2_only` | offers `h2`; without it the connect fails | HTTP/2 at once |
///
/// The last call of these settings counts. They exist with the feature `http2`, except `http1_only`. The offer is made
/// by ALPN (RFC 7301), also through the tunnel of a proxy; `TlsConfig::alpn_protocols` replaces it. A proxy itself gets
/// HTTP/1.1. Requests with a [`Route`] have the settings of the route's network.
#[derive(Clone)]
pub struct Network {
    pub(super) tcp: TcpClient,
    pub(super) timer: Arc<dyn Timer>,
    /// The runtime that the program has chosen, if it has chosen a runtime with a clock and an executor of its own.
    pub(super) runtime: Option<ChosenRuntime>,
    /// Whether the program has set the timer. Otherwise the network of a client has the client's timer.
    pub(super) has_own_timer: bool,
    /// The resolver of `tcp`, for proxies that connect to addresses and not to names.
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) family: AddressFamily,
    proxies: Proxies,
    pub(super) filter: AddressFilter,
    pub(super) versions: HttpVersions,
    pub(super) tls: TlsConfig,
    /// The configuration of `tls` without the client certificate, which is for servers and not for proxies.
    pub(super) tls_to_proxies: TlsConfig,
    /// Set by [`proxy_tls`](Self::proxy_tls), and used instead of `tls_to_proxies`.
    pub(super) own_tls_to_proxies: Option<TlsConfig>,
}

impl Network {
    /// Makes a connector with the defaults: the system's resolver with a cache of 60 s, all addresses, the proxies that
    /// the environment names at this moment, and the root certificates of the system.
    ///
    /// The environment's proxies are the default because behind a proxy nothing else works, as in curl.
    pub fn new() -> Self {
        let tls = TlsConfig::default();
        let network = Self {
            tcp: TcpClient::new(),
            timer: Arc::new(SystemTimer),
            runtime: None,
            has_own_timer: false,
            resolver: Arc::new(SystemResolver),
            family: AddressFamily::Any,
            proxies: Proxies::from_env(),
            filter: AddressFilter::default(),
            versions: HttpVersions::default(),
            tls_to_proxies: tls.clone(),
            own_tls_to_proxies: None,
            tls,
        };
        network.resolver(CachingResolver::new(SystemResolver))
    }

    /// Sets the clock of the race between addresses, of the connect limit and of the pool. Default: the system's
    /// monotonic clock, and for the network of a client's builder the client's clock.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::Network;
    /// use waterspout::testing::ManualTimer;
    ///
    /// let timer = ManualTimer::new();
    /// let agent = Network::new().timer(timer.clone()).agent();
    /// ```
    #[must_use]
    pub fn timer(mut self, timer: impl Timer + Clone) -> Self {
        self.tcp = self.tcp.timer(timer.clone());
        self.timer = Arc::new(timer);
        self.has_own_timer = true;
        self
    }

    /// Sets the resolver that looks hosts up. Default: the system's resolver with a cache of 60 s.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::{HostMap, Network, SystemResolver};
    /// use waterspout::testing::{Reply, Server, handler};
    ///
    /// let server = Server::start(handler(|_| Box::pin(async { Reply::text("hello") })))?;
    /// let hosts = HostMap::new(SystemResolver).host_and_port("api.example", 80, server.address());
    /// let client = Client::builder().network(Network::new().resolver(hosts)).build()?;
    /// let text = futures::executor::block_on(async { client.get("http://api.example/").await?.text().await })?;
    /// assert_eq!(text, "hello");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        let resolver: Arc<dyn Resolver> = Arc::new(resolver);
        self.tcp = self.tcp.resolver(resolver.clone());
        self.resolver = resolver;
        self
    }

    /// Sets how long an attempt may take before the next address is tried as well (RFC 8305). Default: 250 ms.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::platform::native::Network;
    ///
    /// let network = Network::new().attempt_delay(Duration::from_millis(100));
    /// ```
    #[must_use]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.tcp = self.tcp.attempt_delay(delay);
        self
    }

    /// Sets the family of the addresses to connect to. Default: both.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::{AddressFamily, Network};
    ///
    /// let network = Network::new().address_family(AddressFamily::V4);
    /// let client = Client::builder().network(network).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.tcp = self.tcp.address_family(family);
        self.family = family;
        self
    }

    /// Sets the address of this machine to connect from. Only addresses of the same family are tried then. Default: the
    /// system chooses.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.tcp = self.tcp.local_address(address);
        self
    }

    /// Sets the silence after which the system probes whether the peer is still there (TCP keepalive). Default: 60 s.
    /// Zero sends no probes.
    ///
    /// The system counts whole seconds, at least 1 s and at most 32,767 s. How often it repeats a probe without an
    /// answer is a setting of the system. A connection whose probes stay without an answer fails, also while a response
    /// is awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    ///
    /// let network = Network::new().tcp_keepalive(Duration::from_secs(30));
    /// let client = Client::builder().network(network).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    ///
    /// # Platform
    /// A system that refuses the setting connects without probes.
    #[must_use]
    pub fn tcp_keepalive(mut self, silence: Duration) -> Self {
        self.tcp = self.tcp.tcp_keepalive(silence);
        self
    }

    /// Sets the proxies, by origin. Default: the result of [`Proxies::from_env`] when this value was made. Use
    /// [`Proxies::none`] to connect directly.
    ///
    /// The resolver, the address family and the local address then apply to the connection to the proxy, and the
    /// connect limit also covers the proxy's part. An `http` or `https` proxy forwards requests for `http` origins, and
    /// a status 407 of such a proxy is the response. A proxy that refuses a tunnel is an error of the kind
    /// [`Proxy`](crate::ErrorKind::Proxy). A `proxy-authorization` header that a request has set is sent like any other
    /// header: to a proxy that forwards, and through a tunnel to the server.
    ///
    /// Beside an [address filter](Self::deny_private) a proxy is refused, unless [`allow_proxies`](Self::allow_proxies)
    /// allows it.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let proxies = Proxies::all("http://user:password@proxy.example:3128")?.no_proxy("localhost,.corp.example")?;
    /// let client = Client::builder().network(Network::new().proxies(proxies)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    #[must_use]
    pub fn proxies(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Returns this connector as a [`Route`]: an extension for requests that connect in another way than the client's
    /// other requests.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::Network;
    /// use waterspout::proxy::Proxies;
    ///
    /// let direct = Network::new().proxies(Proxies::none()).route();
    /// let request = Client::new().get("http://example.com/").extension(direct.clone());
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn route(self) -> Route {
        Route::new(self)
    }

    /// Makes an agent, which is a backend, over this connector. Idle connections are closed on the background thread,
    /// or on the runtime that the program has chosen.
    pub fn agent(self) -> Agent {
        let timer = self.timer.clone();
        let runtime = self.runtime.clone().unwrap_or_else(ChosenRuntime::own);
        // The executor closes idle connections on time, and finishes connects that lost a race.
        Agent::new(self, timer).with_executor(runtime.executor)
    }
}

/// The clock and the executor of a client or an agent.
#[derive(Clone)]
pub(in crate::platform) struct ChosenRuntime {
    pub(in crate::platform) timer: Arc<dyn Timer>,
    pub(in crate::platform) executor: Arc<dyn Executor>,
}

impl ChosenRuntime {
    /// Returns the system's timer and the background thread.
    pub(in crate::platform) fn own() -> Self {
        Self { timer: Arc::new(SystemTimer), executor: Arc::new(BackgroundThread) }
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
        debug.field("tcp", &self.tcp).field("proxies", &self.proxies).field("filter", &self.filter);
        debug.field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Network {
    /// Starts TLS on a connection to the origin. Boxed, because a plain connect does not hold the space of it.
    fn start_tls<'a>(
        &'a self,
        stream: SocketTransport,
        origin: &'a Origin,
        trace: &'a ConnectTrace,
        target: &'a str,
    ) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        trace_step(trace, ConnectStep::Tls, target, &stream);
        Box::pin(tls::start(stream, origin.host(), &self.tls, Some(self.versions), &*self.timer))
    }
}

impl Connector for Network {
    fn may_speak_http2(&self, origin: &Origin) -> bool {
        match origin.scheme() {
            // The choice of a proxy may be a function of the program, which is called for connections alone.
            Scheme::Http => self.versions.prior_knowledge,
            Scheme::Https => self.versions.http2 && self.tls.offers_http2(),
        }
    }

    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let trace = ConnectTrace::new();
            // The limit of this connect is not known here, so a dropped connect counts as a connect at its limit.
            trace.set_timed_out();
            self.connect_traced(origin, &trace).await
        })
    }

    fn connect_traced<'a>(
        &'a self,
        origin: &'a Origin,
        trace: &'a ConnectTrace,
    ) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if origin.scheme() == Scheme::Https {
                // Checked before the connect, so that a build without TLS sends nothing.
                self.tls.check()?;
            }
            // An invalid proxy variable fails the requests it is for: they must not go past the proxy.
            if let Some(proxy) = self.proxies.for_origin(origin)? {
                // Boxed, as the TLS handshake: a plain connect without a proxy does not hold the space of either.
                return Box::pin(proxy_connect::connect(self, &proxy, origin, trace)).await;
            }
            let target = authority(origin.host(), origin.port());
            let open = || self.tcp.open_filtered(&self.filter, origin.host(), origin.port(), trace, &target);
            let mut stream = open().await?;
            match origin.scheme() {
                Scheme::Http => {
                    stream.connection_info.version = Some(self.versions.without_tls());
                    Ok(Box::new(stream) as Box<dyn Transport>)
                }
                Scheme::Https => {
                    let outcome = self.start_tls(stream, origin, trace, &target).await;
                    if !outcome.as_ref().is_err_and(tls::is_interrupted) {
                        return outcome;
                    }
                    // When a server ends or reads its configuration again, it may close connections that it has
                    // accepted and not served yet, as nginx does. Nothing of a request was sent on such a connection.
                    self.start_tls(open().await?, origin, trace, &target).await
                }
            }
        })
    }
}
