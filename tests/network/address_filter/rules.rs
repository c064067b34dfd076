//! Rules of the filter: their order, their errors, and what they leave of several addresses.

use std::net::{Ipv4Addr, SocketAddr};

use waterspout::platform::native::{AddressFamily, Network, is_private};
use waterspout::proxy::Proxies;
use waterspout::{Client, ErrorKind, Retry};

use super::{ChangingResolver, RecordingServer, SeenAddresses, client, denied, direct, get};

/// A network that looks every name up as these addresses.
fn with_addresses(addresses: &[SocketAddr]) -> Network {
    Network::new().proxies(Proxies::none()).resolver(ChangingResolver::new(&[addresses]))
}

#[test]
fn network_without_a_rule_connects_to_any_address() {
    let server = RecordingServer::echo();
    let client = client(Network::new().proxies(Proxies::none()).allow_proxies());
    assert_eq!(get(&client, &server.server.url("/a")).unwrap(), "/a");
}

#[test]
fn all_rules_have_to_allow_an_address() {
    let server = RecordingServer::echo();
    let allowed = server.address();
    let rules: [(&[bool], bool); 5] =
        [(&[true], true), (&[true, true], true), (&[true, false], false), (&[false, true], false), (&[false], false)];
    for (answers, is_allowed) in rules {
        let network = Network::new().proxies(Proxies::none());
        let network = answers.iter().fold(network, |network, answer| {
            let answer = *answer;
            network.allow(move |address| answer && address == allowed)
        });
        let outcome = get(&client(network), &server.server.url("/a"));
        assert_eq!(outcome.map_err(|error| error.kind()).is_ok(), is_allowed, "{answers:?}");
    }
    assert_eq!(server.requests(), 2);
}

#[test]
fn rule_after_a_denial_is_not_called() {
    let seen = SeenAddresses::default();
    let network = direct(Ipv4Addr::LOCALHOST.into()).deny_private().allow(seen.deny());
    denied(&client(network), "http://target.test/");
    assert_eq!(seen.take(), []);
    let network = direct(Ipv4Addr::LOCALHOST.into()).allow(seen.deny()).deny_private();
    assert!(denied(&client(network), "http://target.test/").to_string().contains("`Network::allow`"));
    assert_eq!(seen.take(), [SocketAddr::from(([127, 0, 0, 1], 80))]);
}

#[test]
fn rule_may_decide_by_port() {
    let server = RecordingServer::echo();
    let port = server.address().port();
    let client = client(Network::new().proxies(Proxies::none()).allow(move |address| address.port() == port));
    assert_eq!(get(&client, &server.server.url("/a")).unwrap(), "/a");
    let error = denied(&client, &format!("http://127.0.0.1:{}/", port ^ 1)).to_string();
    assert!(error.contains(&format!("127.0.0.1:{} is denied by `Network::allow`", port ^ 1)), "{error}");
}

#[test]
fn denied_addresses_of_a_name_are_skipped() {
    let server = RecordingServer::echo();
    let allowed = server.address();
    // The denied addresses come first, in both families, so they would be tried first.
    let port = allowed.port();
    let answer = [
        SocketAddr::from(([127, 0, 0, 2], port)),
        SocketAddr::new("::1".parse().unwrap(), port),
        allowed,
        SocketAddr::from(([127, 0, 0, 3], port)),
    ];
    let client = client(with_addresses(&answer).allow(move |address| address == allowed));
    let response = async_io::block_on(client.get("http://mixed.test/").send()).unwrap();
    assert_eq!(response.connection_info().remote_address, Some(allowed));
}

#[test]
fn error_names_the_host_the_addresses_and_the_setting() {
    let answer = ["10.0.0.1:80", "[fd00::1]:80", "8.8.8.8:80"].map(|address| address.parse().unwrap());
    let network = with_addresses(&answer).deny_private().allow(|address| is_private(address.ip()));
    assert_eq!(
        denied(&client(network), "http://user:secret@intern.test/a?token=secret").to_string(),
        "\"intern.test\" has no address that the network may connect to: \
         10.0.0.1:80 is denied by `Network::deny_private` (private use, RFC 1918), \
         [fd00::1]:80 is denied by `Network::deny_private` (unique local, RFC 4193), \
         8.8.8.8:80 is denied by `Network::allow`; \
         if it is meant to be reached, change the address filter of the network, for http://intern.test/a?token=***"
    );
}

#[test]
fn error_names_four_addresses_at_most() {
    let answer: Vec<_> = (1..=100).map(|last| SocketAddr::from(([10, 0, 0, last], 80))).collect();
    let error = denied(&client(with_addresses(&answer).deny_private()), "http://many.test/").to_string();
    assert_eq!(error.matches("is denied by").count(), 4, "{error}");
    assert!(error.contains("(private use, RFC 1918), and 96 more; "), "{error}");
}

#[test]
fn name_without_an_address_is_no_denial() {
    let network = with_addresses(&[]).deny_private();
    assert_eq!(get(&client(network), "http://empty.test/").unwrap_err().kind(), ErrorKind::Dns);
    let seen = SeenAddresses::default();
    let network =
        with_addresses(&["10.0.0.1:80".parse().unwrap()]).address_family(AddressFamily::V6).allow(seen.deny());
    assert_eq!(get(&client(network), "http://old.test/").unwrap_err().kind(), ErrorKind::Dns);
    assert_eq!(seen.take(), []);
}

#[test]
fn denied_request_is_not_retried() {
    let resolver = ChangingResolver::new(&[&["10.0.0.1:80".parse().unwrap()], &["10.0.0.2:80".parse().unwrap()]]);
    let network = Network::new().proxies(Proxies::none()).resolver(resolver.clone()).deny_private();
    let client = Client::builder().network(network).retry(Retry::new()).build().unwrap();
    let error = denied(&client, "http://intern.test/");
    assert!(error.to_string().contains("10.0.0.1:80"), "{error}");
    assert_eq!((error.attempts().len(), resolver.left()), (1, 1));
}

#[test]
fn debug_output_names_the_rules() {
    let network = Network::new().deny_private().allow(|_| true).allow_proxies();
    let shown = format!("{network:?}");
    assert!(shown.contains("[\"deny_private\", \"allow\", \"allow_proxies\"]"), "{shown}");
}
