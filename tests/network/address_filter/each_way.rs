//! A table of addresses, each as a literal, behind a name, behind a redirect and behind proxies.

use std::net::{IpAddr, SocketAddr};

use waterspout::platform::native::{HostMap, Network, SystemResolver, is_private};
use waterspout::proxy::{Proxies, Proxy};
use waterspout::testing::{Reply, handler};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::{RecordingServer, SeenAddresses, client, denied, direct, get, host};

/// Addresses, and whether they are private.
const ADDRESSES: [(&str, bool); 48] = [
    ("0.0.0.0", true),
    ("10.0.0.1", true),
    ("100.64.0.1", true),
    ("100.100.100.200", true),
    ("127.0.0.1", true),
    ("127.255.255.254", true),
    ("168.63.129.16", true),
    ("169.254.169.254", true),
    ("172.16.0.1", true),
    ("172.31.255.255", true),
    ("192.0.0.1", true),
    ("192.0.2.1", true),
    ("192.88.99.1", true),
    ("192.168.1.1", true),
    ("198.19.255.255", true),
    ("198.51.100.1", true),
    ("203.0.113.1", true),
    ("224.0.0.1", true),
    ("240.0.0.1", true),
    ("255.255.255.255", true),
    ("::", true),
    ("::1", true),
    ("::127.0.0.1", true),
    ("::ffff:10.0.0.1", true),
    ("64:ff9b::a00:1", true),
    ("64:ff9b:1::808:808", true),
    ("100::1", true),
    ("2001:0:808:808::f5ff:fffe", true),
    ("2001:0:a00:1::f7f7:f7f7", true),
    ("2001:20::1", true),
    ("2001:db8::1", true),
    ("2002:a00:1::1", true),
    ("3fff::1", true),
    ("5f00::1", true),
    ("fd00:ec2::254", true),
    ("fe80::1", true),
    ("fec0::1", true),
    ("ff02::1", true),
    ("8.8.8.8", false),
    ("9.255.255.255", false),
    ("100.128.0.1", false),
    ("172.32.0.1", false),
    ("192.0.1.1", false),
    ("::ffff:8.8.8.8", false),
    ("64:ff9b::808:808", false),
    ("2001:0:808:808::f7f7:f7f7", false),
    ("2002:808:808::1", false),
    ("2606:4700:4700::1111", false),
];

fn addresses() -> impl Iterator<Item = (IpAddr, bool)> {
    ADDRESSES.into_iter().map(|(address, is_private)| (address.parse().unwrap(), is_private))
}

/// Fetches `url`, which leads to `address` directly.
///
/// A second rule denies what `deny_private` lets through, so nothing connects to a public address.
fn check_direct(network: Network, url: &str, address: IpAddr, is_private: bool) {
    let seen = SeenAddresses::default();
    let client = client(network.deny_private().allow(seen.deny()));
    let error = denied(&client, url).to_string();
    let setting = if is_private { "`Network::deny_private` (" } else { "`Network::allow`" };
    let address = SocketAddr::new(address.to_canonical(), 81);
    assert!(error.contains(&format!("{address} is denied by {setting}")), "{url}: {error}");
    let expected = if is_private { Vec::new() } else { vec![address] };
    assert_eq!(seen.take(), expected, "{url}");
}

#[test]
fn literals_are_checked() {
    for (address, is_private) in addresses() {
        check_direct(direct(address), &format!("http://{}:81/", host(address)), address, is_private);
    }
}

#[test]
fn addresses_of_names_are_checked() {
    for (address, is_private) in addresses() {
        check_direct(direct(address), "http://target.test:81/", address, is_private);
        check_direct(direct(address), "https://target.test:81/", address, is_private);
    }
}

#[test]
fn targets_of_redirects_are_checked() {
    let redirect = handler(|request| {
        let (_, location) = request.target().split_once("?to=").unwrap();
        let reply = Reply::redirect(302, location);
        Box::pin(async move { reply })
    });
    // The server is on loopback, which the filter denies. As a proxy it can be reached and redirect.
    let server = RecordingServer::new(redirect);
    for (address, is_private) in addresses() {
        for target in [host(address), "target.test".to_owned()] {
            let proxy = Proxy::parse(&format!("http://{}", server.address())).unwrap();
            let start_alone = Proxies::custom(move |origin| (origin.host() == "start.test").then(|| proxy.clone()));
            let network = direct(address).proxies(start_alone).allow_proxies();
            let url = format!("http://start.test/?to=http://{target}:81/");
            check_direct(network, &url, address, is_private);
        }
    }
    assert_eq!(server.requests(), 2 * ADDRESSES.len());
}

#[test]
fn literals_are_checked_before_a_proxy_gets_them() {
    let forwarding = RecordingServer::echo();
    let proxies = Proxies::all(format!("http://{}", forwarding.address())).unwrap();
    let client = client(Network::new().proxies(proxies).deny_private().allow_proxies());
    for (address, is_private) in addresses() {
        let url = format!("http://{}:81/", host(address));
        let before = forwarding.requests();
        if is_private {
            assert!(denied(&client, &url).to_string().contains("`Network::deny_private` ("), "{url}");
        } else {
            // A URL has no mixed form of IPv6 addresses, so the texts of such addresses differ.
            assert!(get(&client, &url).unwrap().ends_with(":81/"), "{url}");
        }
        assert_eq!(forwarding.requests() - before, usize::from(!is_private), "{url}");
    }
}

#[test]
fn addresses_of_names_are_checked_before_a_socks_proxy_gets_them() {
    let origin = RecordingServer::echo();
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    let url = format!("http://target.test:{}/path", origin.address().port());
    for (address, is_private) in addresses() {
        let names = HostMap::new(SystemResolver).host("target.test", address);
        let proxies = Proxies::all(format!("socks5://{}", socks.address)).unwrap();
        let client = client(Network::new().resolver(names).proxies(proxies).deny_private().allow_proxies());
        let before = socks.requests().len();
        if is_private {
            assert!(denied(&client, &url).to_string().contains("\"target.test\""));
        } else {
            // The proxy connects to this machine, for every address.
            assert_eq!(get(&client, &url).unwrap(), "/path");
        }
        assert_eq!(socks.requests().len() - before, usize::from(!is_private), "{address}");
    }
}

#[test]
fn rule_with_is_private_agrees_with_deny_private() {
    for (address, expected) in addresses() {
        let seen = SeenAddresses::default();
        let network = direct(address).allow(|address| !is_private(address.ip())).allow(seen.deny());
        denied(&client(network), "http://target.test/");
        assert_eq!(seen.take().is_empty(), expected, "{address}");
    }
}
