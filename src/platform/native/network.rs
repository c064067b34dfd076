//! The native connector: TCP for `http` origins, TLS over it for `https` ones.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::dns::Resolver;
use super::executor::BackgroundThread;
use super::tcp::{AddressFamily, TcpClient};
use super::timer::SystemTimer;
use super::tls::{self, TlsConfig};
use crate::agent::Agent;
use crate::error::Result;
use crate::future::BoxFuture;
use crate::runtime::Timer;
use crate::transport::{Connector, Transport};
use crate::url::{Origin, Scheme};

/// Connects to origins over the network: the native default.
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
    tcp: TcpClient,
    timer: Arc<dyn Timer>,
    pub(super) tls: TlsConfig,
}

impl Network {
    /// The defaults: the system's resolver with a memory of 60 s, all addresses, the system's roots of trust.
    pub fn new() -> Self {
        Self { tcp: TcpClient::new(), timer: Arc::new(SystemTimer), tls: TlsConfig::default() }
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
        self.tcp = self.tcp.resolver(resolver);
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
        self
    }

    /// Sets the address of this machine to connect from; only addresses of its family are then tried.
    #[must_use]
    pub fn local_address(mut self, address: impl Into<IpAddr>) -> Self {
        self.tcp = self.tcp.local_address(address);
        self
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
        f.debug_struct("Network").field("tcp", &self.tcp).field("tls", &self.tls).finish_non_exhaustive()
    }
}

impl Connector for Network {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            if origin.scheme() == Scheme::Https {
                self.tls.check()?;
            }
            let stream = self.tcp.open(origin.host(), origin.port()).await?;
            match origin.scheme() {
                Scheme::Http => Ok(Box::new(stream) as Box<dyn Transport>),
                Scheme::Https => tls::start(stream, origin.host(), &self.tls, &*self.timer).await,
            }
        })
    }
}
