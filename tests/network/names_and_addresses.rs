//! Addresses of requests: name lookups, literals, address families, host maps, local addresses, and errors of the
//! system.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::executor::block_on;
use waterspout::platform::native::{AddressFamily, CachingResolver, HostMap, Network, Resolver, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{ManualTimer, Reply, Server, handler};
use waterspout::{BoxFuture, Client, Error, ErrorKind, Phase, Response};

/// A resolver that returns the result of a function and remembers the names that it was asked for.
#[derive(Clone)]
struct FakeResolver {
    answer: Arc<dyn Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync>,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl FakeResolver {
    fn new(answer: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self { answer: Arc::new(answer), asked: Arc::default() }
    }
}

impl Resolver for FakeResolver {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self.asked.lock().unwrap().push((host.to_owned(), port));
        let answer = (self.answer)();
        async move { answer }.boxed()
    }
}

struct PendingResolver;

impl Resolver for PendingResolver {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        std::future::pending().boxed()
    }
}

/// A server that answers with the host of the request.
fn echo() -> Server {
    Server::start(handler(|request| async { Reply::text(request.host().to_owned()) }.boxed())).unwrap()
}

fn client(network: Network) -> Client {
    Client::builder().backend(network.agent()).build().unwrap()
}

fn get(network: Network, url: &str) -> std::result::Result<Response, Error> {
    async_io::block_on(client(network).get(url).send())
}

fn text(network: Network, url: &str) -> String {
    async_io::block_on(async { client(network).get(url).await.unwrap().text().await.unwrap() })
}

fn chain(error: &Error) -> Vec<&(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source()).collect()
}

#[test]
fn name_lookup_ends_at_the_connect_limit() {
    let timer = ManualTimer::new();
    let agent = Network::new().timer(timer.clone()).resolver(PendingResolver).agent();
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    let request = client.get("http://example.com/").connect_timeout(Duration::from_millis(100));
    let mut request = request.timeout(Duration::from_secs(3600)).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_millis(99));
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_millis(1));
    let error = request.now_or_never().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect));
    let expected = "the look-up of the address of example.com:80 timed out (limit `connect`: 100ms), \
                    for http://example.com/";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn connect_limit_of_zero_never_expires() {
    let timer = ManualTimer::new();
    let agent = Network::new().timer(timer.clone()).resolver(PendingResolver).agent();
    let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
    let mut request = client.get("http://example.com/").connect_timeout(Duration::ZERO).send().boxed();
    for _ in 0..2 {
        assert!((&mut request).now_or_never().is_none());
        timer.advance(Duration::from_secs(1_000_000));
    }
    assert!(request.now_or_never().is_none());
}

#[test]
fn dns_error_names_the_host_and_its_cause() {
    let resolver = FakeResolver::new(|| Err(io::Error::new(io::ErrorKind::NotFound, "no such name")));
    let error = get(Network::new().resolver(resolver), "http://nowhere.example/").unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Dns, Phase::Connect));
    assert!(error.is_connect() && error.is_network());
    assert!(error.to_string().contains("\"nowhere.example\""), "{error}");
    assert!(error.report().to_string().ends_with("no such name"), "{error}");
    let cause = chain(&error)[0].downcast_ref::<io::Error>().unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::NotFound);
}

#[test]
fn a_name_without_addresses_is_an_error() {
    let error =
        get(Network::new().resolver(FakeResolver::new(|| Ok(Vec::new()))), "http://empty.example/").unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Dns, Phase::Connect));
    assert!(error.to_string().contains("no address of \"empty.example\""), "{error}");
}

#[test]
fn system_resolver_resolves_localhost_and_refuses_an_invalid_name() {
    let found = block_on(SystemResolver.resolve("localhost", 81)).unwrap();
    assert!(!found.is_empty());
    assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 81), "{found:?}");
    assert!(block_on(SystemResolver.resolve("an invalid name", 81)).is_err());
}

#[test]
fn names_below_localhost_are_loopback_without_a_look_up() {
    let loopback = ["[::1]:81".parse().unwrap(), "127.0.0.1:81".parse().unwrap()];
    let local = [
        "localhost",
        "LocalHost",
        "localhost.",
        "LOCALHOST.",
        "a.localhost",
        "A.b.LOCALHOST",
        "a.localhost.",
        "-_.localhost",
    ];
    for host in local {
        // The first poll has the answer, so no thread has asked the system.
        let found = SystemResolver.resolve(host, 81).now_or_never().unwrap_or_else(|| panic!("{host} is looked up"));
        assert_eq!(found.unwrap(), loopback, "{host}");
        let cached = CachingResolver::new(SystemResolver).resolve(host, 81).now_or_never();
        assert_eq!(cached.unwrap().unwrap(), loopback, "{host}");
    }
}

#[test]
fn requests_to_names_below_localhost_reach_this_machine() {
    let server = echo();
    let port = server.address().port();
    for (host, header) in
        [("a.localhost", "a.localhost"), ("LOCALHOST.", "localhost."), ("b.A.localhost.", "b.a.localhost.")]
    {
        for family in [AddressFamily::Any, AddressFamily::V4] {
            let url = format!("http://{host}:{port}/");
            let network = Network::new().proxies(Proxies::none()).address_family(family);
            assert_eq!(text(network, &url), format!("{header}:{port}"));
        }
    }
}

#[test]
fn entry_of_a_host_map_wins_over_the_loopback_address() {
    let map = || {
        HostMap::new(SystemResolver).host("a.localhost", [10, 0, 0, 1]).host_and_port(
            "localhost",
            80,
            ([10, 0, 0, 2], 81),
        )
    };
    let look_up =
        |resolver: &dyn Resolver, host: &str, port| resolver.resolve(host, port).now_or_never().unwrap().unwrap();
    for resolver in [&map() as &dyn Resolver, &CachingResolver::new(map())] {
        assert_eq!(look_up(resolver, "A.localhost", 80), ["10.0.0.1:80".parse().unwrap()]);
        assert_eq!(look_up(resolver, "localhost", 80), ["10.0.0.2:81".parse().unwrap()]);
        assert!(look_up(resolver, "localhost", 443).iter().all(|address| address.ip().is_loopback()));
    }
    // A resolver of the program's own is asked for every name.
    let own = FakeResolver::new(|| Ok(Vec::new()));
    let error = get(Network::new().proxies(Proxies::none()).resolver(own.clone()), "http://a.localhost/").unwrap_err();
    assert_eq!((error.kind(), own.asked.lock().unwrap().len()), (ErrorKind::Dns, 1));
}

#[test]
fn proxy_gets_names_below_localhost_as_they_are() {
    for host in ["localhost", "a.localhost", "localhost."] {
        let proxy = Server::start(handler(|request| async { Reply::text(request.host().to_owned()) }.boxed())).unwrap();
        let proxies = Proxies::all(format!("http://{}", proxy.address())).unwrap();
        // Port 9 is closed, so only the proxy can answer.
        assert_eq!(text(Network::new().proxies(proxies), &format!("http://{host}:9/")), format!("{host}:9"));
    }
}

#[test]
fn ipv6_literal_has_brackets_in_host_and_none_for_the_resolver() {
    let server = echo();
    let address = server.address();
    let resolver = FakeResolver::new(move || Ok(vec![address]));
    let host = text(Network::new().resolver(resolver.clone()), "http://[::1]:8080/");
    assert_eq!(host, "[::1]:8080");
    assert_eq!(*resolver.asked.lock().unwrap(), [("::1".to_owned(), 8080)]);
}

#[test]
fn an_ipv6_literal_is_connected_to() {
    let hello = handler(|_| async { Reply::text("hello") }.boxed());
    let Ok(server) = Server::start_on("[::1]:0".parse().unwrap(), hello) else {
        // The machine has no IPv6. The test above checks that brackets are removed.
        return;
    };
    assert_eq!(text(Network::new(), &server.url("/")), "hello");
    assert_eq!(text(Network::new().address_family(AddressFamily::V6), &server.url("/")), "hello");
    let error = get(Network::new().address_family(AddressFamily::V4), &server.url("/")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns);
}

#[test]
fn an_address_of_the_other_family_is_not_connected_to() {
    let server = echo();
    for (family, url) in [
        (AddressFamily::V6, server.url("/")),
        (AddressFamily::V4, format!("http://[::1]:{}/", server.address().port())),
    ] {
        let error = get(Network::new().address_family(family), &url).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Dns, Phase::Connect));
        assert!(error.to_string().contains("no address in the requested family"), "{error}");
    }
    assert!(get(Network::new().address_family(AddressFamily::V4), &server.url("/")).is_ok());
}

#[test]
fn a_refused_connection_keeps_the_systems_own_error() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let error = get(Network::new(), &format!("http://{address}/")).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect));
    let causes = chain(&error);
    let cause = causes.iter().find_map(|cause| cause.downcast_ref::<io::Error>()).unwrap();
    assert_eq!(cause.kind(), io::ErrorKind::ConnectionRefused);
    assert!(cause.raw_os_error().is_some(), "{cause:?}");
    let text = error.report().to_string();
    assert!(text.contains(&address.to_string()) && text.ends_with(&cause.to_string()), "{text}");
}

#[test]
fn host_map_changes_the_address_and_not_the_host_header() {
    let server = echo();
    let (address, port) = (server.address(), server.address().port());
    let by_port = || HostMap::new(SystemResolver).host_and_port("www.example.com", 80, address);
    assert_eq!(text(Network::new().resolver(by_port()), "http://WWW.example.com/"), "www.example.com");
    let by_host = HostMap::new(SystemResolver).host("www.example.com", address.ip());
    let url = format!("http://www.example.com:{port}/");
    assert_eq!(text(Network::new().resolver(by_host), &url), format!("www.example.com:{port}"));
    // The map has no entry for another port.
    let rest = HostMap::new(FakeResolver::new(|| Ok(Vec::new()))).host_and_port("www.example.com", 80, address);
    assert_eq!(get(Network::new().resolver(rest), "http://www.example.com:81/").unwrap_err().kind(), ErrorKind::Dns);
}

#[test]
fn request_is_sent_from_the_configured_local_address() {
    let server = echo();
    let response = get(Network::new().local_address([127, 0, 0, 1]), &server.url("/")).unwrap();
    assert_eq!(response.connection_info().local_address.unwrap().ip(), std::net::Ipv4Addr::LOCALHOST);
    // An address reserved for documentation (RFC 5737), so it is not an address of this machine.
    let error = get(Network::new().local_address([192, 0, 2, 1]), &server.url("/")).unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Connect, Phase::Connect), "{error}");
    let error = get(Network::new().local_address(std::net::Ipv6Addr::LOCALHOST), &server.url("/")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Dns, "{error}");
}
