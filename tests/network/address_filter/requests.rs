//! Requests and the filter: redirects, routes of single requests, TLS, events, and agents.

use std::net::SocketAddr;

use waterspout::agent::Route;
use waterspout::platform::native::{HostMap, Network, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, handler};
use waterspout::{Client, ErrorKind};

use super::{RecordingServer, client, denied, get};

/// A network that reaches this machine alone, which stands for the public internet.
fn loopback_alone() -> Network {
    Network::new().proxies(Proxies::none()).allow(|address| address.ip().is_loopback())
}

#[test]
fn redirect_to_a_denied_address_fails_after_any_number_of_redirects() {
    for redirects in [1, 2, 5] {
        let server = RecordingServer::new(handler(move |request| {
            let count: usize = request.target().trim_start_matches('/').parse().unwrap();
            let location = if count + 1 < redirects { format!("/{}", count + 1) } else { "http://10.0.0.1/".into() };
            Box::pin(async move { Reply::redirect(307, &location) })
        }));
        let client = client(loopback_alone());
        let error = denied(&client, &server.server.url("/0"));
        assert_eq!((error.url(), server.requests()), (Some("http://10.0.0.1/"), redirects));
    }
}

#[test]
fn body_of_a_request_is_not_sent_to_a_denied_address() {
    let inner = RecordingServer::echo();
    let target = format!("http://127.0.0.2:{}/", inner.address().port());
    let outer = RecordingServer::new(handler(move |_| {
        let reply = Reply::redirect(308, &target);
        Box::pin(async move { reply })
    }));
    let allowed = outer.address();
    let client = client(Network::new().proxies(Proxies::none()).allow(move |address| address == allowed));
    let sent = async_io::block_on(client.post(outer.server.url("/")).body("secret").send());
    assert_eq!(sent.unwrap_err().kind(), ErrorKind::AddressDenied);
    assert_eq!((outer.requests(), inner.requests()), (1, 0));
}

#[test]
fn route_of_a_request_has_a_filter_of_its_own() {
    let server = RecordingServer::echo();
    let url = server.server.url("/a");
    let fetch = |client: &Client, route: &Route| {
        async_io::block_on(async { client.get(&*url).extension(route.clone()).await?.text().await })
    };
    let (open, filtered) = (Network::new().proxies(Proxies::none()), Network::new().deny_private());
    let (open_route, filtered_route) = (open.clone().route(), filtered.clone().proxies(Proxies::none()).route());
    // The idle connection of another route is not used.
    let open_client = client(open);
    assert_eq!(get(&open_client, &url).unwrap(), "/a");
    assert_eq!(fetch(&open_client, &filtered_route).unwrap_err().kind(), ErrorKind::AddressDenied);
    let filtered_client = client(filtered.proxies(Proxies::none()));
    assert_eq!(fetch(&filtered_client, &open_route).unwrap(), "/a");
    denied(&filtered_client, &url);
}

#[test]
fn networks_cloned_from_a_filtered_network_are_filtered() {
    let server = RecordingServer::echo();
    let url = server.server.url("/a");
    let network = Network::new().proxies(Proxies::none()).deny_private();
    let agent = Client::builder().backend(network.clone().agent()).build().unwrap();
    denied(&agent, &url);
    denied(&client(network.clone()), &url);
    denied(&client(network.clone().local_address([127, 0, 0, 1])), &url);
    // A setting that is made after the filter leaves the filter as it is.
    denied(&client(network.clone().resolver(SystemResolver)), &url);
    denied(
        &Client::builder().network(network.proxies(Proxies::none())).proxies(Proxies::none()).build().unwrap(),
        &url,
    );
}

#[test]
fn events_do_not_reconnect_to_a_denied_address() {
    let client = client(Network::new().proxies(Proxies::none()).deny_private());
    let outcome = async_io::block_on(async {
        let mut events = client.get("http://127.0.0.1:9/").events();
        futures::StreamExt::next(&mut events).await
    });
    assert_eq!(outcome.unwrap().unwrap_err().kind(), ErrorKind::AddressDenied);
}

#[test]
fn nothing_is_sent_to_a_denied_tls_server() {
    let server = RecordingServer::echo();
    let names = HostMap::new(SystemResolver).host("secure.test", [127, 0, 0, 1]);
    let network = Network::new().proxies(Proxies::none()).resolver(names).deny_private();
    denied(&client(network), &format!("https://secure.test:{}/", server.address().port()));
    assert_eq!(server.requests(), 0);
}

#[cfg(feature = "http2")]
#[test]
fn networks_of_http2_are_filtered() {
    let server = RecordingServer::echo();
    let network = Network::new().proxies(Proxies::none()).http2_prior_knowledge();
    let url = server.server.url("/a");
    denied(&client(network.clone().deny_private()), &url);
    let local: SocketAddr = server.address();
    assert_eq!(get(&client(network.allow(move |address| address == local)), &url).unwrap(), "/a");
}
