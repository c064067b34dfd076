//! The entries of a host map: several targets, names, and the keys that are equal.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use waterspout::platform::native::{CachingResolver, HostMap, Network, Resolver, SystemResolver, TcpClient};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{BoxFuture, Client};

/// A resolver that knows a few names, and remembers its calls.
#[derive(Clone, Default)]
struct FewNames {
    asked: Arc<Mutex<Vec<String>>>,
    forgotten: Arc<Mutex<Vec<String>>>,
}

impl FewNames {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Resolver for FewNames {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self.asked.lock().unwrap().push(format!("{host}:{port}"));
        let answer = match host {
            "one.test" => Ok(vec![([10, 0, 0, 1], port).into()]),
            "two.test" => Ok(vec![([10, 0, 0, 2], port).into(), ([10, 0, 0, 22], port).into()]),
            "empty.test" => Ok(Vec::new()),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, format!("no {host}"))),
        };
        async move { answer }.boxed()
    }

    fn forget(&self, host: &str, port: u16) {
        self.forgotten.lock().unwrap().push(format!("{host}:{port}"));
    }
}

/// Returns the addresses as texts, or the error.
fn look_up(map: &HostMap, host: &str, port: u16) -> Result<Vec<String>, String> {
    let answer = map.resolve(host, port).now_or_never().expect("the answer is present");
    let texts = |found: Vec<SocketAddr>| found.iter().map(SocketAddr::to_string).collect();
    answer.map(texts).map_err(|error| error.to_string())
}

fn map() -> HostMap {
    HostMap::new(FewNames::default())
}

#[test]
fn entries_of_a_host_add_up_in_their_order() {
    let v6 = "fe80::1".parse::<std::net::IpAddr>().unwrap();
    let many = (1..=20).fold(map(), |map, last| map.host("a.test", [10, 1, 0, last]));
    let rows: [(&str, HostMap, &[&str]); 9] = [
        ("a single address", map().host("a.test", [10, 0, 0, 9]), &["10.0.0.9:80"]),
        (
            "two addresses",
            map().host("a.test", [10, 0, 0, 9]).host("a.test", [10, 0, 0, 8]),
            &["10.0.0.9:80", "10.0.0.8:80"],
        ),
        ("both families", map().host("a.test", v6).host("a.test", [10, 0, 0, 9]), &["[fe80::1]:80", "10.0.0.9:80"]),
        (
            "an equal entry",
            map().host("a.test", [10, 0, 0, 9]).host("A.TEST", [10, 0, 0, 8]).host("a.test.", [10, 0, 0, 9]),
            &["10.0.0.9:80", "10.0.0.8:80"],
        ),
        (
            "two addresses of a port",
            map()
                .host_and_port("a.test", 80, ([10, 0, 0, 9], 81))
                .host_and_port("a.test", 80, ([10, 0, 0, 9], 82))
                .host("a.test", [10, 0, 0, 1]),
            &["10.0.0.9:81", "10.0.0.9:82"],
        ),
        ("a name", map().alias("a.test", "two.test"), &["10.0.0.2:80", "10.0.0.22:80"]),
        ("a name with a port", map().alias_and_port("a.test", 80, "one.test", 81), &["10.0.0.1:81"]),
        (
            "names between addresses",
            map()
                .host("a.test", [10, 0, 0, 9])
                .alias("a.test", "two.test")
                .alias("a.test", "one.test")
                .host("a.test", [10, 0, 0, 2]),
            &["10.0.0.9:80", "10.0.0.2:80", "10.0.0.22:80", "10.0.0.1:80"],
        ),
        (
            "a port before the host",
            map().host("a.test", [10, 0, 0, 1]).alias("a.test", "one.test").alias_and_port("a.test", 80, "two.test", 8),
            &["10.0.0.2:8", "10.0.0.22:8"],
        ),
    ];
    for (name, map, expected) in rows {
        assert_eq!(look_up(&map, "a.test", 80).unwrap(), expected, "{name}");
    }
    assert_eq!(look_up(&many, "a.test", 1).unwrap().len(), 20);
}

#[test]
fn host_map_prefers_the_port_then_the_host_then_the_fallback() {
    let map = map().host("a.test", [10, 0, 0, 7]).host_and_port("a.test", 443, ([10, 0, 0, 8], 8443));
    assert_eq!(look_up(&map, "a.test", 443).unwrap(), ["10.0.0.8:8443"]);
    assert_eq!(look_up(&map, "a.test", 80).unwrap(), ["10.0.0.7:80"]);
    assert_eq!(look_up(&map, "one.test", 80).unwrap(), ["10.0.0.1:80"]);
    assert_eq!(look_up(&map, "b.a.test", 80).unwrap_err(), "no b.a.test");
}

#[test]
fn equal_hosts_are_a_single_key() {
    let rows: [&[&str]; 5] = [
        &["a.test", "A.TEST", "a.test.", "A.Test."],
        &["::1", "[::1]", "0:0:0:0:0:0:0:1", "[0:0::0001]"],
        &["2001:DB8::a", "[2001:db8:0::A]"],
        &["127.0.0.1", "127.1", "0x7f.0.0.1"],
        &["bücher.example", "xn--bcher-kva.example", "BÜCHER.example.", "xn--BCHER-kva.example"],
    ];
    for row in rows {
        for (first, second) in row.iter().flat_map(|first| row.iter().map(move |second| (first, second))) {
            let maps = [map().host(first, [10, 0, 0, 9]), map().host_and_port(first, 80, ([10, 0, 0, 9], 80))];
            for map in &maps {
                assert_eq!(look_up(map, second, 80).unwrap(), ["10.0.0.9:80"], "{first} and {second}");
            }
            let both = map().host(first, [10, 0, 0, 9]).host(second, [10, 0, 0, 8]);
            assert_eq!(look_up(&both, first, 80).unwrap(), ["10.0.0.9:80", "10.0.0.8:80"], "{first} and {second}");
        }
    }
    // Keys that no URL has are compared without regard to case, and nothing panics.
    for odd in ["", ".", "..", "a..", "a b", "[::1", "::1]", "[]", "%", "a%2eb", "fe80::1%eth0", "*", "user@a.test"] {
        let _ = look_up(&map().host(odd, [10, 0, 0, 9]), odd, 80).unwrap();
    }
    assert!(look_up(&map().host("user@a.test", [10, 0, 0, 9]), "a.test", 80).is_err());
}

#[test]
fn names_are_looked_up_by_the_fallback_alone() {
    let names = FewNames::default();
    let map = HostMap::new(names.clone())
        .alias("one.test", "two.test")
        .alias("two.test", "one.test")
        .alias("self.test", "SELF.test.")
        .alias_and_port("one.test", 443, "one.test", 8443)
        .alias("a.test", "b.test")
        .host("b.test", [10, 0, 0, 9]);
    // Names that are mapped to each other are exchanged.
    assert_eq!(look_up(&map, "one.test", 80).unwrap(), ["10.0.0.2:80", "10.0.0.22:80"]);
    assert_eq!(look_up(&map, "two.test", 80).unwrap(), ["10.0.0.1:80"]);
    assert_eq!(look_up(&map, "one.test", 443).unwrap(), ["10.0.0.1:8443"]);
    assert_eq!(look_up(&map, "self.test", 80).unwrap_err(), "no SELF.test.");
    assert_eq!(look_up(&map, "a.test", 80).unwrap_err(), "no b.test");
    assert_eq!(names.asked(), ["two.test:80", "one.test:80", "one.test:8443", "SELF.test.:80", "b.test:80"]);
    // A map around a map applies both.
    let outer = HostMap::new(map).alias("c.test", "a.test").alias("d.test", "b.test");
    assert_eq!(look_up(&outer, "d.test", 80).unwrap(), ["10.0.0.9:80"]);
    assert_eq!(look_up(&outer, "c.test", 80).unwrap_err(), "no b.test");
}

#[test]
fn failed_names_are_left_out_if_another_target_has_an_address() {
    type Row = (&'static str, HostMap, Result<&'static [&'static str], &'static str>);
    let rows: [Row; 5] = [
        ("after an address", map().host("a.test", [10, 0, 0, 9]).alias("a.test", "gone.test"), Ok(&["10.0.0.9:80"])),
        ("before a name", map().alias("a.test", "gone.test").alias("a.test", "one.test"), Ok(&["10.0.0.1:80"])),
        ("alone", map().alias("a.test", "gone.test"), Err("no gone.test")),
        ("two", map().alias("a.test", "gone.test").alias("a.test", "lost.test"), Err("no gone.test")),
        ("empty", map().alias("a.test", "empty.test"), Ok(&[])),
    ];
    for (name, map, expected) in rows {
        let expected = expected.map(|found| found.iter().map(ToString::to_string).collect()).map_err(str::to_owned);
        assert_eq!(look_up(&map, "a.test", 80), expected, "{name}");
    }
}

#[test]
fn forgetting_a_host_forgets_the_names_of_its_entry() {
    let names = FewNames::default();
    let map = HostMap::new(names.clone())
        .alias("a.test", "one.test")
        .host("a.test", [10, 0, 0, 9])
        .alias("a.test", "two.test")
        .alias_and_port("a.test", 443, "one.test", 8443)
        .host("b.test", [10, 0, 0, 9]);
    for (host, port) in [("A.test", 80), ("a.test", 443), ("b.test", 80), ("c.test", 80)] {
        map.forget(host, port);
    }
    assert_eq!(*names.forgotten.lock().unwrap(), ["one.test:80", "two.test:80", "one.test:8443", "c.test:80"]);
}

#[test]
fn second_address_of_a_host_is_connected_to_when_the_first_refuses() {
    let server = Server::start(handler(|request| async { Reply::text(request.host().to_owned()) }.boxed())).unwrap();
    let port = server.address().port();
    // Port 9 is closed on this machine.
    let map = HostMap::new(SystemResolver).host_and_port("a.test", port, ([127, 0, 0, 1], 9)).host_and_port(
        "a.test",
        port,
        server.address(),
    );
    let tcp = TcpClient::new().resolver(map);
    assert!(async_io::block_on(tcp.connect("a.test", port)).is_ok());
}

#[test]
fn name_of_a_host_changes_neither_the_host_header_nor_the_url() {
    let server = Server::start(handler(|request| async { Reply::text(request.host().to_owned()) }.boxed())).unwrap();
    let map = HostMap::new(CachingResolver::new(SystemResolver))
        .alias_and_port("www.example", 80, "localhost", server.address().port())
        .alias("api.example", "127.0.0.1");
    let network = Network::new().proxies(Proxies::none()).resolver(map);
    let client = Client::builder().backend(network.agent()).build().unwrap();
    let api = format!("api.example:{}", server.address().port());
    for host in ["www.example", &api] {
        let url = format!("http://{host}/");
        let text = async_io::block_on(async {
            let response = client.get(url.as_str()).await.unwrap();
            assert_eq!(response.url().as_str(), url);
            response.text().await.unwrap()
        });
        assert_eq!(text, host);
    }
}

#[cfg(feature = "tls")]
#[test]
fn certificate_is_checked_for_the_host_of_the_url_and_not_for_its_alias() {
    use crate::support::tls::{Authority, TlsServer, acceptor, trusting};

    for (certified, is_accepted) in [("server.test", true), ("localhost", false)] {
        let authority = Authority::new();
        let hello = handler(|_| async { Reply::text("hello") }.boxed());
        let server = TlsServer::start(acceptor(authority.issue(&[certified], |_| {}), None), hello);
        let map = HostMap::new(SystemResolver).alias("server.test", "localhost");
        let network = Network::new().proxies(Proxies::none()).resolver(map).tls(trusting(&authority));
        let client = Client::builder().backend(network.agent()).build().unwrap();
        let url = format!("https://server.test:{}/", server.address.port());
        let outcome = async_io::block_on(client.get(url).send());
        assert_eq!(outcome.is_ok(), is_accepted, "{certified}: {outcome:?}");
    }
}
