//! Look-ups and the filter: host maps, resolvers, caches, and name servers that change their answer.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use waterspout::platform::native::{CachingResolver, HostMap, Network, Resolver, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::{Client, ErrorKind};

use super::{ChangingResolver, RecordingServer, SeenAddresses, client, denied, get};

fn network(resolver: impl Resolver) -> Network {
    Network::new().proxies(Proxies::none()).resolver(resolver)
}

/// A public address. No test connects to it.
const PUBLIC: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)), 80);

#[test]
fn name_that_changes_its_answer_is_looked_up_once() {
    let server = RecordingServer::echo();
    let local = server.address();
    let seen = SeenAddresses::default();
    // A second look-up between the check and the connect would connect to the server on loopback.
    let resolver = ChangingResolver::new(&[&[PUBLIC], &[local]]);
    let allowed_once = network(resolver.clone()).deny_private().allow(seen.deny());
    assert!(denied(&client(allowed_once), "http://rebinding.test/").to_string().contains("8.8.8.8:80"));
    assert_eq!((seen.take(), resolver.left(), server.requests()), (vec![PUBLIC], 1, 0));
    // The other order: the checked address is the address that is connected to.
    let resolver = ChangingResolver::new(&[&[local], &[PUBLIC]]);
    let client = client(network(resolver.clone()).allow(move |address| address == local));
    assert_eq!(get(&client, "http://rebinding.test/a").unwrap(), "/a");
    assert_eq!((resolver.left(), server.requests()), (1, 1));
}

#[test]
fn each_new_connection_is_checked() {
    let server = RecordingServer::echo();
    let local = server.address();
    let resolver = ChangingResolver::new(&[&[local], &[([127, 0, 0, 2], local.port()).into()]]);
    let client = client(network(resolver).allow(move |address| address == local));
    let fetch = |close| {
        async_io::block_on(async {
            client.get("http://rebinding.test/a").header("connection", close).await?.text().await
        })
    };
    // The connection closes, so the second request connects again.
    assert_eq!(fetch("close").unwrap(), "/a");
    assert_eq!(fetch("close").unwrap_err().kind(), ErrorKind::AddressDenied);
    assert_eq!(server.requests(), 1);
}

#[test]
fn connect_after_an_interrupted_handshake_is_checked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let local = listener.local_addr().unwrap();
    let hidden = TcpListener::bind(("127.0.0.2", local.port())).unwrap();
    hidden.set_nonblocking(true).unwrap();
    let server = thread::spawn(move || drop(listener.accept().unwrap()));
    let resolver = ChangingResolver::new(&[&[local], &[hidden.local_addr().unwrap()]]);
    let client = client(network(resolver.clone()).allow(move |address| address == local));
    assert!(denied(&client, "https://rebinding.test/").to_string().contains("127.0.0.2"));
    server.join().unwrap();
    assert_eq!(hidden.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn idle_connection_is_used_again_without_a_check() {
    let server = RecordingServer::echo();
    let local = server.address();
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = calls.clone();
    let client = client(
        Network::new()
            .proxies(Proxies::none())
            .allow(move |address| address == local && counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0),
    );
    for _ in 0..3 {
        assert_eq!(get(&client, &server.server.url("/a")).unwrap(), "/a");
    }
    assert_eq!((calls.load(std::sync::atomic::Ordering::Relaxed), server.requests()), (1, 3));
}

#[test]
fn cached_address_is_checked_by_each_network() {
    let server = RecordingServer::echo();
    let local = server.address();
    let answers = ChangingResolver::new(&[&[local], &[PUBLIC]]);
    let cache: Arc<dyn Resolver> = Arc::new(CachingResolver::new(answers.clone()));
    assert_eq!(get(&client(network(cache.clone())), "http://a.test/x").unwrap(), "/x");
    // The cache has the address already, and this network denies it.
    assert!(
        denied(&client(network(cache.clone()).deny_private()), "http://a.test/x").to_string().contains("127.0.0.1")
    );
    // A denial changes nothing for a network without a filter.
    assert_eq!(get(&client(network(cache)), "http://a.test/y").unwrap(), "/y");
    assert_eq!(answers.left(), 1);
}

#[test]
fn entries_of_host_maps_are_checked() {
    let maps: [fn(HostMap) -> HostMap; 4] = [
        |map| map.host("a.test", [10, 0, 0, 1]),
        |map| map.host_and_port("a.test", 80, ([10, 0, 0, 1], 80)),
        |map| map.alias("a.test", "localhost"),
        |map| map.alias_and_port("a.test", 80, "127.0.0.1", 81),
    ];
    for map in maps {
        denied(&client(network(map(HostMap::new(SystemResolver))).deny_private()), "http://a.test/");
    }
    // Entries of the client's builder apply to the network whose filter this is.
    let network = Network::new().proxies(Proxies::none()).deny_private();
    let client = Client::builder().resolve("a.test", [10, 0, 0, 1]).network(network).build().unwrap();
    denied(&client, "http://a.test/");
}

#[test]
fn rule_receives_the_port_of_the_host_map() {
    let server = RecordingServer::echo();
    let local = server.address();
    let map = HostMap::new(SystemResolver).host_and_port("a.test", 80, local);
    let client = client(network(map).allow(move |address| address == local));
    assert_eq!(get(&client, "http://a.test/x").unwrap(), "/x");
}

#[test]
fn address_of_a_resolver_counts_and_not_the_literal() {
    let server = RecordingServer::echo();
    let local = server.address();
    // The resolver answers for an address in a URL too. The network connects to its answer.
    let client = client(network(ChangingResolver::new(&[&[local]])).allow(move |address| address == local));
    assert_eq!(get(&client, "http://10.0.0.1/x").unwrap(), "/x");
}
