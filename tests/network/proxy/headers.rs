//! The headers of requests to proxies: the user agent, and headers of the caller that no server receives.

use waterspout::proxy::{Proxies, Proxy};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::{AGENT, BASIC, authority, client_of, network, proxy_acceptor, secured_origin, text};

fn with_token(scheme: &str, proxy: &TinyProxy) -> Proxies {
    let proxy = Proxy::parse(&format!("{scheme}://user:pa%20ss@{}", proxy.address)).unwrap();
    Proxies::all(proxy.header("X-Proxy-Token", "for-the-proxy").unwrap()).unwrap()
}

#[test]
fn tunnel_request_has_the_user_agent_and_the_callers_headers() {
    let origin = secured_origin();
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some(BASIC), tls, ..ProxyBehaviour::default() });
        let client = client_of(network(with_token(scheme, &proxy)));
        let seen = text(&client, &format!("https://origin.test:{origin}/"));
        assert!(!seen.contains("x-proxy-token") && !seen.contains("for-the-proxy"), "{seen}");
        assert!(seen.contains("user-agent: waterspout/"), "{seen}");
        let expected = format!(
            "CONNECT origin.test:{origin} HTTP/1.1\r\nhost: origin.test:{origin}\r\n\
             {AGENT}proxy-authorization: Basic {BASIC}\r\nx-proxy-token: for-the-proxy\r\n\r\n"
        );
        assert_eq!(proxy.requests(), [expected]);
    }
}

#[test]
fn tunnel_for_an_http_origin_hides_the_callers_headers_from_the_origin() {
    let origin = waterspout::testing::Server::start(super::echo()).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let through = Proxy::parse(&format!("http://{}", proxy.address)).unwrap().tunnel_all(true);
    let through = through.header("x-proxy-token", "for-the-proxy").unwrap().header("user-agent", "spider/2").unwrap();
    let client = client_of(network(Proxies::all(through).unwrap()));
    let seen = text(&client, &format!("http://origin.test:{}/", super::port_of(&origin)));
    assert!(!seen.contains("x-proxy-token") && !seen.contains("spider/2"), "{seen}");
    let asked = proxy.requests().remove(0);
    assert!(asked.contains("\r\nx-proxy-token: for-the-proxy\r\nuser-agent: spider/2\r\n"), "{asked}");
    assert!(!asked.contains("waterspout"), "{asked}");
}

#[test]
fn forwarded_request_has_the_callers_headers() {
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some(BASIC), tls, ..ProxyBehaviour::default() });
        let client = client_of(network(with_token(scheme, &proxy)));
        for _ in 0..2 {
            assert_eq!(text(&client, "http://origin.test/"), "forwarded");
        }
        for head in proxy.requests() {
            assert!(head.contains("\r\nx-proxy-token: for-the-proxy\r\n"), "{head}");
            assert_eq!(head.matches("user-agent").count(), 1, "{head}");
        }
    }
}

#[test]
fn header_of_the_request_itself_is_sent_instead_of_the_header_for_the_proxy() {
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let through = Proxy::parse(&format!("http://{}", proxy.address)).unwrap();
    let through = through.header("authorization", "for-the-proxy").unwrap().header("user-agent", "spider/2").unwrap();
    let client = client_of(network(Proxies::all(through).unwrap()));
    assert_eq!(text(&client, "http://origin.test/"), "forwarded");
    let head = proxy.requests().remove(0);
    assert!(head.contains("\r\nauthorization: for-the-origin\r\n") && head.contains(AGENT), "{head}");
    assert!(!head.contains("for-the-proxy") && !head.contains("spider/2"), "{head}");
}

/// A request that goes directly, in the same client, has none of the headers.
#[test]
fn request_that_bypasses_the_proxy_has_no_header_for_the_proxy() {
    let origin = waterspout::testing::Server::start(super::echo()).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let proxies = with_token("http", &proxy).no_proxy("origin.test").unwrap();
    let client = client_of(network(proxies).tls(crate::support::tls::trusting(authority())));
    let seen = text(&client, &format!("http://origin.test:{}/", super::port_of(&origin)));
    assert!(seen.starts_with("GET /\n") && !seen.contains("x-proxy-token"), "{seen}");
    assert!(proxy.requests().is_empty());
}
