//! The network settings of a client's builder: each has an effect, in any order, and none is ignored.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use waterspout::agent::CookieStore;
use waterspout::http::{HeaderMap, HeaderValue};
use waterspout::platform::native::{HostMap, Network, Resolver, SystemResolver};
use waterspout::proxy::Proxies;
use waterspout::testing::{ManualTimer, MockBackend, Reply, Server, handler};
use waterspout::{BoxFuture, Builder, Client, ErrorKind, Result, Url};

/// A server that answers with the target, the host, the user agent and the cookies of the request, and sets a cookie.
fn echo() -> Server {
    let answer = handler(|request| {
        let header = |name| request.header(name).unwrap_or("-").to_owned();
        let text = format!("{} {} {} {}", request.target(), header("host"), header("user-agent"), header("cookie"));
        async { Reply::text(text).with_header("set-cookie", "sid=42") }.boxed()
    });
    Server::start(answer).unwrap()
}

fn text(client: &Client, url: &str) -> Result<String> {
    async_io::block_on(async { client.get(url).await?.text().await })
}

/// A store that sends a fixed cookie and counts the responses.
#[derive(Clone, Debug, Default)]
struct CountingStore(Arc<Mutex<usize>>);

impl CookieStore for CountingStore {
    fn store(&self, _url: &Url, _headers: &HeaderMap) {
        *self.0.lock().unwrap() += 1;
    }

    fn cookies(&self, _url: &Url) -> Option<HeaderValue> {
        Some(HeaderValue::from_static("a=1"))
    }
}

struct PendingResolver;

impl Resolver for PendingResolver {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, std::io::Result<Vec<std::net::SocketAddr>>> {
        std::future::pending().boxed()
    }
}

/// A setter of the builder with its name.
type Setting<'a> = (&'static str, Box<dyn Fn(Builder) -> Builder + 'a>);

/// Returns the settings in every order.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let insert = |order: &Vec<usize>, at: usize| {
        let mut order = order.clone();
        order.insert(at, count - 1);
        order
    };
    orders(count - 1).iter().flat_map(|order| (0..count).map(|at| insert(order, at)).collect::<Vec<_>>()).collect()
}

#[test]
fn settings_have_the_same_effect_in_every_order() {
    let server = echo();
    let store = CountingStore::default();
    let network = || {
        let hosts = HostMap::new(SystemResolver).host("of-network.example", [127, 0, 0, 1]);
        Network::new().resolver(hosts)
    };
    let settings: Vec<Setting<'_>> = vec![
        ("network", Box::new(|builder| builder.network(network()))),
        ("resolve", Box::new(|builder| builder.resolve("of-builder.example", [127, 0, 0, 1]))),
        ("proxies", Box::new(|builder| builder.proxies(Proxies::none()))),
        ("cookies", Box::new(|builder| builder.cookies(store.clone()))),
        ("user_agent", Box::new(|builder| builder.user_agent("example/1.0"))),
        ("local_address", Box::new(|builder| builder.local_address([127, 0, 0, 1]))),
    ];
    for order in orders(settings.len()).into_iter().step_by(7) {
        let names: Vec<_> = order.iter().map(|index| settings[*index].0).collect();
        let builder = order.iter().fold(Client::builder(), |builder, index| settings[*index].1(builder));
        let client = builder.build().unwrap();
        for host in ["of-network.example", "of-builder.example"] {
            let port = server.address().port();
            let expected = format!("/ {host}:{port} example/1.0 a=1");
            assert_eq!(text(&client, &format!("http://{host}:{port}/")).unwrap(), expected, "{names:?}");
        }
    }
    assert!(*store.0.lock().unwrap() > 0);
}

#[test]
fn backend_beside_a_setting_that_it_does_not_use_is_an_error() {
    let settings: Vec<Setting<'_>> = vec![
        ("network", Box::new(|builder| builder.network(Network::new()))),
        ("cookies", Box::new(|builder| builder.cookies(CountingStore::default()))),
        ("proxy", Box::new(|builder| builder.proxy("http://proxy.example:3128"))),
        ("proxies", Box::new(|builder| builder.proxies(Proxies::none()))),
        ("resolve", Box::new(|builder| builder.resolve("a.example", [127, 0, 0, 1]))),
        ("resolve_port", Box::new(|builder| builder.resolve_port("a.example", 80, ([127, 0, 0, 1], 81)))),
        ("local_address", Box::new(|builder| builder.local_address([127, 0, 0, 1]))),
        ("tcp_keepalive", Box::new(|builder| builder.tcp_keepalive(Duration::from_secs(30)))),
        #[cfg(feature = "tls")]
        ("root_certificates_pem", Box::new(|builder| builder.root_certificates_pem("not read"))),
        #[cfg(feature = "tls")]
        ("without_system_roots", Box::new(|builder| builder.without_system_roots())),
        #[cfg(feature = "tls")]
        ("client_certificate_pem", Box::new(|builder| builder.client_certificate_pem("not read", "not read"))),
        #[cfg(feature = "tls")]
        ("danger_accept_invalid_certificates", Box::new(|builder| builder.danger_accept_invalid_certificates(true))),
        #[cfg(feature = "tls")]
        ("danger_accept_invalid_hostnames", Box::new(|builder| builder.danger_accept_invalid_hostnames(true))),
    ];
    let backend = |builder: Builder| builder.backend(MockBackend::text("hello"));
    for (name, set) in &settings {
        for builder in [set(backend(Client::builder())), backend(set(Client::builder()))] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}");
            assert!(error.to_string().contains(&format!("`Builder::{name}`")), "{name}: {error}");
        }
        // Without a setting, the backend is used.
        assert!(backend(Client::builder()).build().is_ok());
    }
    // All settings are named, each once.
    let all = settings.iter().chain(&settings).fold(backend(Client::builder()), |builder, (_, set)| set(builder));
    let error = all.build().unwrap_err().to_string();
    for (name, _) in &settings {
        assert_eq!(error.matches(&format!("`Builder::{name}`")).count(), 1, "{error}");
    }
}

#[test]
fn setting_for_every_platform_goes_with_a_backend() {
    let backend = MockBackend::text("hello");
    let builder = Client::builder().backend(backend).user_agent("example/1.0").timer(ManualTimer::new());
    assert!(builder.build().is_ok());
}

#[test]
fn later_network_replaces_the_earlier() {
    let server = echo();
    let mapped = |host: &str| Network::new().resolver(HostMap::new(PendingResolver).host(host, [127, 0, 0, 1]));
    let client = Client::builder().network(mapped("a.example")).network(mapped("b.example"));
    let client = client.connect_timeout(Duration::from_millis(50)).build().unwrap();
    let url = |host: &str| format!("http://{host}:{}/", server.address().port());
    assert!(text(&client, &url("b.example")).is_ok());
    assert!(text(&client, &url("a.example")).unwrap_err().is_timeout());
}

#[test]
fn host_of_the_builder_can_have_several_addresses() {
    let server = echo();
    let port = server.address().port();
    // No server listens on the first address.
    let client = Client::builder().resolve("a.example", [127, 0, 0, 2]).resolve("a.example", [127, 0, 0, 1]);
    assert!(text(&client.build().unwrap(), &format!("http://a.example:{port}/")).is_ok());
}

#[test]
fn port_of_a_host_takes_precedence_over_the_host() {
    let server = echo();
    let client = Client::builder()
        .resolve_port("a.example", 80, server.address())
        .resolve("a.example", [127, 0, 0, 2])
        .build()
        .unwrap();
    assert!(text(&client, "http://a.example/").unwrap().starts_with("/ a.example "));
}

#[test]
fn resolver_of_the_network_answers_for_other_hosts() {
    let server = echo();
    let hosts = HostMap::new(PendingResolver).host("a.example", [127, 0, 0, 1]).host("b.example", [127, 0, 0, 2]);
    // The builder's own entry for a host wins over the entry of the network.
    let builder = Client::builder().resolve("b.example", [127, 0, 0, 1]).network(Network::new().resolver(hosts));
    let client = builder.build().unwrap();
    for host in ["a.example", "b.example"] {
        assert!(text(&client, &format!("http://{host}:{}/", server.address().port())).is_ok(), "{host}");
    }
}

#[test]
fn proxy_forwards_the_requests_of_every_origin() {
    let server = echo();
    let proxy = format!("http://{}", server.address());
    let of_network = Network::new().proxies(Proxies::none());
    for builder in [
        Client::builder().proxy(proxy.as_str()),
        Client::builder().proxy(proxy.as_str()).network(of_network.clone()),
        Client::builder().network(of_network).proxies(Proxies::none()).proxy(proxy.as_str()),
    ] {
        let answer = text(&builder.build().unwrap(), "http://nowhere.example/path").unwrap();
        assert!(answer.starts_with("http://nowhere.example/path nowhere.example "), "{answer}");
    }
}

#[test]
fn invalid_proxy_is_an_error_of_build() {
    for (proxy, kind) in [
        ("ftp://proxy.example", ErrorKind::UnsupportedScheme),
        ("http://proxy.example/path", ErrorKind::InvalidUrl),
        ("", ErrorKind::InvalidUrl),
    ] {
        assert_eq!(Client::builder().proxy(proxy).build().unwrap_err().kind(), kind, "{proxy}");
        // A valid setting after it does not hide it.
        let builder = Client::builder().proxy(proxy).proxies(Proxies::none()).network(Network::new());
        assert_eq!(builder.build().unwrap_err().kind(), kind, "{proxy}");
    }
}

/// Returns whether `timer` ends the name lookup of the client after its connect limit of 5 s.
fn ends_lookup(client: &Client, timer: &ManualTimer) -> bool {
    let mut request = client.get("http://example.com/").connect_timeout(Duration::from_secs(5)).send().boxed();
    assert!((&mut request).now_or_never().is_none());
    timer.advance(Duration::from_secs(5));
    request.now_or_never().is_some_and(|outcome| outcome.unwrap_err().is_timeout())
}

#[test]
fn network_has_the_clock_of_the_client_unless_it_has_its_own() {
    let timer = ManualTimer::new();
    let network = || Network::new().resolver(PendingResolver).proxies(Proxies::none());
    for builder in [
        Client::builder().timer(timer.clone()).network(network()),
        Client::builder().network(network()).timer(timer.clone()),
    ] {
        assert!(ends_lookup(&builder.build().unwrap(), &timer));
    }
    let own = ManualTimer::new();
    for builder in [
        Client::builder().timer(timer.clone()).network(network().timer(own.clone())),
        Client::builder().network(network().timer(own.clone())).timer(timer.clone()),
        Client::builder().network(network().timer(own.clone())),
    ] {
        let client = builder.build().unwrap();
        assert!(!ends_lookup(&client, &timer));
        assert!(ends_lookup(&client, &own));
    }
}

#[test]
fn user_agent_and_default_headers_replace_each_other() {
    let server = echo();
    let headers = || HeaderMap::from_iter([("user-agent".parse().unwrap(), HeaderValue::from_static("of-headers"))]);
    let sent = |builder: Builder| text(&builder.build().unwrap(), &server.url("/")).unwrap();
    assert!(sent(Client::builder().user_agent("of-setter")).contains(" of-setter "));
    assert!(sent(Client::builder().default_headers(headers()).user_agent("of-setter")).contains(" of-setter "));
    assert!(sent(Client::builder().user_agent("of-setter").default_headers(headers())).contains(" of-headers "));
    assert!(sent(Client::builder().user_agent("first").user_agent("second")).contains(" second "));
    let client = Client::builder().user_agent("of-setter").build().unwrap();
    let request = client.get(server.url("/")).header("user-agent", "of-request");
    let text = async_io::block_on(async { request.await.unwrap().text().await.unwrap() });
    assert!(text.contains(" of-request "), "{text}");
}

#[test]
fn user_agent_with_a_control_character_is_an_error_of_build() {
    for value in ["a\r\nb: c", "a\nb", "a\0b", "a\x7fb"] {
        for builder in [
            Client::builder().user_agent(value),
            Client::builder().user_agent("good").user_agent(value).default_headers(HeaderMap::new()),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{value:?}");
            assert!(error.to_string().contains("user_agent"), "{error}");
        }
    }
}
