//! The native client through proxies of every kind, and what it makes of those that refuse, babble or fall silent.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "tls", not(target_family = "wasm")))]

mod secured;
mod tiny_proxy;

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::process::Command;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use async_io::block_on;
use futures::FutureExt;
use futures_rustls::TlsAcceptor;
use waterspout::platform::native::{HostMap, Network, Resolver, SystemResolver};
use waterspout::proxy::{Proxies, Proxy, SocksReply};
use waterspout::testing::{Handler, ManualTimer, Reply, Script, ScriptedConnector, Server, handler};
use waterspout::{Agent, BoxFuture, Client, Connector, Error, ErrorKind, Origin, Phase, Response, Result, Transport};

use self::secured::{Authority, acceptor, trusting};
use self::tiny_proxy::{Does, TinyProxy};

/// `user:pa ss` in Basic.
const BASIC: &str = "dXNlcjpwYSBzcw==";

/// Says all that it was told.
fn echo() -> impl Handler {
    handler(|request| {
        let headers: Vec<_> =
            request.headers().iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        let text = format!("{} {}\n{}", request.method(), request.target(), headers.join("\n"));
        async move { Reply::text(text) }.boxed()
    })
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

/// Proxies have certificates of another authority.
fn proxies_authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::new)
}

fn proxy_acceptor() -> TlsAcceptor {
    acceptor(proxies_authority().issue(&["127.0.0.1"], |_| {}), None)
}

/// An `https` server for `origin.test` that echoes; its port.
fn secured_origin() -> u16 {
    secured::serve(acceptor(authority().issue(&["origin.test"], |_| {}), None), echo()).port()
}

/// A network that knows `origin.test` and both authorities.
fn network(proxies: Proxies) -> Network {
    let resolver = HostMap::new(SystemResolver).host("origin.test", [127, 0, 0, 1]);
    let network = Network::new().resolver(resolver).proxies(proxies);
    network.tls(trusting(authority())).proxy_tls(trusting(proxies_authority()))
}

fn client(proxy: &str) -> Client {
    client_of(network(Proxies::all(proxy).unwrap()))
}

fn client_of(network: Network) -> Client {
    Client::builder().backend(network.agent()).build().unwrap()
}

fn get(client: &Client, url: &str) -> Result<Response> {
    block_on(async { client.get(url).header("authorization", "for-the-origin").await })
}

fn text(client: &Client, url: &str) -> String {
    block_on(get(client, url).unwrap().text()).unwrap()
}

/// The error of a request that went wrong at the proxy: it names the proxy and tells no secret.
fn refused(client: &Client, url: &str, words: &str) -> Error {
    let error = get(client, url).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{shown}");
    assert!(error.is_network() && error.is_connect());
    assert!(shown.contains("the proxy ") && shown.contains(words), "{shown}");
    assert!(!shown.contains("pa ss") && !shown.contains(BASIC) && !shown.contains("pa%20ss"), "{shown}");
    error
}

fn port_of(server: &Server) -> u16 {
    server.address().port()
}

#[test]
fn a_request_for_http_is_forwarded_whole_over_a_connection_that_is_kept() {
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(Does { wants: Some(BASIC), tls, ..Does::default() });
        let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
        for _ in 0..2 {
            // Nobody looks this name up here.
            assert_eq!(text(&client, "http://nowhere.invalid:81/a?b#c"), "forwarded");
        }
        let asked = proxy.asked();
        assert_eq!(asked.len(), 2);
        for head in asked {
            assert!(head.starts_with("GET http://nowhere.invalid:81/a?b HTTP/1.1\r\nhost: nowhere.invalid:81\r\n"));
            assert!(head.contains("\r\nauthorization: for-the-origin\r\n"), "{head}");
            assert_eq!(head.matches("proxy-authorization").count(), 1, "{head}");
        }
    }
}

#[test]
fn a_request_for_https_goes_through_a_tunnel_that_knows_nothing_of_it() {
    let origin = secured_origin();
    for tls in [None, Some(proxy_acceptor())] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let proxy = TinyProxy::http(Does { wants: Some(BASIC), tls, ..Does::default() });
        let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
        for _ in 0..2 {
            let seen = text(&client, &format!("https://origin.test:{origin}/a?b"));
            assert!(seen.starts_with("GET /a?b\n") && seen.contains("authorization: for-the-origin"), "{seen}");
            assert!(!seen.contains("proxy-authorization") && !seen.contains(BASIC), "{seen}");
        }
        let expected = format!(
            "CONNECT origin.test:{origin} HTTP/1.1\r\nhost: origin.test:{origin}\r\n\
             proxy-authorization: Basic {BASIC}\r\n\r\n"
        );
        // One tunnel for both requests.
        assert_eq!(proxy.asked(), [expected]);
    }
}

#[test]
fn a_request_for_http_goes_through_a_tunnel_if_that_is_wanted() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::http(Does::default());
    let through = Proxy::parse(&format!("http://user:pa%20ss@{}", proxy.address)).unwrap().tunnel_all(true);
    let client = client_of(network(Proxies::all(through).unwrap()));
    let seen = text(&client, &format!("http://origin.test:{}/a", port_of(&origin)));
    assert!(seen.starts_with("GET /a\n") && !seen.contains("proxy-authorization"), "{seen}");
    assert!(proxy.asked()[0].starts_with(&format!("CONNECT origin.test:{} ", port_of(&origin))));
}

#[test]
fn socks_is_told_addresses_and_socksh_names() {
    let (http, https) = (Server::start(echo()).unwrap(), secured_origin());
    for wants in [None, Some("user:pa ss")] {
        let proxy = TinyProxy::socks(Does { wants, ..Does::default() });
        for (scheme, host) in [("socks5", "127.0.0.1"), ("socks5h", "origin.test")] {
            let client = client(&format!("{scheme}://user:pa%20ss@{}", proxy.address));
            let seen = text(&client, &format!("http://origin.test:{}/a", port_of(&http)));
            assert!(seen.starts_with("GET /a\n"), "{seen}");
            let seen = text(&client, &format!("https://origin.test:{https}/a"));
            assert!(seen.starts_with("GET /a\n"), "{seen}");
            let asked = proxy.asked();
            let last = &asked[asked.len() - 2..];
            assert_eq!(last, [format!("{host} {}", port_of(&http)), format!("{host} {https}")]);
        }
    }
}

#[test]
fn an_ipv6_address_is_told_to_each_kind_as_it_wants_it() {
    let acceptor = acceptor(authority().issue(&["::1"], |_| {}), None);
    let port = secured::serve(acceptor, echo()).port();
    let (http, socks) = (TinyProxy::http(Does::default()), TinyProxy::socks(Does::default()));
    let url = format!("https://[::1]:{port}/");
    let proxies = [("http", http.address), ("socks5", socks.address), ("socks5h", socks.address)];
    for (scheme, address) in proxies {
        assert!(text(&client(&format!("{scheme}://{address}")), &url).starts_with("GET /"));
    }
    assert!(http.asked()[0].starts_with(&format!("CONNECT [::1]:{port} HTTP/1.1\r\nhost: [::1]:{port}\r\n")));
    assert_eq!(socks.asked(), [format!("::1 {port}"), format!("::1 {port}")]);
}

#[test]
fn a_response_says_which_proxy_it_came_through_and_what_its_way_took() {
    let origin = secured_origin();
    let plain = TinyProxy::http(Does::default());
    let secured = TinyProxy::http(Does { tls: Some(proxy_acceptor()), ..Does::default() });
    for (scheme, proxy) in [("http", &plain), ("https", &secured)] {
        let client = client(&format!("{scheme}://{}", proxy.address));
        for (url, has_tls) in
            [("http://origin.test/".to_owned(), false), (format!("https://origin.test:{origin}/"), true)]
        {
            let exchange = get(&client, &url).unwrap().exchange();
            assert_eq!(exchange.remote_address, Some(proxy.address));
            // The proxy's own TLS is part of connecting.
            assert_eq!((exchange.connect.is_some(), exchange.tls.is_some()), (true, has_tls), "{scheme} {url}");
        }
    }
}

struct TwoAddresses;

impl Resolver for TwoAddresses {
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let addresses = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => vec![[127, 0, 0, 9].into(), [127, 0, 0, 1].into()],
        };
        Box::pin(async move { Ok(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()) })
    }
}

#[test]
fn socks_is_told_the_next_address_if_it_cannot_reach_the_first() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::socks(Does { lost: Some([127, 0, 0, 9].into()), ..Does::default() });
    let proxies = Proxies::all(format!("socks5://{}", proxy.address)).unwrap();
    let client = client_of(network(proxies).resolver(TwoAddresses));
    let port = port_of(&origin);
    assert!(text(&client, &format!("http://origin.test:{port}/")).starts_with("GET /"));
    assert_eq!(proxy.asked(), [format!("127.0.0.9 {port}"), format!("127.0.0.1 {port}")]);
    let error = refused(&client, "http://origin.test:1/", "could not connect to 127.0.0.1:1");
    let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>());
    assert_eq!(reply.map(|reply| reply.code()), Some(5));
}

#[test]
fn wrong_credentials_are_an_error_of_a_tunnel_and_the_response_of_a_forwarded_request() {
    let proxy = TinyProxy::http(Does { wants: Some("other"), ..Does::default() });
    let client = client(&format!("http://user:pa%20ss@{}", proxy.address));
    let error = refused(&client, "https://origin.test:9/", "407 Proxy Authentication Required");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(407));
    assert!(!error.is_retryable());
    assert!(error.to_string().contains(&format!("http://{} refuses a tunnel to origin.test:9", proxy.address)));
    assert_eq!(get(&client, "http://origin.test/").unwrap().status(), 407);

    let proxy = TinyProxy::socks(Does { wants: Some("other:one"), ..Does::default() });
    let with = |userinfo: &str| self::client(&format!("socks5h://{userinfo}{}", proxy.address));
    refused(&with("user:pa%20ss@"), "http://origin.test:9/", "does not accept the user name and password");
    refused(&with(""), "http://origin.test:9/", "wants credentials");
    assert!(proxy.asked().is_empty());
}

#[test]
fn a_proxy_that_babbles_or_closes_early_is_an_error_at_once() {
    for says in [&b""[..], b"HTTP/1.1 200 ", b"220 mail.test ESMTP\r\n", b"HTTP/1.1 200 OK\r\n\r\nmore", b"\0\0\0\0"] {
        let proxy = TinyProxy::http(Does { says: Some(says), ..Does::default() });
        let error = refused(&client(&format!("http://u:pa%20ss@{}", proxy.address)), "https://origin.test:9/", "");
        // Only what broke off may go better.
        assert_eq!(error.is_retryable(), b"HTTP/1.1 200 ".starts_with(says), "{error}");
    }
    for says in [&b""[..], b"\x05", b"\x05\x00\x05\x00", b"HTTP/1.1 400 Bad Request\r\n\r\n"] {
        let proxy = TinyProxy::socks(Does { says: Some(says), ..Does::default() });
        let error = refused(&client(&format!("socks5h://u:pa%20ss@{}", proxy.address)), "https://origin.test:9/", "");
        assert_eq!(error.is_retryable(), b"\x05\x00\x05\x00".starts_with(says), "{error}");
    }
}

#[test]
fn the_limit_for_connecting_covers_the_proxys_part_and_closes_the_connection() {
    let silent = || Does { is_silent: true, ..Does::default() };
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let proxy = TinyProxy::http(silent());
        let client = client(&format!("{scheme}://{}", proxy.address));
        let request = client.get("https://origin.test:9/").connect_timeout(Duration::from_millis(50));
        let error = block_on(request.send()).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
        assert_eq!(error.limit().map(|limit| limit.name), Some("connect"));
        proxy.wait_until_left();
    }
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "https", "socks5", "socks5h"] {
        let client = client(&format!("{scheme}://user:pa%20ss@{free}"));
        let error =
            refused(&client, "http://origin.test/", &format!("could not connect to the proxy {scheme}://{free}"));
        let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
        assert_eq!(cause.kind(), ErrorKind::Connect);
        assert!(error.is_retryable(), "no connection could be made");
    }
    let error = refused(&client("http://proxy.invalid"), "https://origin.test/", "the proxy http://proxy.invalid:80");
    let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
    assert_eq!(cause.kind(), ErrorKind::Dns);
}

#[test]
fn the_certificates_of_proxy_and_server_are_each_checked() {
    let origin = secured_origin();
    let proxy = TinyProxy::http(Does { tls: Some(proxy_acceptor()), ..Does::default() });
    let (proxies, url) =
        (Proxies::all(format!("https://{}", proxy.address)).unwrap(), format!("https://origin.test:{origin}/"));
    // Without a setting of its own the proxy is trusted as servers are, and this one is not.
    let both = |tls| client_of(network(proxies.clone()).proxy_tls(tls));
    let error = refused(&both(trusting(authority())), &url, "could not secure the connection to the proxy");
    let cause = error.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
    assert_eq!(cause.kind(), ErrorKind::Tls);
    assert!(proxy.asked().is_empty());
    let swapped = client_of(network(proxies.clone()).tls(trusting(proxies_authority())));
    let error = get(&swapped, &url).unwrap_err();
    assert_eq!((error.kind(), proxy.asked().len()), (ErrorKind::Tls, 1), "{error}");
    assert!(text(&client_of(network(proxies.clone())), &url).starts_with("GET /"));
    let trusts_both = trusting(authority()).root_certificates_pem(proxies_authority().pem().as_bytes()).unwrap();
    let one_for_both = Network::new().proxies(proxies).tls(trusts_both);
    assert!(text(&client_of(one_for_both), &url).starts_with("GET /"));
}

#[test]
fn a_certificate_of_ones_own_is_shown_to_servers_and_not_to_proxies() {
    let wants_one = acceptor(proxies_authority().issue(&["127.0.0.1"], |_| {}), Some(authority().roots()));
    let proxy = TinyProxy::http(Does { tls: Some(wants_one), ..Does::default() });
    let (certificate, key) = authority().issue(&["client"], |_| {});
    let shows = trusting(proxies_authority())
        .client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
        .unwrap();
    let proxies = Proxies::all(format!("https://{}", proxy.address)).unwrap();
    let network = || Network::new().proxies(proxies.clone());
    assert!(get(&client_of(network().tls(shows.clone())), "http://origin.test/").is_err());
    assert!(proxy.asked().is_empty());
    assert_eq!(text(&client_of(network().proxy_tls(shows)), "http://origin.test/"), "forwarded");
}

#[test]
fn exceptions_and_other_schemes_are_reached_directly() {
    let origin = Server::start(echo()).unwrap();
    let proxy = TinyProxy::http(Does::default());
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
    assert!(proxy.asked().is_empty());
    let excepted = client_of(network(Proxies::all(through.as_str()).unwrap().no_proxy("other.test").unwrap()));
    assert_eq!(text(&excepted, &url("origin.test")), "forwarded");
}

#[test]
fn a_proxy_is_reached_directly_even_if_it_is_the_origin() {
    let proxy = TinyProxy::http(Does::default());
    let url = format!("http://{}/", proxy.address);
    assert_eq!(text(&client(&url), &url), "forwarded");
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with(&format!("GET {url} HTTP/1.1\r\n")), "{asked:?}");
}

#[test]
fn a_function_chooses_for_each_origin() {
    let (one, two) = (TinyProxy::http(Does::default()), TinyProxy::http(Does::default()));
    let addresses = [one.address, two.address];
    let proxies = Proxies::custom(move |origin: &Origin| {
        let index = usize::from(origin.host() == "two.test");
        Proxy::parse(&format!("http://{}", addresses[index])).ok()
    });
    let client = client_of(network(proxies));
    for (url, counts) in [("http://one.test/", (1, 0)), ("http://two.test/", (1, 1)), ("http://one.test/", (2, 1))] {
        assert_eq!(text(&client, url), "forwarded");
        assert_eq!((one.asked().len(), two.asked().len()), counts);
    }
}

#[test]
fn a_request_may_bring_its_own_way_and_shares_its_connections_with_nobody() {
    let origin = Server::start(handler(|_| async { Reply::text("directly") }.boxed())).unwrap();
    let proxy = TinyProxy::http(Does::default());
    let client = client_of(network(Proxies::none()));
    let via = network(Proxies::all(format!("http://{}", proxy.address)).unwrap()).via();
    let fetch = |own: bool| {
        let request = client.get(origin.url("/"));
        let request = if own { request.extension(via.clone()) } else { request };
        let response = block_on(request.send()).unwrap();
        let remote = response.exchange().remote_address;
        (remote.unwrap(), block_on(response.text()).unwrap())
    };
    for _ in 0..2 {
        assert_eq!(fetch(false), (origin.address(), "directly".to_owned()));
        assert_eq!(fetch(true), (proxy.address, "forwarded".to_owned()));
    }
    assert_eq!(proxy.asked().len(), 2);
}

/// Run by [`the_default_client_reads_the_environment`], in a process with another environment.
#[test]
#[ignore = "is run by another test"]
fn child() {
    let outcome = block_on(async { Client::new().get(std::env::var("CHILD_URL").unwrap()).await?.text().await });
    println!("outcome: {outcome:?}");
}

#[test]
fn the_default_client_reads_the_environment() {
    let origin = Server::start(handler(|_| async { Reply::text("directly") }.boxed())).unwrap();
    let proxy = TinyProxy::http(Does { wants: Some(BASIC), ..Does::default() });
    let through = format!("http://user:pa%20ss@{}", proxy.address);
    let fetch = |variables: &[(&str, &str)]| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.args(["--exact", "child", "--ignored", "--nocapture"]).env("CHILD_URL", origin.url("/"));
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let output = String::from_utf8(output.stdout).unwrap();
        output.split("outcome: ").nth(1).unwrap().lines().next().unwrap().to_owned()
    };
    let (forwarded, directly) = ("Ok(\"forwarded\")", "Ok(\"directly\")");
    assert_eq!(fetch(&[]), directly);
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        assert_eq!(fetch(&[(name, &through)]), forwarded, "{name}");
    }
    for name in ["no_proxy", "NO_PROXY"] {
        assert_eq!(fetch(&[("HTTP_PROXY", &through), (name, "127.0.0.1")]), directly, "{name}");
    }
    assert_eq!(fetch(&[("HTTPS_PROXY", &through)]), directly);
    assert_eq!(fetch(&[("HTTP_PROXY", &through), ("REQUEST_METHOD", "GET")]), directly);
    let malformed = fetch(&[("HTTP_PROXY", "ftp://user:pa%20ss@proxy")]);
    assert!(malformed.contains("HTTP_PROXY does not hold a proxy") && !malformed.contains("pa%20ss"), "{malformed}");
    assert_eq!(proxy.asked().len(), 4);
}

/// A connector of one's own that goes through a proxy: what the native one does, over scripted connections.
struct Through {
    proxy: Proxy,
    inner: ScriptedConnector,
}

impl Connector for Through {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut stream = self.inner.connect(origin).await?;
            self.proxy.tunnel(&mut stream, origin.host(), origin.port()).await?;
            Ok(stream)
        })
    }
}

#[test]
fn a_request_dropped_at_any_point_of_the_way_through_a_proxy_leaves_nothing_behind() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let established = b"HTTP/1.1 200 Connection established\r\nproxy-agent: tiny\r\n\r\n";
    let socks = b"\x05\x02\x01\x00\x05\x00\x00\x03\x02xx\x00\x00";
    let tunnels = [
        ("http://u:p@proxy.test", Script::new().expect_head().drip(established), established.len()),
        ("socks5h://u:p@proxy.test", Script::new().drip(socks), socks.len()),
    ];
    for (proxy, tunnel, bytes) in tunnels {
        for polls in 0.. {
            let connector = ScriptedConnector::new([tunnel.clone().expect_head().drip(answer).expect_head().silence()]);
            let timer = ManualTimer::new();
            let proxy = Proxy::parse(proxy).unwrap().tunnel_all(true);
            let through = Through { proxy, inner: connector.clone() };
            let agent = Agent::new(through, timer.clone());
            let client = Client::builder().backend(agent).timer(timer.clone()).max_active(1).build().unwrap();

            let finished = poll_times(async { client.get("http://example.com/").await?.text().await }, polls);
            assert_eq!((client.stats().active, client.stats().queued), (0, 0), "after {polls} polls");
            assert_eq!(timer.pending(), 0, "after {polls} polls");
            assert_eq!(connector.open(), usize::from(finished.is_some()), "after {polls} polls");
            if let Some(outcome) = finished {
                assert_eq!(outcome.unwrap(), "ok");
                assert!(polls > bytes + answer.len() - "ok".len(), "{polls} polls are too few to have met every wait");
                break;
            }
        }
    }
}

/// Polls `future` at most `times`.
fn poll_times<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    (0..times).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}
