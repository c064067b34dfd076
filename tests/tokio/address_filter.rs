//! The address filter on tokio: names, literals, redirects and proxies.

use waterspout::platform::native::{HostMap, Network, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Client, ErrorKind, Phase};

use super::{current_thread, multi_thread, numbering, text, within_limit};

/// Networks whose setting `tokio` stands before and after the filter.
fn filtered(network: Network) -> [Network; 2] {
    [network.clone().tokio().deny_private(), network.deny_private().tokio()]
}

#[test]
fn private_addresses_are_denied() {
    let server = numbering();
    let names = HostMap::new(SystemResolver).host("a.test", [127, 0, 0, 1]);
    for network in filtered(Network::new().proxies(Proxies::none()).resolver(names)) {
        let client = Client::builder().network(network).build().unwrap();
        for host in ["a.test", "127.0.0.1", "localhost", "[::ffff:7f00:1]", "0x7f.1"] {
            let url = format!("http://{host}:{}/", server.address().port());
            for runtime in [current_thread(), multi_thread()] {
                let error = within_limit(&runtime, text(&client, &url)).unwrap_err();
                assert_eq!((error.kind(), error.phase()), (ErrorKind::AddressDenied, Phase::Connect), "{url}: {error}");
            }
        }
    }
}

#[test]
fn allowed_address_is_reached_and_its_redirect_is_checked() {
    let server = Server::start(handler(|request| {
        let reply = match request.target() {
            "/away" => Reply::redirect(302, "http://10.0.0.1/"),
            _ => Reply::text("hello"),
        };
        Box::pin(async move { reply })
    }))
    .unwrap();
    let allowed = server.address();
    let network = Network::new().tokio().proxies(Proxies::none()).allow(move |address| address == allowed);
    let client = Client::builder().network(network).build().unwrap();
    assert_eq!(within_limit(&current_thread(), text(&client, server.url("/"))).unwrap(), "hello");
    let error = within_limit(&current_thread(), text(&client, server.url("/away"))).unwrap_err();
    assert_eq!((error.kind(), error.url()), (ErrorKind::AddressDenied, Some("http://10.0.0.1/")));
}

#[test]
fn proxy_is_refused_unless_it_is_allowed() {
    let server = numbering();
    let proxies = Proxies::all(format!("http://{}", server.address())).unwrap();
    for network in filtered(Network::new().proxies(proxies)) {
        let client = Client::builder().network(network.clone()).build().unwrap();
        let error = within_limit(&current_thread(), text(&client, "http://a.test/")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddressDenied, "{error}");
        let client = Client::builder().network(network.allow_proxies()).build().unwrap();
        assert!(within_limit(&current_thread(), text(&client, "http://a.test/")).is_ok());
    }
}
