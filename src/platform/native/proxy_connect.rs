//! Connections through proxies: first to the proxy, over TLS for an `https` proxy, and from there to the origin.

use std::error::Error as _;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{AsyncRead, AsyncWrite};
use http::Version;

use super::dns::ForgetUnlessConnected;
use super::http_versions::HttpVersions;
use super::network::Network;
use super::tcp::{AddressFamily, authority, trace_step, unbracketed};
use super::tls;
use crate::agent::proxy::{Proxy, ProxyScheme, SocksReply};
use crate::error::{ConnectStep, Error, ErrorKind, Phase, Result};
use crate::message::connection_info::ConnectionInfo;
use crate::message::url::{Origin, Scheme};
use crate::transport::{ConnectTrace, Forwarding, Transport};

/// Connects to `origin` through `proxy`. The proxy itself is always reached directly.
///
/// # Errors
/// Every failure on the way to the proxy, or at the proxy, has the kind [`Proxy`](ErrorKind::Proxy) and its cause as
/// the source, so a wrong certificate of the proxy is not mistaken for that of the server.
pub(super) async fn connect(
    network: &Network,
    proxy: &Proxy,
    origin: &Origin,
    trace: &ConnectTrace,
) -> Result<Box<dyn Transport>> {
    network.filter.check_proxy(proxy, origin)?;
    let started = network.timer.now();
    let mut proxied = match proxy.scheme() {
        // A forwarding proxy gets the request itself, so no tunnel is opened.
        _ if proxy.forwards(origin) => {
            check_forwarding(network, proxy, origin)?;
            network.filter.check_without_look_up(origin)?;
            let stream = to_proxy(network, proxy, trace).await?;
            ProxiedTransport { forwarding: Some(proxy.forwarding()), ..ProxiedTransport::over(stream) }
        }
        // With `socks4` and `socks5` the client looks the name up; with the other schemes the proxy does.
        ProxyScheme::Socks4 | ProxyScheme::Socks5 => over_addresses(network, proxy, origin, trace).await?,
        _ => {
            network.filter.check_without_look_up(origin)?;
            tunnel(network, proxy, (origin.host(), origin.port()), trace).await?
        }
    };
    // Everything up to here counts as connecting to the origin. TLS facts are about the origin, not about the proxy.
    let since = network.timer.now().since(started);
    proxied.connection_info.connect = Some(since.saturating_sub(proxied.connection_info.dns.unwrap_or(Duration::ZERO)));
    proxied.connection_info.tls = None;
    proxied.connection_info.tls_info = None;
    proxied.connection_info.version = None;
    match origin.scheme() {
        Scheme::Http => {
            if proxied.forwarding.is_none() {
                proxied.connection_info.version = Some(network.versions.without_tls());
            }
            Ok(Box::new(proxied))
        }
        Scheme::Https => {
            trace.enter(ConnectStep::Tls, through(proxy, origin.host(), origin.port()));
            tls::start(proxied, origin.host(), &network.tls, Some(network.versions), &*network.timer).await
        }
    }
}

/// Refuses a network without HTTP/1.1: a proxy that forwards gets no other version.
fn check_forwarding(network: &Network, proxy: &Proxy, origin: &Origin) -> Result<()> {
    if network.versions.http1 {
        return Ok(());
    }
    let origin = authority(origin.host(), origin.port());
    let message = format!(
        "the proxy {proxy} forwards requests for http://{origin} in HTTP/1.1, and this network speaks HTTP/2 alone; \
         open a tunnel with `Proxy::tunnel_all`, or leave out `Network::http2_only`"
    );
    Err(Error::new(ErrorKind::Unsupported, Phase::Connect, message))
}

/// Names a host behind a proxy.
fn through(proxy: &Proxy, host: &str, port: u16) -> String {
    format!("{} through the proxy {proxy}", authority(host, port))
}

/// Connects to the proxy.
async fn to_proxy(network: &Network, proxy: &Proxy, trace: &ConnectTrace) -> Result<Box<dyn Transport>> {
    let unreachable = |error| failed(&format!("could not connect to the proxy {proxy}"), error);
    let is_secured = proxy.scheme() == ProxyScheme::Https;
    // The client certificate is for servers, so the default configuration for proxies has none.
    let config = network.own_tls_to_proxies.as_ref().unwrap_or(&network.tls_to_proxies);
    if is_secured {
        config.check()?;
    }
    let target = format!("the proxy {proxy}");
    // Without the address filter, which is for targets: a proxy often is in a private network.
    let opened = network.tcp.open_unfiltered(proxy.host(), proxy.port(), trace, &target).await;
    let stream = opened.map_err(unreachable)?;
    if !is_secured {
        return Ok(Box::new(stream));
    }
    trace_step(trace, ConnectStep::Tls, &target, &stream);
    let versions = Some(HttpVersions::HTTP1);
    let secured = tls::start(stream, proxy.host(), config, versions, &*network.timer).await;
    secured.map_err(|error| failed(&format!("could not secure the connection to the proxy {proxy}"), error))
}

async fn tunnel(
    network: &Network,
    proxy: &Proxy,
    (host, port): (&str, u16),
    trace: &ConnectTrace,
) -> Result<ProxiedTransport> {
    let mut stream = to_proxy(network, proxy, trace).await?;
    trace_step(trace, ConnectStep::Proxy, &through(proxy, host, port), &stream);
    proxy.tunnel(&mut stream, host, port).await?;
    Ok(ProxiedTransport::over(stream))
}

/// Looks the origin's name up here, and asks the proxy for each address in turn until a tunnel is open.
async fn over_addresses(
    network: &Network,
    proxy: &Proxy,
    origin: &Origin,
    trace: &ConnectTrace,
) -> Result<ProxiedTransport> {
    let host = unbracketed(origin.host());
    trace.enter(ConnectStep::Dns, authority(host, origin.port()));
    let mut addresses = addresses(network, host, origin.port()).await?;
    network.filter.retain(host, &mut addresses)?;
    if proxy.scheme() == ProxyScheme::Socks4 && addresses.iter().any(SocketAddr::is_ipv4) {
        // SOCKS 4 has no other addresses. Without an IPv4 address, the error of the first address says so.
        addresses.retain(SocketAddr::is_ipv4);
    }
    let mut addresses = addresses.into_iter();
    let mut failure =
        Error::new(ErrorKind::Dns, Phase::Connect, format!("the look-up of {host:?} returned no address"));
    let cached = ForgetUnlessConnected::new(&*network.resolver, host, origin.port(), trace);
    loop {
        let Some(address) = addresses.next() else {
            cached.forget();
            return Err(failure);
        };
        // A new connection for each address: a SOCKS proxy closes the connection after a refusal (RFC 1928, section 6).
        failure = match tunnel(network, proxy, (&address.ip().to_string(), address.port()), trace).await {
            Err(error) if concerns_address(&error) => error,
            outcome => {
                // The proxy reached an address, or it failed for a reason that says nothing about the addresses.
                cached.keep();
                return outcome;
            }
        };
    }
}

async fn addresses(network: &Network, host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = network.resolver.resolve(host, port).await;
    let mut addresses = found.map_err(|error| {
        let message = format!("could not look up the address of {host:?}");
        Error::new(ErrorKind::Dns, Phase::Connect, message).with_source(error)
    })?;
    // The proxy connects, so the local address does not limit the family here.
    addresses.retain(|address| match network.family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    });
    Ok(addresses)
}

/// Returns whether the proxy's refusal concerns the address, so that it may reach another address of the host.
fn concerns_address(error: &Error) -> bool {
    let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>());
    reply.is_some_and(|reply| reply.is_about_address())
}

fn failed(message: &str, error: Error) -> Error {
    Error::new(ErrorKind::Proxy, Phase::Connect, message.to_owned()).with_source(error)
}

/// A connection through a proxy, or to a proxy that forwards.
struct ProxiedTransport {
    stream: Box<dyn Transport>,
    connection_info: ConnectionInfo,
    forwarding: Option<Forwarding>,
}

impl ProxiedTransport {
    fn over(stream: Box<dyn Transport>) -> Self {
        Self { connection_info: stream.connection_info(), stream, forwarding: None }
    }
}

impl Transport for ProxiedTransport {
    fn is_idle(&mut self) -> bool {
        self.stream.is_idle()
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_unfit(cx)
    }

    fn shrink(&mut self) {
        self.stream.shrink();
    }

    fn version(&self) -> Version {
        self.connection_info.version.unwrap_or(Version::HTTP_11)
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info.clone()
    }

    fn forwarding(&self) -> Option<&Forwarding> {
        self.forwarding.as_ref()
    }
}

impl AsyncRead for ProxiedTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for ProxiedTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
