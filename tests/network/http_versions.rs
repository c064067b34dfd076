//! Which version of HTTP a connection without TLS speaks, and what a response reports about its connection.

use async_io::block_on;
use futures::FutureExt;
use waterspout::http::Version;
use waterspout::platform::native::Network;
use waterspout::proxy::{Proxies, Proxy};
use waterspout::testing::{MemoryConnector, Reply, Script, ScriptedConnector, Server, handler};
use waterspout::{Client, Connector, Error, ErrorKind, Origin, Phase, Transport, Url};

use crate::support::proxy::{ProxyBehaviour, TinyProxy};

fn hello() -> Server {
    Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap()
}

fn origin(server: &Server) -> Origin {
    Url::parse(&server.url("/")).unwrap().origin()
}

fn version(outcome: Result<Box<dyn Transport>, Error>) -> Result<Version, Error> {
    outcome.map(|transport| transport.version())
}

#[cfg(feature = "http2")]
#[test]
fn prior_knowledge_is_for_servers_and_not_for_forwarding_proxies() {
    let server = hello();
    let origin = origin(&server);
    let http = TinyProxy::http(ProxyBehaviour::default());
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    let proxy = |scheme: &str, proxy: &TinyProxy| Proxy::parse(&format!("{scheme}://{}", proxy.address)).unwrap();
    let tunnelling = Proxies::all(proxy("http", &http).tunnel_all(true)).unwrap();
    // The way to the server, and whether the proxy forwards the requests.
    let ways = [
        ("direct", Proxies::none(), false),
        ("forwarding proxy", Proxies::all(proxy("http", &http)).unwrap(), true),
        ("tunnelling proxy", tunnelling, false),
        ("socks5 proxy", Proxies::all(proxy("socks5", &socks)).unwrap(), false),
    ];
    for (way, proxies, forwards) in ways {
        let network = Network::new().proxies(proxies);
        let connect = |network: Network| version(block_on(network.connect(&origin)));
        assert!(!network.may_speak_http2(&origin), "{way}");
        assert_eq!(connect(network.clone()).unwrap(), Version::HTTP_11, "{way}");
        assert!(!network.clone().http2_only().http1_only().may_speak_http2(&origin), "{way}");
        assert_eq!(connect(network.clone().http1_only()).unwrap(), Version::HTTP_11, "{way}");

        let known = network.clone().http2_prior_knowledge();
        assert!(known.may_speak_http2(&origin), "{way}");
        let expected = if forwards { Version::HTTP_11 } else { Version::HTTP_2 };
        assert_eq!(connect(known).unwrap(), expected, "{way}");

        let only = network.http2_only();
        assert!(only.may_speak_http2(&origin), "{way}");
        match connect(only) {
            Ok(version) => assert!(!forwards && version == Version::HTTP_2, "{way}"),
            Err(error) => {
                assert!(forwards, "{way}: {error}");
                assert_eq!((error.kind(), error.phase()), (ErrorKind::Unsupported, Phase::Connect));
                let text = error.to_string();
                let names = [format!("http://{}", server.address()), format!("http://{}", http.address)];
                assert!(names.iter().all(|name| text.contains(name)), "{text}");
            }
        }
    }
}

#[test]
fn proxies_are_not_chosen_to_answer_whether_http2_is_possible() {
    let proxies = Proxies::custom(|_| panic!("a proxy is chosen without a connect"));
    let network = Network::new().proxies(proxies);
    for url in ["http://example.com/", "https://example.com/"] {
        let origin = Url::parse(url).unwrap().origin();
        assert!(!network.clone().http1_only().may_speak_http2(&origin));
        #[cfg(feature = "http2")]
        assert!(network.clone().http2_only().may_speak_http2(&origin));
    }
}

#[test]
fn response_reports_the_version_of_its_connection() {
    let server = Server::start(handler(|request| {
        let is_redirect = request.path() == "/redirect";
        let reply = if is_redirect { Reply::raw(REDIRECT) } else { Reply::text("hello") };
        async { reply }.boxed()
    }))
    .unwrap();
    let client = Client::builder().network(Network::new().proxies(Proxies::none())).build().unwrap();
    // A raw reply closes its connection, so the redirect is followed on a new connection.
    for (path, reused) in [("/", false), ("/", true), ("/redirect", false)] {
        let response = block_on(async { client.get(server.url(path)).await }).unwrap();
        let info = response.connection_info();
        assert_eq!((info.version, info.reused), (Some(Version::HTTP_11), reused), "{path}");
        assert!(response.history().iter().all(|entry| entry.connection_info.version == Some(Version::HTTP_11)));
        assert_eq!(response.history().len(), usize::from(path == "/redirect"));
        block_on(response.text()).unwrap();
    }
}

const REDIRECT: &str = "HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";

#[test]
fn server_of_http_1_0_is_on_a_connection_of_http_1_1() {
    let raw = "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let server = Server::start(handler(move |_| async move { Reply::raw(raw) }.boxed())).unwrap();
    let client = Client::builder().network(Network::new().proxies(Proxies::none())).build().unwrap();
    let response = block_on(async { client.get(server.url("/")).await }).unwrap();
    assert_eq!(response.version(), Version::HTTP_10);
    assert_eq!(response.connection_info().version, Some(Version::HTTP_11));
}

#[test]
fn forwarding_proxy_gets_http_1_1() {
    let proxy = TinyProxy::http(ProxyBehaviour::default());
    let proxies = Proxies::all(format!("http://{}", proxy.address)).unwrap();
    let client = Client::builder().network(Network::new().proxies(proxies)).build().unwrap();
    let response = block_on(async { client.get("http://origin.test/").await }).unwrap();
    assert_eq!(response.connection_info().version, Some(Version::HTTP_11));
}

#[test]
fn connectors_for_tests_report_the_version_that_is_set() {
    fn check(connector: impl Connector, expected: Version) {
        let origin = Url::parse("http://example.com/").unwrap().origin();
        assert_eq!(connector.may_speak_http2(&origin), expected == Version::HTTP_2);
        assert_eq!(version(block_on(connector.connect(&origin))).unwrap(), expected);
    }
    let memory = || MemoryConnector::new(handler(|_| async { Reply::text("hello") }.boxed()));
    let scripted = || ScriptedConnector::new([Script::new()]);
    check(memory(), Version::HTTP_11);
    check(memory().version(Version::HTTP_2), Version::HTTP_2);
    check(scripted(), Version::HTTP_11);
    check(scripted().version(Version::HTTP_2), Version::HTTP_2);
}

#[cfg(unix)]
#[test]
fn unix_socket_speaks_http_1_1() {
    let path = std::env::temp_dir().join(format!("waterspout-versions-{}", std::process::id()));
    let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let socket = waterspout::platform::unix::UnixSocket::new(&path);
    let origin = Url::parse("http://example.com/").unwrap().origin();
    assert!(!socket.may_speak_http2(&origin));
    let outcome = version(block_on(socket.connect(&origin)));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(outcome.unwrap(), Version::HTTP_11);
}
