//! Requests that are forwarded, tunnelled or passed through SOCKS.

use std::error::Error as _;
use std::io;
use std::net::SocketAddr;

use waterspout::BoxFuture;
use waterspout::platform::native::Resolver;
use waterspout::proxy::{Proxies, Proxy, SocksReply};
use waterspout::testing::Server;

use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::tls::{TlsServer, acceptor};

use super::{
    AGENT, BASIC, authority, client, client_of, echo, get, network, port_of, proxy_acceptor, refused, secured_origin,
    text,
};

#[test]
fn http_request_is_forwarded_over_a_kept_proxy_connection() {
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some(BASIC), tls, ..ProxyBehaviour::default() });
        let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
        for _ in 0..2 {
            // The proxy resolves this name, the client does not.
            assert_eq!(text(&client, "http://nowhere.invalid:81/a?b#c"), "forwarded");
        }
        let asked = proxy.requests();
        assert_eq!(asked.len(), 2);
        for head in asked {
            assert!(head.starts_with("GET http://nowhere.invalid:81/a?b HTTP/1.1\r\nhost: nowhere.invalid:81\r\n"));
            assert!(head.contains("\r\nauthorization: for-the-origin\r\n"), "{head}");
            assert_eq!(head.matches("proxy-authorization").count(), 1, "{head}");
        }
    }
}

#[test]
fn https_requests_share_a_tunnel_and_hide_the_proxy_credentials() {
    let origin = secured_origin();
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some(BASIC), tls, ..ProxyBehaviour::default() });
        let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
        for _ in 0..2 {
            let seen = text(&client, &format!("https://origin.test:{origin}/a?b"));
            assert!(seen.starts_with("GET /a?b\n") && seen.contains("authorization: for-the-origin"), "{seen}");
            assert!(!seen.contains("proxy-authorization") && !seen.contains(BASIC), "{seen}");
        }
        let expected = format!(
            "CONNECT origin.test:{origin} HTTP/1.1\r\nhost: origin.test:{origin}\r\n\
             {AGENT}proxy-authorization: Basic {BASIC}\r\n\r\n"
        );
        // Both requests share a tunnel.
        assert_eq!(proxy.requests(), [expected]);
    }
}

#[test]
fn tunnel_all_also_tunnels_http_requests() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let through = Proxy::parse(&format!("http://user:pa%20ss@{}", proxy.address)).unwrap().tunnel_all(true);
    let client = client_of(network(Proxies::all(through).unwrap()));
    let seen = text(&client, &format!("http://origin.test:{}/a", port_of(&origin)));
    assert!(seen.starts_with("GET /a\n") && !seen.contains("proxy-authorization"), "{seen}");
    assert!(proxy.requests()[0].starts_with(&format!("CONNECT origin.test:{} ", port_of(&origin))));
}

#[test]
fn socks5_sends_addresses_and_socks5h_sends_names() {
    let (http, https) = (Server::start(echo()).unwrap(), secured_origin());
    for credentials in [None, Some("user:pa ss")] {
        let proxy = TinyProxy::socks(ProxyBehaviour { credentials, ..ProxyBehaviour::default() });
        for (scheme, host) in [("socks5", "127.0.0.1"), ("socks5h", "origin.test")] {
            let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
            let seen = text(&client, &format!("http://origin.test:{}/a", port_of(&http)));
            assert!(seen.starts_with("GET /a\n"), "{seen}");
            let seen = text(&client, &format!("https://origin.test:{https}/a"));
            assert!(seen.starts_with("GET /a\n"), "{seen}");
            let asked = proxy.requests();
            let last = &asked[asked.len() - 2..];
            assert_eq!(last, [format!("{host} {}", port_of(&http)), format!("{host} {https}")]);
        }
    }
}

#[test]
fn ipv6_address_is_sent_in_the_form_of_each_proxy_protocol() {
    let acceptor = acceptor(authority().issue(&["::1"], |_| {}), None);
    let port = TlsServer::start(acceptor, echo()).address.port();
    let (http, socks) = (TinyProxy::http(ProxyBehaviour::default()), TinyProxy::socks(ProxyBehaviour::default()));
    let url = format!("https://[::1]:{port}/");
    let proxies = [("http", http.address), ("socks5", socks.address), ("socks5h", socks.address)];
    for (scheme, address) in proxies {
        assert!(text(&client(&format!("{scheme}://{address}")), &url).starts_with("GET /"));
    }
    assert!(http.requests()[0].starts_with(&format!("CONNECT [::1]:{port} HTTP/1.1\r\nhost: [::1]:{port}\r\n")));
    assert_eq!(socks.requests(), [format!("::1 {port}"), format!("::1 {port}")]);
}

#[test]
fn response_reports_the_proxy_address_and_connect_timings() {
    let origin = secured_origin();
    let plain = TinyProxy::http(ProxyBehaviour::default());
    let secured = TinyProxy::http(ProxyBehaviour { tls: Some(proxy_acceptor()), ..ProxyBehaviour::default() });
    for (scheme, proxy) in [("http", &plain), ("https", &secured)] {
        let client = client(&format!("{scheme}://{}", proxy.address));
        for (url, has_tls) in
            [("http://origin.test/".to_owned(), false), (format!("https://origin.test:{origin}/"), true)]
        {
            let exchange = get(&client, &url).unwrap().connection_info();
            assert_eq!(exchange.remote_address, Some(proxy.address));
            // The TLS handshake with the proxy counts as connecting.
            assert_eq!((exchange.connect.is_some(), exchange.tls.is_some()), (true, has_tls), "{scheme} {url}");
        }
    }
}

struct TwoAddresses;

impl Resolver for TwoAddresses {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => vec![[127, 0, 0, 9].into(), [127, 0, 0, 1].into()],
        };
        Box::pin(async move { Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()) })
    }
}

#[test]
fn socks_proxy_gets_the_next_address_if_it_cannot_reach_the_first() {
    let origin = Server::start(echo()).unwrap();
    let proxy =
        TinyProxy::socks(ProxyBehaviour { unreachable: Some([127, 0, 0, 9].into()), ..ProxyBehaviour::default() });
    let proxies = Proxies::all(format!("socks5://{}", proxy.address)).unwrap();
    let client = client_of(network(proxies).resolver(TwoAddresses));
    let port = port_of(&origin);
    assert!(text(&client, &format!("http://origin.test:{port}/")).starts_with("GET /"));
    assert_eq!(proxy.requests(), [format!("127.0.0.9 {port}"), format!("127.0.0.1 {port}")]);
    let error = refused(&client, "http://origin.test:1/", "could not connect to 127.0.0.1:1");
    let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>());
    assert_eq!(reply.map(|reply| reply.code()), Some(5));
}
