//! Errors of the connect limit on the way through proxies and in TLS handshakes: they name the step and its target.

use std::net::SocketAddr;
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use futures::future::{Either, select};
use waterspout::platform::native::{HostMap, Network, SystemResolver, TcpClient, TlsConfig};
use waterspout::proxy::Proxies;
use waterspout::testing::ManualTimer;
use waterspout::{Client, ConnectStep, Error, ErrorKind, Phase};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::silent::{SilentAddress, SilentServer};

use super::{authority, proxies_authority, proxy_acceptor, trusting};

const LIMIT: Duration = Duration::from_secs(20);

fn network(timer: &ManualTimer, proxy: Option<&str>) -> Network {
    let resolver = HostMap::new(SystemResolver).host("origin.test", [127, 0, 0, 1]);
    let proxies = proxy.map_or_else(Proxies::none, |proxy| Proxies::all(proxy).unwrap());
    let network = Network::new().timer(timer.clone()).resolver(resolver).proxies(proxies);
    network.tls(trusting(authority())).proxy_tls(trusting(proxies_authority()))
}

/// Fetches `url` until `server` has fallen silent, and then lets the limit pass. Returns the error.
fn timed_out(timer: &ManualTimer, proxy: Option<&str>, url: &str, server: SilentServer) -> Error {
    let network = network(timer, proxy);
    let client = Client::builder().backend(network.agent()).timer(timer.clone()).build().unwrap();
    let request = client.get(url).connect_timeout(LIMIT).send().boxed();
    let Either::Right((Ok(()), request)) = block_on(select(request, server.is_silent)) else { panic!("it ends early") };
    timer.advance(LIMIT);
    request.now_or_never().expect("the limit has passed").unwrap_err()
}

fn check(error: &Error, step: ConnectStep, expected: &str) {
    let text = error.to_string();
    assert_eq!((error.kind(), error.phase(), error.connect_step()), (ErrorKind::Timeout, Phase::Connect, Some(step)));
    assert!(text.starts_with(&format!("{expected} timed out (limit `connect`: 20s)")), "{text}");
    assert!(!format!("{text} {error:?}").contains("secret"), "{text}");
}

#[test]
fn error_names_the_server_that_does_not_answer_the_tls_handshake() {
    let (server, timer) = (SilentServer::start(&[]), ManualTimer::new());
    let address = server.address;
    let url = format!("https://origin.test:{}/", address.port());
    let error = timed_out(&timer, None, &url, server);
    let expected = format!("the TLS handshake with origin.test:{} at {address}", address.port());
    check(&error, ConnectStep::Tls, &expected);
}

#[test]
fn error_names_the_proxy_that_does_not_open_a_tunnel() {
    let timer = ManualTimer::new();
    // The host that each proxy is asked for, and the replies that it still sends.
    let cases: [(&str, &str, &[&[u8]]); 8] = [
        ("http", "origin.test", &[]),
        ("socks4", "127.0.0.1", &[]),
        ("socks4a", "origin.test", &[]),
        ("socks5", "127.0.0.1", &[]),
        ("socks5h", "origin.test", &[]),
        ("socks5h", "origin.test", &[b"\x05\x00"]),
        ("socks5h", "origin.test", &[b"\x05\x02"]),
        ("socks5h", "origin.test", &[b"\x05\x02", b"\x01\x00"]),
    ];
    for (scheme, host, replies) in cases {
        let server = SilentServer::start(replies);
        let address = server.address;
        let userinfo = if scheme.starts_with("socks4") { "user" } else { "user:secret" };
        let proxy = format!("{scheme}://{userinfo}@{address}");
        let error = timed_out(&timer, Some(&proxy), "https://origin.test:9/", server);
        let expected = format!("the tunnel to {host}:9 through the proxy {scheme}://{address} at {address}");
        check(&error, ConnectStep::Proxy, &expected);
    }
}

#[test]
fn error_names_the_proxy_that_does_not_answer_the_tls_handshake() {
    let (server, timer) = (SilentServer::start(&[]), ManualTimer::new());
    let address = server.address;
    let error = timed_out(&timer, Some(&format!("https://user:secret@{address}")), "http://origin.test/", server);
    check(&error, ConnectStep::Tls, &format!("the TLS handshake with the proxy https://{address} at {address}"));
}

#[test]
fn error_names_the_server_behind_a_proxy_that_does_not_answer_the_tls_handshake() {
    for tls in [None, Some(proxy_acceptor())] {
        let (server, timer) = (SilentServer::start(&[]), ManualTimer::new());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(ProxyBehaviour { tls, ..ProxyBehaviour::default() });
        let target = format!("origin.test:{}", server.address.port());
        let through = format!("{scheme}://{}", proxy.address);
        let error = timed_out(&timer, Some(&through), &format!("https://{target}/"), server);
        let expected = format!("the TLS handshake with {target} through the proxy {through}");
        check(&error, ConnectStep::Tls, &expected);
    }
}

/// Fetches `url` through a proxy that nothing can be sent to, and lets the limit pass.
fn unreachable(network: Network, timer: &ManualTimer, url: &str) -> Error {
    let client = Client::builder().backend(network.agent()).timer(timer.clone()).build().unwrap();
    let mut request = client.get(url).connect_timeout(LIMIT).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(LIMIT);
    request.now_or_never().expect("the limit has passed").unwrap_err()
}

#[test]
fn error_names_the_proxy_that_cannot_be_reached_or_looked_up() {
    let (silent, timer) = (SilentAddress::new(), ManualTimer::new());
    for scheme in ["http", "https", "socks4a", "socks5h"] {
        let address: SocketAddr = silent.address;
        let hosts = HostMap::new(SystemResolver).host_and_port("proxy.test", 3128, address);
        let proxy = format!("{scheme}://proxy.test:3128");
        let network = || network(&timer, Some(&proxy));
        let error = unreachable(network().resolver(hosts), &timer, "http://origin.test/");
        check(&error, ConnectStep::Connect, &format!("the connection to the proxy {proxy} at {address}"));
        let error = unreachable(network().resolver(NeverAnswers), &timer, "http://origin.test/");
        check(&error, ConnectStep::Dns, &format!("the look-up of the address of the proxy {proxy}"));
    }
    // These proxies accept addresses only, so the client looks the server up itself.
    for scheme in ["socks4", "socks5"] {
        let network = network(&timer, Some(&format!("{scheme}://127.0.0.1:9"))).resolver(NeverAnswers);
        let error = unreachable(network, &timer, "http://origin.test/");
        check(&error, ConnectStep::Dns, "the look-up of the address of origin.test:80");
    }
}

struct NeverAnswers;

impl waterspout::platform::native::Resolver for NeverAnswers {
    fn resolve(&self, _: &str, _: u16) -> waterspout::BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        std::future::pending().boxed()
    }
}

#[test]
fn tcp_client_names_the_host_of_a_tls_handshake_without_an_answer() {
    let (server, timer) = (SilentServer::start(&[]), ManualTimer::new());
    let address = server.address;
    let client = TcpClient::new().timer(timer.clone()).timeout(LIMIT);
    let config = TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true);
    let connecting = client.connect_tls("127.0.0.1", address.port(), &config).boxed();
    let Either::Right((Ok(()), connecting)) = block_on(select(connecting, server.is_silent)) else {
        panic!("it ends early")
    };
    timer.advance(LIMIT);
    let error = connecting.now_or_never().expect("the limit has passed").err().unwrap();
    check(&error, ConnectStep::Tls, &format!("the TLS handshake with {address} at {address}"));
}
