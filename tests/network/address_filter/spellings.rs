//! The spellings of an address in a URL. The parser of URLs turns them into the address before the filter sees it.

use std::net::SocketAddr;

use waterspout::ErrorKind;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;

use super::{RecordingServer, SeenAddresses, client, denied, get};

/// Spellings of 127.0.0.1, and of addresses that lead to it.
const LOOPBACK: [&str; 24] = [
    "127.0.0.1",
    "127.0.0.1.",
    "2130706433",
    "0x7f000001",
    "0X7F.1",
    "0x7f.0.0.1",
    "017700000001",
    "0177.0.0.01",
    "127.1",
    "127.0.1",
    "127.0.0x1",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "１２７.0.0.1",
    "127。0。0。1",
    "①②⑦.0.0.1",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:FFFF:7F00:0001]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:FF9B::7f00:1]",
    "[2002:7f00:1::]",
    "user:password@127.0.0.1",
];

#[test]
fn each_spelling_of_a_private_address_is_denied() {
    let client = client(Network::new().proxies(Proxies::none()).deny_private());
    for spelling in LOOPBACK {
        for url in [format!("http://{spelling}/"), format!("https://{spelling}:8443/a")] {
            let error = denied(&client, &url).to_string();
            assert!(error.contains("(loopback, RFC 1122, section 3.2.1.3)"), "{error}");
        }
    }
}

#[test]
fn each_spelling_of_a_private_address_is_denied_through_a_proxy() {
    let proxy = RecordingServer::echo();
    for scheme in ["http", "socks4a", "socks5h", "socks5"] {
        let proxies = Proxies::all(format!("{scheme}://{}", proxy.address())).unwrap();
        let client = client(Network::new().proxies(proxies).deny_private().allow_proxies());
        for spelling in LOOPBACK {
            denied(&client, &format!("http://{spelling}/"));
        }
        for localhost in ["localhost", "LOCALHOST.", "a.localhost", "ｌocalhost"] {
            denied(&client, &format!("https://{localhost}/"));
        }
    }
    assert_eq!(proxy.requests(), 0);
}

#[test]
fn names_of_loopback_are_denied() {
    let client = client(Network::new().proxies(Proxies::none()).deny_private());
    for host in ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1.localhost"] {
        let error = denied(&client, &format!("http://{host}/")).to_string();
        assert!(error.contains("[::1]:80") && error.contains("127.0.0.1:80"), "{error}");
    }
}

#[test]
fn address_with_a_zone_is_no_url() {
    let client = client(Network::new().proxies(Proxies::none()).deny_private());
    for host in ["[fe80::1%25eth0]", "[fe80::1%eth0]", "[::1%lo]", "127.0.0.256", "0x7f.0.0.0.1"] {
        assert_eq!(get(&client, &format!("http://{host}/")).unwrap_err().kind(), ErrorKind::InvalidUrl, "{host}");
    }
}

#[test]
fn rule_receives_a_mapped_address_as_the_ipv4_address() {
    let seen = SeenAddresses::default();
    let client = client(Network::new().proxies(Proxies::none()).allow(seen.deny()));
    for host in ["[::ffff:8.8.8.8]", "8.8.8.8", "0x08080808"] {
        denied(&client, &format!("http://{host}:8080/"));
        assert_eq!(seen.take(), [SocketAddr::from(([8, 8, 8, 8], 8080))], "{host}");
    }
    denied(&client, "http://[64:ff9b::808:808]/");
    assert_eq!(seen.take(), ["[64:ff9b::808:808]:80".parse().unwrap()]);
}
