//! Proxies that refuse, send garbage or stay silent, and certificates that are not trusted.

use std::error::Error as _;
use std::net::TcpListener;
use std::time::Duration;

use async_io::block_on;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;
use waterspout::{Error, ErrorKind, Phase};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::tls::{acceptor, trusting};

use super::{
    authority, client, client_of, get, network, proxies_authority, proxy_acceptor, refused, secured_origin, text,
};

#[test]
fn wrong_proxy_credentials_fail_a_tunnel_and_return_407_to_a_forwarded_request() {
    let proxy = TinyProxy::http(ProxyBehaviour { credentials: Some("other"), ..ProxyBehaviour::default() });
    let client = client(&format!("http://user:pa%20ss@{}", proxy.address));
    let error = refused(&client, "https://origin.test:9/", "407 Proxy Authentication Required");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(407));
    assert!(!error.is_retryable());
    assert!(error.to_string().contains(&format!("http://{} refuses a tunnel to origin.test:9", proxy.address)));
    assert_eq!(get(&client, "http://origin.test/").unwrap().status(), 407);

    let proxy = TinyProxy::socks(ProxyBehaviour { credentials: Some("other:user"), ..ProxyBehaviour::default() });
    let with = |userinfo: &str| self::client(&format!("socks5h://{userinfo}{}", proxy.address));
    refused(&with("user:pa%20ss@"), "http://origin.test:9/", "does not accept the user name and password");
    refused(&with(""), "http://origin.test:9/", "requires credentials");
    assert!(proxy.requests().is_empty());
}

#[test]
fn proxy_that_sends_garbage_or_closes_early_is_an_error() {
    for says in [&b""[..], b"HTTP/1.1 200 ", b"220 mail.test ESMTP\r\n", b"HTTP/1.1 200 OK\r\n\r\nmore", b"\0\0\0\0"] {
        let proxy = TinyProxy::http(ProxyBehaviour { reply: Some(says), ..ProxyBehaviour::default() });
        let error = refused(&client(&format!("http://u:pa%20ss@{}", proxy.address)), "https://origin.test:9/", "");
        // A reply that broke off can be retried, a wrong reply cannot.
        assert_eq!(error.is_retryable(), b"HTTP/1.1 200 ".starts_with(says), "{error}");
    }
    for says in [&b""[..], b"\x05", b"\x05\x00\x05\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let proxy = TinyProxy::socks(ProxyBehaviour { reply: Some(says), ..ProxyBehaviour::default() });
        let error = refused(&client(&format!("socks5h://u:pa%20ss@{}", proxy.address)), "https://origin.test:9/", "");
        assert_eq!(error.is_retryable(), b"\x05\x00\x05\x00".starts_with(says), "{error}");
    }
}

#[test]
fn connect_limit_covers_the_proxy_handshake_and_closes_the_connection() {
    let silent = || ProxyBehaviour { is_silent: true, ..ProxyBehaviour::default() };
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h"] {
        let proxy = TinyProxy::http(silent());
        let client = client(&format!("{scheme}://{}", proxy.address));
        let request = client.get("https://origin.test:9/").connect_timeout(Duration::from_millis(50));
        let error = block_on(request.send()).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
        assert_eq!(error.timeout().map(|timeout| timeout.name()), Some("connect"));
        proxy.wait_until_closed();
    }
}

#[test]
fn error_names_the_proxy_that_cannot_be_reached() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "socks4", "socks4a", "socks5", "socks5h"] {
        let name = if scheme == "socks4" || scheme == "socks4a" { "user" } else { "user:pa%20ss" };
        let client = client(&format!("{scheme}://{name}@{free}"));
        let error =
            refused(&client, "http://origin.test/", &format!("could not connect to the proxy {scheme}://{free}"));
        let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
        assert_eq!(cause.kind(), ErrorKind::Connect);
        assert!(error.is_retryable(), "no connection could be made");
    }
    let error = refused(&client("http://proxy.invalid"), "https://origin.test/", "the proxy http://proxy.invalid:80");
    let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
    assert_eq!(cause.kind(), ErrorKind::Dns);
}

#[test]
fn the_certificates_of_proxy_and_server_are_each_checked() {
    let origin = secured_origin();
    let proxy = TinyProxy::http(ProxyBehaviour { tls: Some(proxy_acceptor()), ..ProxyBehaviour::default() });
    let (proxies, url) =
        (Proxies::all(format!("https://{}", proxy.address)).unwrap(), format!("https://origin.test:{origin}/"));
    // This configuration trusts the authority of the server only, and the proxy has another authority.
    let both = |tls| client_of(network(proxies.clone()).proxy_tls(tls));
    let error = refused(&both(trusting(authority())), &url, "could not secure the connection to the proxy");
    let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
    assert_eq!(cause.kind(), ErrorKind::Tls);
    assert!(proxy.requests().is_empty());
    let swapped = client_of(network(proxies.clone()).tls(trusting(proxies_authority())));
    let error = get(&swapped, &url).unwrap_err();
    assert_eq!((error.kind(), proxy.requests().len()), (ErrorKind::Tls, 1), "{error}");
    assert!(text(&client_of(network(proxies.clone())), &url).starts_with("GET /"));
    let trusts_both = trusting(authority()).root_certificates_pem(proxies_authority().pem().as_bytes()).unwrap();
    let one_for_both = Network::new().proxies(proxies).tls(trusts_both);
    assert!(text(&client_of(one_for_both), &url).starts_with("GET /"));
}

#[test]
fn client_certificate_is_shown_to_servers_and_not_to_proxies() {
    let mutual_tls = acceptor(proxies_authority().issue(&["127.0.0.1"], |_| {}), Some(authority().roots()));
    let proxy = TinyProxy::http(ProxyBehaviour { tls: Some(mutual_tls), ..ProxyBehaviour::default() });
    let (certificate, key) = authority().issue(&["client"], |_| {});
    let shows = trusting(proxies_authority())
        .client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
        .unwrap();
    let proxies = Proxies::all(format!("https://{}", proxy.address)).unwrap();
    let network = || Network::new().proxies(proxies.clone());
    assert!(get(&client_of(network().tls(shows.clone())), "http://origin.test/").is_err());
    assert!(proxy.requests().is_empty());
    assert_eq!(text(&client_of(network().proxy_tls(shows)), "http://origin.test/"), "forwarded");
}
