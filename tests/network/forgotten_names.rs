//! Cached addresses that no longer accept connections: they are looked up again by the next request.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use waterspout::platform::native::{CachingResolver, HostMap, Network, Resolver, SystemTimer, TcpClient};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::{Agent, BoxFuture, Client, Connector, Error, ErrorKind, Origin, Result, Transport};

#[cfg(feature = "tls")]
use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::silent::SilentAddress;

/// A resolver that has the same answer for every name, and counts its questions.
#[derive(Clone)]
struct CountingResolver {
    addresses: Arc<[SocketAddr]>,
    asked: Arc<AtomicUsize>,
}

impl CountingResolver {
    fn new(addresses: &[SocketAddr]) -> Self {
        Self { addresses: addresses.into(), asked: Arc::default() }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolver for CountingResolver {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let addresses = self.addresses.to_vec();
        async move { Ok(addresses) }.boxed()
    }
}

/// A server that closes each connection after a response, so that each request connects.
fn closing_server() -> Server {
    Server::start(handler(|_| async { Reply::text("hello").with_header("connection", "close") }.boxed())).unwrap()
}

/// An address that refuses connections.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn client(network: Network) -> Client {
    Client::builder().backend(network.agent()).build().unwrap()
}

fn direct() -> Network {
    Network::new().proxies(Proxies::none())
}

const LIMIT: Duration = Duration::from_millis(100);

/// Sends two requests over `network`. Returns how often the name was looked up, and the error of the second request.
fn look_ups(network: Network, addresses: &[SocketAddr]) -> (usize, Option<Error>) {
    let counting = CountingResolver::new(addresses);
    let client = client(network.resolver(CachingResolver::new(counting.clone())));
    let send = || {
        let response = block_on(client.get("http://a.example/").connect_timeout(LIMIT).send());
        response.and_then(|response| block_on(response.text())).err()
    };
    send();
    let error = send();
    (counting.asked(), error)
}

#[test]
fn name_is_forgotten_when_no_address_accepts_a_connection() {
    let silent = SilentAddress::new();
    let other_machine = || direct().local_address([192, 0, 2, 1]);
    let server = closing_server();
    let cases: [(&str, Network, Vec<SocketAddr>, ErrorKind); 6] = [
        ("refused", direct(), vec![closed()], ErrorKind::Connect),
        ("all refused", direct(), vec![closed(), closed(), closed()], ErrorKind::Connect),
        ("refused in both families", direct(), vec!["[::1]:1".parse().unwrap(), closed()], ErrorKind::Connect),
        ("timed out", direct(), vec![silent.address], ErrorKind::Timeout),
        ("refused and timed out", direct(), vec![closed(), silent.address], ErrorKind::Timeout),
        // Binding fails, before anything is sent.
        ("another error", other_machine(), vec![server.address()], ErrorKind::Connect),
    ];
    for (name, network, addresses, kind) in cases {
        let (asked, error) = look_ups(network, &addresses);
        assert_eq!(error.map(|error| error.kind()), Some(kind), "{name}");
        assert_eq!(asked, 2, "{name}");
    }
}

#[test]
fn name_is_kept_while_an_address_accepts_connections() {
    let (server, silent) = (closing_server(), SilentAddress::new());
    let open = server.address();
    let cases = [
        ("all addresses", vec![open]),
        ("refused first", vec![closed(), open]),
        ("refused last", vec![open, closed()]),
        ("refused in the other family", vec!["[::1]:1".parse().unwrap(), open]),
    ];
    for (name, addresses) in cases {
        let (asked, error) = look_ups(direct(), &addresses);
        assert!(error.is_none(), "{name}: {error:?}");
        assert_eq!(asked, 1, "{name}");
    }
    // The next address is tried before the limit.
    let (asked, error) = look_ups(direct().attempt_delay(LIMIT / 10), &[silent.address, open]);
    assert!(error.is_none(), "{error:?}");
    assert_eq!(asked, 1);
}

#[test]
fn name_is_kept_when_the_failure_comes_after_the_connect() {
    // The server accepts, and closes without a response.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let (asked, error) = look_ups(direct(), &[address]);
    assert_eq!((asked, error.map(|error| error.kind())), (1, Some(ErrorKind::ConnectionClosed)));
}

#[test]
fn only_the_name_that_failed_is_forgotten() {
    let server = closing_server();
    let counting = CountingResolver::new(&[server.address()]);
    let resolver = Arc::new(CachingResolver::new(counting.clone()));
    let resolve = |host: &str, port| block_on(resolver.resolve(host, port)).unwrap();
    for (host, port) in [("a.example", 80), ("a.example", 81), ("b.example", 80)] {
        resolve(host, port);
    }
    resolver.forget("A.example", 80);
    assert_eq!(counting.asked(), 3);
    for (host, port, asked) in [("a.example", 81, 3), ("b.example", 80, 3), ("a.example", 80, 4), ("a.example", 80, 4)]
    {
        resolve(host, port);
        assert_eq!(counting.asked(), asked, "{host}:{port}");
    }
}

#[test]
fn resolvers_around_a_cache_pass_on_that_a_name_failed() {
    let wrapped: [fn(CountingResolver) -> Box<dyn Resolver>; 4] = [
        |counting| Box::new(Arc::new(CachingResolver::new(counting))),
        |counting| Box::new(HostMap::new(CachingResolver::new(counting)).host("b.example", [127, 0, 0, 1])),
        |counting| Box::new(CachingResolver::new(CachingResolver::new(counting))),
        |counting| Box::new(Arc::new(HostMap::new(Arc::new(CachingResolver::new(counting))))),
    ];
    for (number, wrap) in wrapped.into_iter().enumerate() {
        let counting = CountingResolver::new(&[closed()]);
        let resolver: Arc<dyn Resolver> = wrap(counting.clone()).into();
        let tcp = TcpClient::new().resolver(resolver);
        for asked in 1..3 {
            assert_eq!(block_on(tcp.connect("a.example", 80)).unwrap_err().kind(), ErrorKind::Connect);
            assert_eq!(counting.asked(), asked, "{number}");
        }
    }
}

#[test]
fn tcp_client_forgets_a_name_at_its_own_limit() {
    let silent = SilentAddress::new();
    let counting = CountingResolver::new(&[silent.address]);
    let tcp = TcpClient::new().resolver(CachingResolver::new(counting.clone())).timeout(LIMIT);
    for asked in 1..3 {
        assert_eq!(block_on(tcp.connect("a.example", 80)).unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(counting.asked(), asked);
    }
}

#[test]
fn name_is_kept_when_the_caller_gives_a_connect_up() {
    let (silent, server) = (SilentAddress::new(), closing_server());
    let cases: [(&str, Vec<SocketAddr>); 3] = [
        ("silent", vec![silent.address]),
        ("refused first", vec![closed(), silent.address]),
        ("open", vec![server.address()]),
    ];
    for (name, addresses) in cases {
        let counting = CountingResolver::new(&addresses);
        let client = client(direct().resolver(CachingResolver::new(counting.clone())));
        let tcp = TcpClient::new().resolver(CachingResolver::new(counting.clone())).timeout(LIMIT);
        for _ in 0..2 {
            let mut request = client.get("http://a.example/").connect_timeout(LIMIT).send().boxed();
            assert!((&mut request).now_or_never().is_none(), "{name}");
            drop(request);
        }
        assert_eq!(counting.asked(), 1, "{name}");
        for _ in 0..2 {
            assert!(tcp.connect("a.example", 80).now_or_never().is_none(), "{name}");
        }
        assert_eq!(counting.asked(), 2, "{name}");
    }
}

/// A connector that wraps another connector without its record of steps.
struct Untraced(Network);

impl Connector for Untraced {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        self.0.connect(origin)
    }
}

#[test]
fn name_is_forgotten_at_the_limit_of_a_connector_that_records_no_steps() {
    let silent = SilentAddress::new();
    let counting = CountingResolver::new(&[silent.address]);
    let network = direct().resolver(CachingResolver::new(counting.clone()));
    let client = Client::builder().backend(Agent::new(Untraced(network), SystemTimer)).build().unwrap();
    for asked in 1..3 {
        let error = block_on(client.get("http://a.example/").connect_timeout(LIMIT).send()).unwrap_err();
        assert_eq!((error.kind(), counting.asked()), (ErrorKind::Timeout, asked));
    }
}

#[test]
fn server_that_moved_is_found_by_the_next_request() {
    let server = closing_server();
    let answers = [closed(), server.address()];
    let asked = AtomicUsize::new(0);
    struct Moving([SocketAddr; 2], AtomicUsize);
    impl Resolver for Moving {
        fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
            let address = self.0[self.1.fetch_add(1, Ordering::SeqCst).min(1)];
            async move { Ok(vec![address]) }.boxed()
        }
    }
    let client = client(direct().resolver(CachingResolver::new(Moving(answers, asked))));
    assert_eq!(block_on(client.get("http://a.example/").send()).unwrap_err().kind(), ErrorKind::Connect);
    assert_eq!(block_on(client.get("http://a.example/").send()).unwrap().status(), 200);
}

/// A SOCKS proxy gets addresses that were looked up here, and tells which of them it cannot reach.
#[cfg(feature = "tls")]
#[test]
fn name_is_forgotten_when_a_socks_proxy_reaches_no_address() {
    let server = closing_server();
    let unreachable = SocketAddr::from(([127, 0, 0, 9], server.address().port()));
    let through = |proxy: SocketAddr| Network::new().proxies(Proxies::all(format!("socks5://{proxy}")).unwrap());
    let behaviour = || ProxyBehaviour { unreachable: Some(unreachable.ip()), ..ProxyBehaviour::default() };
    let locked = || ProxyBehaviour { credentials: Some("user:password"), ..ProxyBehaviour::default() };
    let cases = [
        ("no address", behaviour(), vec![unreachable, unreachable], 2),
        ("an address", behaviour(), vec![unreachable, server.address()], 1),
        // The proxy refuses the client and not the addresses.
        ("no access", locked(), vec![server.address()], 1),
    ];
    for (name, behaviour, addresses, asked) in cases {
        let proxy = TinyProxy::socks(behaviour);
        // The address of the proxy is looked up too, and is not counted.
        let counting = CountingResolver::new(&addresses);
        let names = HostMap::new(CachingResolver::new(counting.clone())).host("127.0.0.1", [127, 0, 0, 1]);
        let client = client(through(proxy.address).resolver(names));
        for _ in 0..2 {
            let _ = block_on(client.get("http://a.example/").send());
        }
        assert_eq!(counting.asked(), asked, "{name}");
    }
}
