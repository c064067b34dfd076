//! The native client through proxies of every kind, and what it makes of those that refuse, babble or fall silent.

mod choosing;
mod environment;
mod failures;
mod forwarding;

use std::sync::OnceLock;

use async_io::block_on;
use futures::FutureExt;
use futures_rustls::TlsAcceptor;
use waterspout::platform::native::{HostMap, Network, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{Handler, Reply, Server, handler};
use waterspout::{Client, Error, ErrorKind, Phase, Response, Result};

use crate::support::tls::{Authority, TlsServer, acceptor, trusting};

/// `user:pa ss` in Basic.
const BASIC: &str = "dXNlcjpwYSBzcw==";

/// Says all that it was told.
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

/// Proxies have certificates of another authority.
fn proxies_authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

fn proxy_acceptor() -> TlsAcceptor {
    acceptor(proxies_authority().issue(&["127.0.0.1"], |_| {}), None)
}

/// An `https` server for `origin.test` that echoes; its port.
fn secured_origin() -> u16 {
    TlsServer::start(acceptor(authority().issue(&["origin.test"], |_| {}), None), echo()).address.port()
}

/// A network that knows `origin.test` and both authorities.
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

/// The error of a request that went wrong at the proxy: it names the proxy and tells no secret.
fn refused(client: &Client, url: &str, words: &str) -> Error {
    let error = get(client, url).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{shown}");
    assert!(error.is_network() && error.is_connect());
    assert!(shown.contains("the proxy ") && shown.contains(words), "{shown}");
    assert!(!shown.contains("pa ss") && !shown.contains(BASIC) && !shown.contains("pa%20ss"), "{shown}");
    error
}

fn port_of(server: &Server) -> u16 {
    server.address().port()
}
