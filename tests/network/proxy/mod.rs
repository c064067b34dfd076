//! The native client through HTTP and SOCKS proxies, and its errors for proxies that refuse, send garbage or stay
//! silent.

mod choosing;
mod connect_steps;
mod environment;
mod failures;
mod forwarding;
mod headers;
#[cfg(feature = "http2")]
mod http2;
mod socks4;

use std::sync::OnceLock;

use async_io::block_on;
use futures::FutureExt;
use futures_rustls::TlsAcceptor;
use waterspout::platform::native::{HostMap, Network, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{Handler, Reply, Server, handler};
use waterspout::{Client, Error, ErrorKind, Phase, Response, Result};

use crate::support::tls::{Authority, TlsServer, acceptor, trusting};

/// The Basic credentials of `user:pa ss`.
const BASIC: &str = "dXNlcjpwYSBzcw==";

/// The line of the user agent in `CONNECT`.
const AGENT: &str = concat!("user-agent: waterspout/", env!("CARGO_PKG_VERSION"), "\r\n");

/// Answers with the method, the target and the headers of the request.
fn echo() -> impl Handler {
    handler(|request| {
        let headers: Vec<_> =
            request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let text = format!("{} {}\n{}", request.method(), request.target(), headers.join("\n"));
        async move { Reply::text(text) }.boxed()
    })
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// The authority of the proxies' certificates.
fn proxies_authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

fn proxy_acceptor() -> TlsAcceptor {
    acceptor(proxies_authority().issue(&["127.0.0.1"], |_| {}), None)
}

/// Starts an echoing `https` server for `origin.test` and returns its port.
fn secured_origin() -> u16 {
    TlsServer::start(acceptor(authority().issue(&["origin.test"], |_| {}), None), echo()).address.port()
}

/// A network that resolves `origin.test` and trusts both authorities.
fn network(proxies: Proxies) -> Network {
    let resolver = HostMap::new(SystemResolver).host("origin.test", [127, 0, 0, 1]);
    let network = Network::new().resolver(resolver).proxies(proxies);
    network.tls(trusting(authority())).proxy_tls(trusting(proxies_authority()))
}

fn client(proxy: &str) -> Client {
    client_of(network(Proxies::all(proxy).unwrap()))
}

fn client_of(network: Network) -> Client {
    Client::builder().backend(network.agent()).build().unwrap()
}

fn get(client: &Client, url: &str) -> Result<Response> {
    block_on(async { client.get(url).header("authorization", "for-the-origin").await })
}

fn text(client: &Client, url: &str) -> String {
    block_on(get(client, url).unwrap().text()).unwrap()
}

/// Fetches `url`, which must fail at the proxy. The error names the proxy and contains `words` but no credentials.
fn refused(client: &Client, url: &str, words: &str) -> Error {
    let error = get(client, url).unwrap_err();
    let shown = format!("{} {error:?}", error.report());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{shown}");
    assert!(error.is_network() && error.is_connect());
    assert!(shown.contains("the proxy ") && shown.contains(words), "{shown}");
    assert!(!shown.contains("pa ss") && !shown.contains(BASIC) && !shown.contains("pa%20ss"), "{shown}");
    error
}

fn port_of(server: &Server) -> u16 {
    server.address().port()
}
