//! Proxies and the filter: refused unless they are allowed, and what is checked if they are.

use waterspout::platform::native::{HostMap, Network, SystemResolver};
use waterspout::proxy::{Proxies, Proxy};
use waterspout::{Client, ErrorKind};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::{RecordingServer, SeenAddresses, client, denied, get};

const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// Connects through a proxy at this address, which looks names up as it likes.
fn through(scheme: &str, address: std::net::SocketAddr) -> Network {
    let names = HostMap::new(SystemResolver).host("public.test", [8, 8, 8, 8]).host("private.test", [10, 0, 0, 1]);
    Network::new().proxies(Proxies::all(format!("{scheme}://user:@{address}")).unwrap()).resolver(names)
}

#[test]
fn proxy_beside_a_filter_is_refused() {
    let server = RecordingServer::echo();
    for scheme in SCHEMES {
        for network in
            [through(scheme, server.address()).deny_private(), through(scheme, server.address()).allow(|_| true)]
        {
            let client = client(network);
            for url in ["http://public.test/", "https://public.test/", "http://8.8.8.8/", "http://10.0.0.1/"] {
                let error = denied(&client, url).to_string();
                let proxy = format!("the proxy {scheme}://{} would connect to ", server.address());
                assert!(error.contains(&proxy) && !error.contains("user"), "{error}");
                assert!(error.contains("`Network::allow_proxies`") && error.contains("`Proxies::none`"), "{error}");
            }
        }
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn proxy_is_refused_wherever_it_was_set() {
    let server = RecordingServer::echo();
    let proxy = || Proxy::parse(&format!("http://{}", server.address())).unwrap();
    let filtered = || Network::new().proxies(Proxies::none()).deny_private();
    let chosen = proxy();
    let custom = Proxies::custom(move |_| Some(chosen.clone()));
    let clients = [
        Client::builder().network(filtered()).proxy(proxy()),
        Client::builder().proxies(Proxies::all(proxy()).unwrap()).network(filtered()),
        Client::builder().network(filtered().proxies(custom)),
    ];
    for builder in clients {
        denied(&builder.build().unwrap(), "http://public.test/");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn allowed_proxy_gets_names_that_it_looks_up() {
    let server = RecordingServer::echo();
    let client = client(through("http", server.address()).deny_private().allow_proxies());
    // The client does not look these names up, so it cannot know that an address is private.
    for url in ["http://public.test/a", "http://private.test/b", "http://unknown.test/c"] {
        assert_eq!(get(&client, url).unwrap(), url);
    }
}

#[test]
fn order_of_the_settings_does_not_matter() {
    let server = RecordingServer::echo();
    let proxies = || Proxies::all(format!("http://{}", server.address())).unwrap();
    let networks = [
        Network::new().allow_proxies().deny_private().proxies(proxies()),
        Network::new().deny_private().proxies(proxies()).allow_proxies(),
        Network::new().proxies(proxies()).allow_proxies().deny_private(),
    ];
    for network in networks {
        let client = client(network);
        assert_eq!(get(&client, "http://public.test/a").unwrap(), "http://public.test/a");
        denied(&client, "http://10.0.0.1/");
    }
}

#[test]
fn known_targets_are_checked_for_each_kind_of_proxy() {
    let server = RecordingServer::echo();
    for scheme in SCHEMES {
        let seen = SeenAddresses::default();
        let network = through(scheme, server.address()).deny_private().allow_proxies();
        let client = client(network.allow(seen.deny()));
        for url in ["http://10.0.0.1/", "https://[::1]/", "https://localhost/", "http://a.localhost/"] {
            assert!(denied(&client, url).to_string().contains("`Network::deny_private`"), "{scheme} {url}");
        }
        assert_eq!(seen.take(), []);
        denied(&client, "https://8.8.8.8/");
        assert_eq!(seen.take(), [([8, 8, 8, 8], 443).into()], "{scheme}");
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn names_are_checked_for_proxies_that_get_addresses() {
    let origin = RecordingServer::echo();
    let port = origin.address().port();
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    let socks4 = TinyProxy::socks4(ProxyBehaviour::default());
    for (scheme, proxy) in [("socks5", &socks), ("socks4", &socks4)] {
        let network = || Network::new().proxies(Proxies::all(format!("{scheme}://{}", proxy.address)).unwrap());
        for (answer, asked) in [(vec![[10, 0, 0, 1], [8, 8, 8, 8], [192, 168, 0, 1]], 1), (vec![[10, 0, 0, 1]], 0)] {
            let before = proxy.requests().len();
            let add = |names: HostMap, address| names.host("mixed.test", address);
            let names = answer.into_iter().fold(HostMap::new(SystemResolver), add);
            let client = client(network().resolver(names).deny_private().allow_proxies());
            let outcome = get(&client, &format!("http://mixed.test:{port}/a"));
            match asked {
                0 => assert_eq!(outcome.unwrap_err().kind(), ErrorKind::AddressDenied),
                _ => assert_eq!(outcome.unwrap(), "/a"),
            }
            // The proxy was asked for the public address alone.
            assert_eq!(proxy.requests()[before..], vec![format!("8.8.8.8 {port}"); asked]);
        }
    }
}

#[test]
fn address_of_the_proxy_itself_is_not_checked() {
    let server = RecordingServer::echo();
    let seen = SeenAddresses::default();
    let names = HostMap::new(SystemResolver).host("proxy.test", [127, 0, 0, 1]);
    let proxies = Proxies::all(format!("http://proxy.test:{}", server.address().port())).unwrap();
    let network = Network::new().resolver(names).proxies(proxies).deny_private().allow(seen.deny()).allow_proxies();
    assert_eq!(get(&client(network), "http://public.test/a").unwrap(), "http://public.test/a");
    assert_eq!(seen.take(), []);
}

#[test]
fn origin_that_is_reached_directly_is_checked_beside_a_proxy() {
    let server = RecordingServer::echo();
    let proxies = Proxies::all(format!("http://{}", server.address())).unwrap().no_proxy("private.test,127.0.0.1");
    let names = HostMap::new(SystemResolver).host("private.test", [10, 0, 0, 1]);
    let network = Network::new().resolver(names).proxies(proxies.unwrap());
    // No proxy is used for these, so none has to be allowed.
    for network in [network.clone().deny_private(), network.deny_private().allow_proxies()] {
        let client = client(network);
        for url in ["http://private.test/", "http://127.0.0.1:9/"] {
            assert!(denied(&client, url).to_string().contains("`Network::deny_private`"), "{url}");
        }
    }
    assert_eq!(server.requests(), 0);
}
