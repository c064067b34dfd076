//! Requests through SOCKS 4 proxies, with addresses and with names.

use std::error::Error as _;
use std::io;
use std::net::{IpAddr, SocketAddr};

use waterspout::platform::native::{AddressFamily, Resolver};
use waterspout::proxy::{Proxies, SocksReply};
use waterspout::testing::Server;
use waterspout::{BoxFuture, ErrorKind};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::{client, client_of, echo, get, network, port_of, refused, secured_origin, text};

/// A resolver that returns these addresses for every name, and an address as it is.
struct FixedAddresses(Vec<IpAddr>);

impl Resolver for FixedAddresses {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = host.parse().map_or_else(|_| self.0.clone(), |address| vec![address]);
        Box::pin(async move { Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()) })
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn socks4_sends_addresses_and_socks4a_sends_names() {
    let (http, https) = (Server::start(echo()).unwrap(), secured_origin());
    let proxy = TinyProxy::socks4(ProxyBehaviour { credentials: Some("us@er"), ..ProxyBehaviour::default() });
    for (scheme, host) in [("socks4", "127.0.0.1"), ("socks4a", "origin.test")] {
        let client = client(&format!("{scheme}://us%40er@{}", proxy.address));
        for url in [format!("http://origin.test:{}/a", port_of(&http)), format!("https://origin.test:{https}/a")] {
            let seen = text(&client, &url);
            assert!(seen.starts_with("GET /a\n") && !seen.contains("us@er"), "{seen}");
        }
        let asked = proxy.requests();
        assert_eq!(asked[asked.len() - 2..], [format!("{host} {}", port_of(&http)), format!("{host} {https}")]);
    }
}

#[test]
fn address_in_a_url_is_sent_as_an_address() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::socks4(ProxyBehaviour::default());
    for scheme in ["socks4", "socks4a"] {
        let client = client(&format!("{scheme}://{}", proxy.address));
        assert!(text(&client, &origin.url("/")).starts_with("GET /"));
        assert_eq!(proxy.requests().pop().unwrap(), format!("127.0.0.1 {}", port_of(&origin)));
    }
}

#[test]
fn wrong_user_and_failed_connect_have_different_errors() {
    let proxy = TinyProxy::socks4(ProxyBehaviour { credentials: Some("user"), ..ProxyBehaviour::default() });
    for scheme in ["socks4", "socks4a"] {
        for (userinfo, code, words) in [("other@", 0x5d, "reports another user"), ("user@", 0x5b, "could not connect")]
        {
            let client = client(&format!("{scheme}://{userinfo}{}", proxy.address));
            let error = refused(&client, "http://origin.test:1/", words);
            let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>());
            assert_eq!(reply.map(|reply| reply.code()), Some(code));
            assert!(!error.is_retryable());
        }
    }
}

#[test]
fn only_ipv4_addresses_are_tried_in_turn() {
    let origin = Server::start(echo()).unwrap();
    let unreachable = Some(address("127.0.0.9"));
    let proxy = TinyProxy::socks4(ProxyBehaviour { unreachable, ..ProxyBehaviour::default() });
    let proxies = || Proxies::all(format!("socks4://{}", proxy.address)).unwrap();
    let resolver = FixedAddresses(["::1", "127.0.0.9", "fd00::1", "127.0.0.1"].map(address).to_vec());
    let client = client_of(network(proxies()).resolver(resolver));
    let port = port_of(&origin);
    assert!(text(&client, &format!("http://origin.test:{port}/")).starts_with("GET /"));
    assert_eq!(proxy.requests(), [format!("127.0.0.9 {port}"), format!("127.0.0.1 {port}")]);
}

#[test]
fn host_without_an_ipv4_address_is_refused() {
    let proxy = TinyProxy::socks4(ProxyBehaviour::default());
    let proxies = |scheme: &str| Proxies::all(format!("{scheme}://{}", proxy.address)).unwrap();
    let v6 = || FixedAddresses(vec![address("::1")]);
    let client = client_of(network(proxies("socks4")).resolver(v6()));
    refused(&client, "http://origin.test:1/", "accepts IPv4 addresses only");
    for scheme in ["socks4", "socks4a"] {
        let client = client_of(network(proxies(scheme)));
        refused(&client, "http://[::1]:1/", "accepts IPv4 addresses only");
        refused(&client, "http://0.0.0.7:1/", "another meaning");
    }
    let none = client_of(network(proxies("socks4")).resolver(FixedAddresses(Vec::new())));
    assert_eq!(get(&none, "http://origin.test:1/").unwrap_err().kind(), ErrorKind::Dns);
    let only_v6 = network(proxies("socks4")).address_family(AddressFamily::V6);
    assert_eq!(get(&client_of(only_v6), "http://origin.test:1/").unwrap_err().kind(), ErrorKind::Dns);
    assert!(proxy.requests().is_empty());
}

#[test]
fn garbage_and_early_closes_are_errors() {
    for reply in [&b""[..], b"\0", b"\x00\x5a\0\0\0", b"\x05\xff", b"\x04\x5a\0\0\0\0\0\0", b"HTTP/1.1 400 Bad\r\n\r\n"]
    {
        let proxy = TinyProxy::socks4(ProxyBehaviour { reply: Some(reply), ..ProxyBehaviour::default() });
        let error = refused(&client(&format!("socks4a://{}", proxy.address)), "https://origin.test:9/", "");
        assert_eq!(error.is_retryable(), b"\x00\x5a\0\0\0".starts_with(reply), "{error}");
    }
}
