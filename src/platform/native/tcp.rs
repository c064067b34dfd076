//! Connections over TCP.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::address_filter::AddressFilter;
use super::async_io_socket::AsyncIoReactor;
use super::dial::dial;
use super::dns::{CachingResolver, ForgetUnlessConnected, Resolver, SystemResolver};
use super::fork;
use super::happy_eyeballs::{self, DEFAULT_DELAY};
use super::reactor::Reactor;
use super::socket::SocketTransport;
use super::tcp_keepalive::{self, DEFAULT_KEEPALIVE};
use super::time_limit::with_limit;
use super::timer::SystemTimer;
use crate::error::{ConnectStep, Error, ErrorKind, Phase, Result};
use crate::runtime::Timer;
use crate::tornado::io_stream::IoStream;
use crate::transport::{ConnectTrace, Transport};

/// The family of the addresses to connect to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// Both families, in a race.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

impl AddressFamily {
    fn contains(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

/// Opens TCP connections: looks the host up and races its addresses (RFC 8305).
///
/// # Examples
///
/// ```
/// use waterspout::platform::native::TcpClient;
/// use waterspout::testing::{Reply, Server, handler};
///
/// let server = Server::start(handler(|_| Box::pin(async { Reply::raw("+OK ready\r\n") })))?;
/// let line = futures::executor::block_on(async {
///     let stream = TcpClient::new().connect("127.0.0.1", server.address().port()).await?;
///     stream.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await?;
///     stream.read_until("\r\n", 512).await
/// })?;
/// assert_eq!(line, "+OK ready\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TcpClient {
    resolver: Arc<dyn Resolver>,
    pub(super) reactor: &'static dyn Reactor,
    pub(super) timer: Arc<dyn Timer>,
    delay: Duration,
    family: AddressFamily,
    local: Option<IpAddr>,
    local_port: Option<u16>,
    keepalive: Duration,
    timeout: Option<Duration>,
}

impl TcpClient {
    /// Makes a client that asks the operating system for addresses and caches them for 60 s.
    pub fn new() -> Self {
        Self {
            resolver: Arc::new(CachingResolver::new(SystemResolver)),
            reactor: &AsyncIoReactor,
            timer: Arc::new(SystemTimer),
            delay: DEFAULT_DELAY,
            family: AddressFamily::Any,
            local: None,
            local_port: None,
            keepalive: DEFAULT_KEEPALIVE,
            timeout: None,
        }
    }

    /// Sets the resolver that looks hosts up. Default: the system's resolver with a cache of 60 s.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Sets the clock of the race between addresses and of the [limit](Self::timeout). Default: the system's monotonic
    /// clock.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// Sets how long an attempt may take before the next address is tried as well (RFC 8305). Default: 250 ms.
    #[must_use]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets the family of the addresses to connect to. Default: both.
    #[must_use]
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.family = family;
        self
    }

    /// Sets the address of this machine to connect from. Only addresses of the same family are tried then. Default: the
    /// system chooses.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.local = Some(address.into());
        self
    }

    /// Sets the port of this machine to connect from; zero means any port. Without a [local
    /// address](Self::local_address) the port is bound on every interface: bound to loopback, as Tornado has it, it
    /// could reach no other machine.
    ///
    /// Only a single attempt can hold the port, so the addresses of a host are then tried in turn and not in a race.
    /// The system may keep the port in use for minutes after a connection.
    #[must_use]
    pub fn local_port(mut self, port: u16) -> Self {
        self.local_port = (port != 0).then_some(port);
        self
    }

    /// Sets the silence after which the system probes whether the peer is still there (TCP keepalive). Default: 60 s.
    /// Zero sends no probes.
    ///
    /// The system counts whole seconds, at least 1 s and at most 32,767 s. How often it repeats a probe without an
    /// answer is a setting of the system. A connection whose probes stay without an answer fails, also while a response
    /// is awaited.
    ///
    /// # Platform
    /// A system that refuses the setting connects without probes.
    #[must_use]
    pub fn tcp_keepalive(mut self, silence: Duration) -> Self {
        self.keepalive = silence;
        self
    }

    /// Sets how long [`connect`](Self::connect) may take in total: look-up, every attempt and the TLS handshake. Zero
    /// means no limit, which is the default. A [`Network`](super::Network) does not use it, because a client has its
    /// own connect limit.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Connects to `host`, a name or an address. An IPv6 address may be in brackets.
    ///
    /// # Errors
    /// [`Dns`](ErrorKind::Dns) if there is no address to try, [`Connect`](ErrorKind::Connect) if no address accepts a
    /// connection, [`Timeout`](ErrorKind::Timeout) at the [limit](Self::timeout), and
    /// [`Unsupported`](ErrorKind::Unsupported) in a child that was forked after the first use of the library. The error
    /// of the limit names the host.
    ///
    /// # Cancellation
    /// Dropping the future drops the look-up and every attempt.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use waterspout::platform::native::TcpClient;
    ///
    /// # async fn run() -> waterspout::Result<()> {
    /// let stream = TcpClient::new().timeout(Duration::from_secs(5)).connect("whois.example", 43).await?;
    /// stream.write("example\r\n").await?;
    /// let answer = stream.read_until_close().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(&self, host: &str, port: u16) -> Result<IoStream> {
        let (trace, target) = (ConnectTrace::new(), authority(host, port));
        let opening = self.open_unfiltered(host, port, &trace, &target);
        Ok(IoStream::new(self.with_limit(&trace, &target, opening).await?))
    }

    /// Returns a stream that [connects](Self::connect) when it is first used. Bytes that are written before are queued.
    pub fn connecting(&self, host: &str, port: u16) -> IoStream {
        let client = self.clone();
        let host = host.to_owned();
        IoStream::connecting(async move {
            let (trace, target) = (ConnectTrace::new(), authority(&host, port));
            let opening = client.open_unfiltered(&host, port, &trace, &target);
            let transport = client.with_limit(&trace, &target, opening).await?;
            Ok(Box::new(transport) as Box<dyn Transport>)
        })
    }

    /// Runs `future` within the limit of this client.
    pub(super) async fn with_limit<T>(
        &self,
        trace: &ConnectTrace,
        target: &str,
        future: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        with_limit(&*self.timer, self.timeout, trace, target, future).await
    }

    /// Connects to any address, also if a filter of the network denies it, without a limit. Records the steps as steps
    /// towards `target`.
    pub(super) async fn open_unfiltered(
        &self,
        host: &str,
        port: u16,
        trace: &ConnectTrace,
        target: &str,
    ) -> Result<SocketTransport> {
        self.open_filtered(&AddressFilter::default(), host, port, trace, target).await
    }

    /// Connects as [`open_unfiltered`](Self::open_unfiltered), to an address that `filter` allows.
    pub(super) async fn open_filtered(
        &self,
        filter: &AddressFilter,
        host: &str,
        port: u16,
        trace: &ConnectTrace,
        target: &str,
    ) -> Result<SocketTransport> {
        // Before the look-up: in a forked child neither the look-up nor the connect would ever end.
        fork::check()?;
        self.reactor.check()?;
        let started = self.timer.now();
        let host = unbracketed(host);
        // Look-up and connect are timed apart: both appear in the connection's facts.
        trace.enter(ConnectStep::Dns, target);
        let mut addresses = self.addresses(host, port).await?;
        // Between the look-up and the connect, so that the connect uses the checked addresses and no others.
        filter.retain(host, &mut addresses)?;
        let looked_up = self.timer.now();
        trace.enter(ConnectStep::Connect, target);
        let dial = |address| {
            trace.add_address(address);
            dial(self.reactor, address, self.local_for(address))
        };
        // Two sockets cannot be bound to the same port, so the attempts must not overlap.
        let delay = if self.local_port.is_some() { Duration::MAX } else { self.delay };
        // The host may have moved, so addresses that all failed are not used for the next connection.
        let cached = ForgetUnlessConnected::new(&*self.resolver, host, port, trace);
        let mut transport = match happy_eyeballs::race(addresses, delay, &*self.timer, dial).await {
            Ok(transport) => transport,
            Err(failures) => {
                cached.forget();
                return Err(unreachable(failures));
            }
        };
        cached.keep();
        if let Ok(socket) = transport.socket() {
            tcp_keepalive::enable(&socket, self.keepalive);
        }
        transport.connection_info.dns = Some(looked_up.since(started));
        transport.connection_info.connect = Some(self.timer.now().since(looked_up));
        Ok(transport)
    }

    /// Returns the local address to bind before connecting to `address`, if it was set.
    fn local_for(&self, address: SocketAddr) -> Option<SocketAddr> {
        let any = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let is_set = self.local.is_some() || self.local_port.is_some();
        is_set.then(|| SocketAddr::new(self.local.unwrap_or(any), self.local_port.unwrap_or_default()))
    }

    /// Returns the addresses to try; never an empty list.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let failed = |reason: &str| Error::new(ErrorKind::Dns, Phase::Connect, format!("{reason} of {host:?}"));
        let found = self.resolver.resolve(host, port).await;
        let mut addresses = found.map_err(|error| failed("could not look up the address").with_source(error))?;
        if addresses.is_empty() {
            return Err(failed("the look-up returned no address"));
        }
        addresses.retain(|address| self.family.contains(address));
        // A socket that is bound to an address of a family cannot connect to the other family.
        addresses.retain(|address| self.local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()));
        if addresses.is_empty() {
            Err(failed("the look-up returned no address in the requested family"))
        } else {
            Ok(addresses)
        }
    }
}

impl Default for TcpClient {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TcpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpClient")
            .field("family", &self.family)
            .field("local", &self.local)
            .field("local_port", &self.local_port)
            .finish_non_exhaustive()
    }
}

/// Records the beginning of a step on an open connection.
pub(super) fn trace_step(trace: &ConnectTrace, step: ConnectStep, target: &str, stream: &dyn Transport) {
    trace.enter(step, target);
    if let Some(address) = stream.connection_info().remote_address {
        trace.add_address(address);
    }
}

/// Returns a host and its port as a text. An IPv6 address has brackets in it.
pub(super) fn authority(host: &str, port: u16) -> String {
    match unbracketed(host) {
        bare if bare.contains(':') => format!("[{bare}]:{port}"),
        bare => format!("{bare}:{port}"),
    }
}

/// Removes the brackets that a URL puts around an IPv6 address.
pub(super) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Returns an error that names the addresses that were tried. Its source is the failure of the last attempt.
fn unreachable(mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let tried: Vec<_> = failures.iter().map(|(address, _)| address.to_string()).collect();
    let error = Error::new(ErrorKind::Connect, Phase::Connect, format!("could not connect to {}", tried.join(", ")));
    match failures.pop() {
        Some((_, cause)) => error.with_source(cause),
        None => error,
    }
}
