//! Which requests go through which proxy.

use async_io::block_on;
use futures::FutureExt;
use waterspout::Origin;
use waterspout::proxy::{Proxies, Proxy};
use waterspout::testing::{Reply, Server, handler};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

use super::{client, client_of, echo, network, port_of, text};

#[test]
fn exceptions_and_other_schemes_are_reached_directly() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let through = format!("http://{}", proxy.address);
    let url = |host: &str| format!("http://{host}:{}/", port_of(&origin));
    for proxies in [
        Proxies::all(through.as_str()).unwrap().no_proxy("127.0.0.0/8,.test").unwrap(),
        Proxies::none().https(through.as_str()).unwrap(),
        Proxies::none(),
    ] {
        let client = client_of(network(proxies));
        assert!(text(&client, &url("127.0.0.1")).starts_with("GET /\n"));
        assert!(text(&client, &url("origin.test")).starts_with("GET /\n"));
    }
    assert!(proxy.requests().is_empty());
    let excepted = client_of(network(Proxies::all(through.as_str()).unwrap().no_proxy("other.test").unwrap()));
    assert_eq!(text(&excepted, &url("origin.test")), "forwarded");
}

#[test]
fn a_proxy_is_reached_directly_even_if_it_is_the_origin() {
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let url = format!("http://{}/", proxy.address);
    assert_eq!(text(&client(&url), &url), "forwarded");
    let asked = proxy.requests();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{asked:?}");
}

#[test]
fn a_function_chooses_for_each_origin() {
    let (one, two) = (TinyProxy::http(ProxyBehaviour::default()), TinyProxy::http(ProxyBehaviour::default()));
    let addresses = [one.address, two.address];
    let proxies = Proxies::custom(move |origin: &Origin| {
        let index = usize::from(origin.host() == "two.test");
        Proxy::parse(&format!("http://{}", addresses[index])).ok()
    });
    let client = client_of(network(proxies));
    for (url, counts) in [("http://one.test/", (1, 0)), ("http://two.test/", (1, 1)), ("http://one.test/", (2, 1))] {
        assert_eq!(text(&client, url), "forwarded");
        assert_eq!((one.requests().len(), two.requests().len()), counts);
    }
}

#[test]
fn request_with_a_route_shares_no_connection_with_other_requests() {
    let origin = Server::start(handler(|_| async { Reply::text("directly") }.boxed())).unwrap();
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let client = client_of(network(Proxies::none()));
    let via = network(Proxies::all(format!("http://{}", proxy.address)).unwrap()).route();
    let fetch = |own: bool| {
        let request = client.get(origin.url("/"));
        let request = if own { request.extension(via.clone()) } else { request };
        let response = block_on(request.send()).unwrap();
        let remote = response.connection_info().remote_address;
        (remote.unwrap(), block_on(response.text()).unwrap())
    };
    for _ in 0..2 {
        assert_eq!(fetch(false), (origin.address(), "directly".to_owned()));
        assert_eq!(fetch(true), (proxy.address, "forwarded".to_owned()));
    }
    assert_eq!(proxy.requests().len(), 2);
}
