//! The setters of the client's builder that exist natively: the network, the cookie store, and the settings of the
//! network that programs use every day.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::network::Network;
use crate::agent::CookieStore;
use crate::agent::proxy::{Proxies, Proxy};
use crate::client::Builder;
use crate::error::Error;

/// The settings of the native network.
///
/// Each changes the client's own agent, in any order: the settings apply to the [network](Self::network) whether they
/// are made before it or after it. [`build`](Self::build) fails with
/// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if a setting is not valid, or if [`backend`](Self::backend)
/// sets another backend, which would not use them.
impl Builder {
    /// Sets the network that connects to origins. Default: [`Network::new`].
    ///
    /// A later call replaces it. Its clock is the client's, unless [`Network::timer`] has set another.
    ///
    /// # Errors
    /// On building: [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if [`backend`](Self::backend) is set too.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::platform::native::{AddressFamily, Network};
    ///
    /// let client = Client::builder().network(Network::new().address_family(AddressFamily::V4)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn network(self, network: Network) -> Self {
        self.with_backend_settings(|settings| settings.set_network(network))
    }

    /// Sets the store for cookies, for example a `cookies::CookieJar` (feature `cookies`). Default: none. A later call
    /// replaces it.
    ///
    /// The requests of the client send the cookies of the store, and the store receives the cookies of each response,
    /// redirects included; see [`Agent::with_cookies`](crate::Agent::with_cookies). The extension
    /// [`Cookies`](crate::agent::Cookies) sets another store for a single request.
    ///
    /// # Errors
    /// On building: [`InvalidRequest`](crate::ErrorKind::InvalidRequest) if [`backend`](Self::backend) is set too.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "cookies")] {
    /// use waterspout::Client;
    /// use waterspout::cookies::CookieJar;
    /// use waterspout::testing::{Reply, Server, handler};
    ///
    /// let reply = || Reply::text("hello").with_header("set-cookie", "sid=42");
    /// let server = Server::start(handler(move |_| Box::pin(async move { reply() })))?;
    /// let jar = CookieJar::new();
    /// let client = Client::builder().cookies(jar.clone()).build()?;
    /// let url = server.url("/");
    /// futures::executor::block_on(async { client.get(url.as_str()).await?.text().await })?;
    /// assert_eq!(jar.get(&url.parse()?, "sid").as_deref(), Some("42"));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cookies(self, store: impl CookieStore) -> Self {
        self.with_backend_settings(|settings| settings.set_cookies(Arc::new(store)))
    }

    /// Sets the same proxy for every origin. Default: the proxies that the environment names, see
    /// [`Proxies::from_env`].
    ///
    /// A later call of `proxy` or [`proxies`](Self::proxies) replaces it. It replaces the proxies of the
    /// [network](Self::network) as well.
    ///
    /// # Errors
    /// On building: the errors of [`Proxy::parse`].
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::{Client, ErrorKind};
    ///
    /// let client = Client::builder().proxy("http://user:password@proxy.example:3128").build()?;
    /// let error = Client::builder().proxy("ftp://proxy.example").build().unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::UnsupportedScheme);
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn proxy(self, proxy: impl TryInto<Proxy, Error: Into<Error>>) -> Self {
        let proxies = Proxies::all(proxy);
        self.with_backend_settings(|settings| settings.change("proxy", |network| Ok(network.proxies(proxies?))))
    }

    /// Sets the proxies, by origin, as [`Network::proxies`] does. [`Proxies::none`] connects directly.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::proxy::Proxies;
    ///
    /// let client = Client::builder().proxies(Proxies::none()).build()?;
    /// let proxies = Proxies::all("socks5h://proxy.example")?.no_proxy("localhost,.corp.example")?;
    /// let client = Client::builder().proxies(proxies).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn proxies(self, proxies: Proxies) -> Self {
        self.with_backend_settings(|settings| settings.change("proxies", |network| Ok(network.proxies(proxies))))
    }

    /// Connects to `address` for every port of `host`, in place of a name lookup. The `host` header and the server name
    /// of TLS keep the host of the URL.
    ///
    /// Another call for the same host adds an address, as [`HostMap`](super::HostMap) describes. Other hosts are looked
    /// up by the resolver of the [network](Self::network).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().resolve("api.example", [127, 0, 0, 1]).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn resolve(self, host: impl Into<String>, address: impl Into<IpAddr>) -> Self {
        let host = host.into();
        let address = address.into();
        self.with_backend_settings(|settings| settings.add_host("resolve", move |map| map.host(&host, address)))
    }

    /// Connects to `address` for a single port of `host`. It takes precedence over [`resolve`](Self::resolve).
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    /// use waterspout::proxy::Proxies;
    /// use waterspout::testing::{Reply, Server, handler};
    ///
    /// let server = Server::start(handler(|request| Box::pin(async move { Reply::text(request.host().to_owned()) })))?;
    /// let client = Client::builder()
    ///     .resolve_port("api.example", 80, server.address())
    ///     .proxies(Proxies::none())
    ///     .build()?;
    /// let text = futures::executor::block_on(async { client.get("http://api.example/").await?.text().await })?;
    /// assert_eq!(text, "api.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resolve_port(self, host: impl Into<String>, port: u16, address: impl Into<SocketAddr>) -> Self {
        let host = host.into();
        let address = address.into();
        let entry = move |map: super::HostMap| map.host_and_port(&host, port, address);
        self.with_backend_settings(|settings| settings.add_host("resolve_port", entry))
    }

    /// Sets the address of this machine to connect from, as [`Network::local_address`] does. Default: the system
    /// chooses.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().local_address([127, 0, 0, 1]).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn local_address(self, address: impl Into<IpAddr>) -> Self {
        let address = address.into();
        let change = move |network: Network| Ok(network.local_address(address));
        self.with_backend_settings(|settings| settings.change("local_address", change))
    }

    /// Sets the silence after which the system probes whether the peer is still there, as [`Network::tcp_keepalive`]
    /// does. Default: 60 s. Zero sends no probes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use waterspout::Client;
    ///
    /// let client = Client::builder().tcp_keepalive(Duration::from_secs(30)).build()?;
    /// # Ok::<(), waterspout::Error>(())
    /// ```
    pub fn tcp_keepalive(self, silence: Duration) -> Self {
        let change = move |network: Network| Ok(network.tcp_keepalive(silence));
        self.with_backend_settings(|settings| settings.change("tcp_keepalive", change))
    }
}
