//! HTTP/2 through proxies: a tunnel in HTTP/1.1 or SOCKS, and HTTP/2 to the server inside of it.

use async_io::block_on;
use futures::future::join_all;
use waterspout::Client;
use waterspout::http::Version;
use waterspout::proxy::{Proxies, Proxy};
use waterspout::testing::Server;

use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::tls::{TlsServer, acceptor_with_alpn};

use super::{BASIC, authority, client_of, echo, network, proxy_acceptor};

/// A way through a proxy: its name, the proxy, and its URL.
fn ways() -> Vec<(&'static str, TinyProxy, String)> {
    let basic = || ProxyBehaviour { credentials: Some(BASIC), ..ProxyBehaviour::default() };
    let socks = || TinyProxy::socks(ProxyBehaviour { credentials: Some("user:pa ss"), ..ProxyBehaviour::default() });
    let proxies = [
        ("http", TinyProxy::http(basic())),
        ("https", TinyProxy::http(ProxyBehaviour { tls: Some(proxy_acceptor()), ..basic() })),
        ("socks5", socks()),
        ("socks5h", socks()),
    ];
    let with_url = |(scheme, proxy): (&'static str, TinyProxy)| {
        let url = format!("{scheme}://user:pa%20ss@{}", proxy.address);
        (scheme, proxy, url)
    };
    proxies.into_iter().map(with_url).collect()
}

/// Sends 16 requests at once and an upload after them. All share a connection of HTTP/2 in a single tunnel.
fn check(way: &str, client: &Client, proxy: &TinyProxy, url: &str) {
    let requests = (0..16).map(|number| {
        let request = client.get(format!("{url}/{number}")).header("authorization", "for-the-origin");
        async move {
            let response = request.await?;
            assert_eq!(response.version(), Version::HTTP_2);
            assert_eq!(response.connection_info().version, Some(Version::HTTP_2));
            response.text().await
        }
    });
    for (number, text) in block_on(join_all(requests)).into_iter().enumerate() {
        let text = text.unwrap_or_else(|error| panic!("{way}: {}", error.report()));
        assert!(text.starts_with(&format!("GET /{number}\n")) && text.contains("for-the-origin"), "{way}: {text}");
        assert!(!text.contains("proxy-") && !text.contains(BASIC), "{way}: {text}");
    }
    let upload = client.post(format!("{url}/upload")).body(vec![b'x'; 300_000]);
    let upload = block_on(async { upload.await?.text().await }).unwrap();
    assert!(upload.starts_with("POST /upload\n"), "{way}: {upload}");
    assert_eq!(proxy.requests().len(), 1, "{way}: {:?}", proxy.requests());
}

#[test]
fn requests_share_a_connection_of_http2_in_a_tunnel() {
    let certificate = authority().issue(&["origin.test"], |_| {});
    let server = TlsServer::start(acceptor_with_alpn(&["h2", "http/1.1"], certificate), echo());
    let url = format!("https://origin.test:{}", server.address.port());
    for (way, proxy, proxy_url) in ways() {
        check(way, &client_of(network(Proxies::all(proxy_url.as_str()).unwrap())), &proxy, &url);
    }
}

#[test]
fn prior_knowledge_works_in_a_tunnel() {
    let server = Server::start(echo()).unwrap();
    let url = format!("http://origin.test:{}", server.address().port());
    for (way, proxy, proxy_url) in ways() {
        let through = Proxy::parse(&proxy_url).unwrap().tunnel_all(true);
        let network = network(Proxies::all(through).unwrap()).http2_prior_knowledge();
        check(way, &client_of(network), &proxy, &url);
    }
}

#[test]
fn forwarding_proxy_gets_http1_although_http2_is_known() {
    for (way, proxy, proxy_url) in ways().into_iter().take(2) {
        let client = client_of(network(Proxies::all(proxy_url.as_str()).unwrap()).http2_prior_knowledge());
        for _ in 0..2 {
            let response = block_on(async { client.get("http://nowhere.invalid/").await }).unwrap();
            assert_eq!(response.version(), Version::HTTP_11, "{way}");
            assert_eq!(block_on(response.text()).unwrap(), "forwarded", "{way}");
        }
        assert!(proxy.requests().iter().all(|head| head.starts_with("GET http://nowhere.invalid/ HTTP/1.1\r\n")));
    }
}
