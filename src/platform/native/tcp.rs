//! Connections over TCP.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use async_io::Async;
use socket2::{Domain, Protocol, Socket, Type};

use super::dns::{CachingResolver, Resolver, SystemResolver};
use super::happy_eyeballs::{self, DEFAULT_DELAY};
use super::socket::TcpTransport;
use super::timer::SystemTimer;
use super::within::within;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::runtime::Timer;
use crate::tornado::io_stream::IoStream;
use crate::transport::Transport;

/// Which addresses to connect to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// Both, in a race.
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
#[derive(Clone)]
pub struct TcpClient {
    resolver: Arc<dyn Resolver>,
    pub(super) timer: Arc<dyn Timer>,
    delay: Duration,
    family: AddressFamily,
    local: Option<IpAddr>,
    local_port: Option<u16>,
    timeout: Option<Duration>,
}

impl TcpClient {
    /// A client that asks the operating system for addresses and remembers them for 60 s.
    pub fn new() -> Self {
        Self {
            resolver: Arc::new(CachingResolver::new(SystemResolver)),
            timer: Arc::new(SystemTimer),
            delay: DEFAULT_DELAY,
            family: AddressFamily::Any,
            local: None,
            local_port: None,
            timeout: None,
        }
    }

    /// Sets who looks hosts up.
    #[must_use]
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Arc::new(resolver);
        self
    }

    /// Sets the clock of the race between addresses.
    #[must_use]
    pub fn timer(mut self, timer: impl Timer) -> Self {
        self.timer = Arc::new(timer);
        self
    }

    /// Sets how long an address may take before the next one is tried as well. Default: 250 ms.
    #[must_use]
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sets which addresses to connect to. Default: all.
    #[must_use]
    pub fn address_family(mut self, family: AddressFamily) -> Self {
        self.family = family;
        self
    }

    /// Sets the address of this machine to connect from; only addresses of its family are then tried.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.local = Some(address.into());
        self
    }

    /// Sets the port of this machine to connect from; zero is any. Without a [local address](Self::local_address) it is
    /// taken on all of them. Only one attempt can have it, so a host's addresses are then tried one after the other, and
    /// the system may keep it for minutes after a connection.
    #[must_use]
    pub fn local_port(mut self, port: u16) -> Self {
        self.local_port = (port != 0).then_some(port);
        self
    }

    /// Sets how long [`connect`](Self::connect) may take in all: look-up, every attempt and the handshake of TLS. Zero is no
    /// limit, which is the default. A [`Network`](super::Network) does not use it: a client has a limit of its own.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Connects to `host`, a name or an address; an IPv6 address may be in brackets.
    ///
    /// # Errors
    /// [`Dns`](ErrorKind::Dns) if there is no address to try, [`Connect`](ErrorKind::Connect) if none can be connected to,
    /// [`Timeout`](ErrorKind::Timeout) at the limit.
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
        Ok(IoStream::new(self.within(self.open(host, port)).await?))
    }

    /// A stream that [connects](Self::connect) as soon as it is used; what is written meanwhile waits.
    pub fn connecting(&self, host: &str, port: u16) -> IoStream {
        let (client, host) = (self.clone(), host.to_owned());
        IoStream::connecting(async move {
            let transport = client.within(client.open(&host, port)).await?;
            Ok(Box::new(transport) as Box<dyn Transport>)
        })
    }

    /// Runs `future` within the limit.
    pub(super) async fn within<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        within(&*self.timer, self.timeout, future).await
    }

    /// Connects without a limit.
    pub(super) async fn open(&self, host: &str, port: u16) -> Result<TcpTransport> {
        let started = self.timer.now();
        let addresses = self.addresses(unbracketed(host), port).await?;
        let looked_up = self.timer.now();
        let dial = |address| dial(address, self.source(address));
        let delay = if self.local_port.is_some() { Duration::MAX } else { self.delay };
        let outcome = happy_eyeballs::race(addresses, delay, &*self.timer, dial).await;
        let mut transport = outcome.map_err(unreachable)?;
        transport.connection_info.dns = Some(looked_up.since(started));
        transport.connection_info.connect = Some(self.timer.now().since(looked_up));
        Ok(transport)
    }

    /// Where to connect to `address` from, if that was set.
    fn source(&self, address: SocketAddr) -> Option<SocketAddr> {
        let any = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let wanted = self.local.is_some() || self.local_port.is_some();
        wanted.then(|| SocketAddr::new(self.local.unwrap_or(any), self.local_port.unwrap_or_default()))
    }

    /// The addresses to try; never none.
    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
        let failed = |reason: &str| Error::new(ErrorKind::Dns, Phase::Connect, format!("{reason} of {host:?}"));
        let found = self.resolver.resolve(host, port).await;
        let mut addresses = found.map_err(|error| failed("could not look up the address").with_source(error))?;
        if addresses.is_empty() {
            return Err(failed("there is no address"));
        }
        addresses.retain(|address| self.family.contains(address));
        addresses.retain(|address| self.local.is_none_or(|local| local.is_ipv4() == address.is_ipv4()));
        if addresses.is_empty() { Err(failed("there is no address of the wanted family")) } else { Ok(addresses) }
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

/// The address within the brackets that a URL puts around an IPv6 address.
pub(super) fn unbracketed(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// Names the addresses that were tried; the cause is that of the last.
fn unreachable(mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let tried: Vec<_> = failures.iter().map(|(address, _)| address.to_string()).collect();
    let error = Error::new(ErrorKind::Connect, Phase::Connect, format!("could not connect to {}", tried.join(", ")));
    match failures.pop() {
        Some((_, cause)) => error.with_source(cause),
        None => error,
    }
}

async fn dial(address: SocketAddr, local: Option<SocketAddr>) -> io::Result<TcpTransport> {
    let stream = match local {
        None => Async::<TcpStream>::connect(address).await?,
        Some(local) => dial_from(local, address).await?,
    };
    // A request is written whole; waiting to see whether more comes only delays it.
    stream.get_ref().set_nodelay(true)?;
    Ok(TcpTransport::new(stream))
}

async fn dial_from(local: SocketAddr, address: SocketAddr) -> io::Result<Async<TcpStream>> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // All addresses of one family are not those of the other.
        socket.set_only_v6(true)?;
    }
    socket.bind(&local.into())?;
    socket.set_nonblocking(true)?;
    // It goes on in the background, which is told as an error.
    let started = socket.connect(&address.into());
    let stream = Async::new_nonblocking(TcpStream::from(socket))?;
    if started.is_err() {
        stream.writable().await?;
        if let Some(error) = stream.get_ref().take_error()? {
            return Err(error);
        }
        stream.get_ref().peer_addr().or_else(|_| started.map(|()| address))?;
    }
    Ok(stream)
}
