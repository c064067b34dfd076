//! Which version of HTTP a connection over TLS speaks: the settings of the client, ALPN, and the server's choice.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use async_io::block_on;
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use futures_rustls::rustls::sign::CertifiedKey;
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{ALL_VERSIONS, ServerConfig, SupportedProtocolVersion};
use waterspout::agent::Route;
use waterspout::http::Version;
use waterspout::platform::native::{Network, TcpClient, TlsConfig};
use waterspout::proxy::Proxies;
use waterspout::{Client, Connector, Error, ErrorKind, Origin, Phase, Transport, Url};

use super::tls::secret;
use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::tls::{Authority, TlsServer, trusting};

/// The protocols that each client has offered, in the order of the connections.
type Offers = Arc<Mutex<Vec<Vec<String>>>>;

/// Notes what clients offer, and shows the same certificate to all.
#[derive(Debug)]
struct NotingResolver {
    key: Arc<CertifiedKey>,
    offers: Offers,
}

impl ResolvesServerCert for NotingResolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let offered =
            hello.alpn().map(|protocols| protocols.map(|it| String::from_utf8(it.to_vec()).unwrap()).collect());
        self.offers.lock().unwrap().push(offered.unwrap_or_default());
        Some(self.key.clone())
    }
}

/// Makes an acceptor that selects among `protocols`, in this order.
fn selecting(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> (TlsAcceptor, Offers) {
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    let offers = Offers::default();
    let key = Arc::new(CertifiedKey::new(vec![certificate.der().clone()], key));
    let resolver = NotingResolver { key, offers: offers.clone() };
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap().with_no_client_auth();
    let mut config = builder.with_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), offers)
}

fn server(authority: &Authority, protocols: &[&str]) -> (TlsServer, Offers) {
    let (acceptor, offers) = selecting(authority, ALL_VERSIONS, protocols);
    (TlsServer::start(acceptor, secret()), offers)
}

fn origin(server: &TlsServer) -> Origin {
    Url::parse(&format!("https://{}/", server.address)).unwrap().origin()
}

fn network(tls: TlsConfig) -> Network {
    Network::new().proxies(Proxies::none()).tls(tls)
}

type Setting = fn(Network) -> Network;

/// The version, or a part of the error.
type Expected = Result<Version, &'static str>;

const HTTP1: Expected = Ok(Version::HTTP_11);
const HTTP2: Expected = Ok(Version::HTTP_2);

/// What a server selects from, and the outcome with a client of HTTP/1.1 alone, of both, and of HTTP/2 alone.
const SERVERS: [(&[&str], Expected, Expected, Expected); 6] = [
    (&[], HTTP1, HTTP1, Err("selected no protocol by ALPN, which offered h2, and")),
    (&["http/1.1"], HTTP1, HTTP1, Err("none of the protocols that ALPN offered (h2)")),
    (&["h2"], Err("none of the protocols that ALPN offered (http/1.1)"), HTTP2, HTTP2),
    (&["h2", "http/1.1"], HTTP1, HTTP2, HTTP2),
    (&["http/1.1", "h2"], HTTP1, HTTP1, HTTP2),
    (
        &["unknown"],
        Err("none of the protocols that ALPN offered (http/1.1)"),
        Err("none of the protocols that ALPN offered (h2, http/1.1)"),
        Err("none of the protocols that ALPN offered (h2)"),
    ),
];

/// Fails unless the outcome of a connect is as expected.
#[track_caller]
fn check(name: &str, outcome: Result<Box<dyn Transport>, Error>, expected: Expected) {
    match (outcome, expected) {
        (Ok(transport), Ok(version)) => {
            assert_eq!(transport.version(), version, "{name}");
            let info = transport.connection_info();
            let selected = info.tls_info.unwrap().alpn_protocol.clone();
            let of_protocol = selected.and_then(|protocol| match &protocol[..] {
                b"h2" => Some(Version::HTTP_2),
                b"http/1.1" => Some(Version::HTTP_11),
                _ => None,
            });
            assert_eq!(info.version, of_protocol, "{name}");
            // A box around the box passes the question on.
            assert_eq!(Transport::version(&Box::new(transport)), version, "{name}");
        }
        (Err(error), Err(part)) => {
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{name}: {error}");
            let text = error.to_string();
            assert!(text.contains(part) && text.contains("127.0.0.1"), "{name}: {text}");
        }
        (Ok(transport), Err(part)) => panic!("{name}: {:?} and not {part}", transport.version()),
        (Err(error), Ok(version)) => panic!("{name}: {error} and not {version:?}"),
    }
}

#[test]
fn settings_and_server_decide_the_version_directly_and_in_tunnels() {
    let authority = Authority::new();
    let (of_proxy, proxy_offers) = selecting(&authority, ALL_VERSIONS, &["h2", "http/1.1"]);
    let http = TinyProxy::http(ProxyBehaviour::default());
    let https = TinyProxy::http(ProxyBehaviour { tls: Some(of_proxy), ..ProxyBehaviour::default() });
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    let through = |scheme, proxy: &TinyProxy| Proxies::all(format!("{scheme}://{}", proxy.address)).unwrap();
    let ways = [
        ("direct", Proxies::none()),
        ("http proxy", through("http", &http)),
        ("https proxy", through("https", &https)),
        ("socks5 proxy", through("socks5", &socks)),
        ("socks5h proxy", through("socks5h", &socks)),
    ];
    for (protocols, http1, both, http2) in SERVERS {
        let (server, offers) = server(&authority, protocols);
        let origin = origin(&server);
        for (way, proxies) in &ways {
            let base = network(trusting(&authority)).proxies(proxies.clone());
            // Whether HTTP/2 is offered by default is a fact of the build; the answer of the connector tells.
            let offers_http2 = base.may_speak_http2(&origin);
            let settings: [(&str, Setting, bool, Expected); 4] = [
                ("default", |network| network, offers_http2, if offers_http2 { both } else { http1 }),
                ("http1_only", Network::http1_only, false, http1),
                ("http2_prior_knowledge", Network::http2_prior_knowledge, true, both),
                ("http2_only", Network::http2_only, true, http2),
            ];
            for (setting, set, may_speak_http2, expected) in settings {
                let name = format!("{setting}, server {protocols:?}, {way}");
                let network = set(base.clone());
                assert_eq!(network.may_speak_http2(&origin), may_speak_http2, "{name}");
                check(&name, block_on(network.connect(&origin)), expected);
                let offered = offers.lock().unwrap().pop().unwrap();
                let offers_http1 = setting != "http2_only";
                let all = [("h2", may_speak_http2), ("http/1.1", offers_http1)];
                let wanted: Vec<_> = all.into_iter().filter(|(_, is_offered)| *is_offered).map(|(it, _)| it).collect();
                assert_eq!(offered, wanted, "{name}");
            }
        }
    }
    // The proxy selects `h2` if it can, and the tunnel is opened in HTTP/1.1.
    let proxy_offers = proxy_offers.lock().unwrap();
    assert_eq!(proxy_offers.len(), SERVERS.len() * 4);
    assert!(proxy_offers.iter().all(|offered| offered == &["http/1.1"]));
}

#[test]
fn both_versions_of_tls_negotiate() {
    let authority = Authority::new();
    for version in [&TLS12, &TLS13] {
        for (protocols, http1, both, http2) in SERVERS {
            let (acceptor, _) = selecting(&authority, &[version], protocols);
            let server = TlsServer::start(acceptor, secret());
            let settings: [(Setting, Expected); 3] =
                [(Network::http1_only, http1), (Network::http2_prior_knowledge, both), (Network::http2_only, http2)];
            // They share the sessions that can be resumed: a session binds no later connection to its protocol.
            let tls = trusting(&authority);
            for (number, (set, expected)) in settings.into_iter().cycle().take(6).enumerate() {
                let network = set(network(tls.clone()));
                let name = format!("{version:?}, server {protocols:?}, connection {number}");
                check(&name, block_on(network.connect(&origin(&server))), expected);
            }
        }
    }
}

#[test]
fn last_setting_counts() {
    let authority = Authority::new();
    let (server, offers) = server(&authority, &["h2", "http/1.1"]);
    let cases: [(Setting, &[&str]); 4] = [
        (|network| network.http2_only().http1_only(), &["http/1.1"]),
        (|network| network.http1_only().http2_only(), &["h2"]),
        (|network| network.http2_only().http2_prior_knowledge(), &["h2", "http/1.1"]),
        // Other settings keep it, in any order.
        (|network| network.http1_only().http2_only().tls(TlsConfig::new()).http1_only(), &["http/1.1"]),
    ];
    for (number, (set, expected)) in cases.into_iter().enumerate() {
        let network = set(network(trusting(&authority))).tls(trusting(&authority));
        block_on(network.connect(&origin(&server))).map(drop).unwrap();
        assert_eq!(offers.lock().unwrap().pop().unwrap(), expected, "case {number}");
    }
}

/// The list of the client, its setting, the list of the server, whether HTTP/2 is possible, and the outcome.
type OwnList<'a> = (&'a [&'a str], Setting, &'a [&'a str], bool, Expected);

#[test]
fn own_list_of_protocols_is_kept() {
    let authority = Authority::new();
    let cases: [OwnList; 9] = [
        (&["http/1.1"], Network::http2_prior_knowledge, &["h2", "http/1.1"], false, HTTP1),
        (&["h2"], Network::http2_prior_knowledge, &["h2", "http/1.1"], true, HTTP2),
        (&["http/1.1", "h2"], Network::http2_only, &["h2", "http/1.1"], true, HTTP2),
        (&["own"], Network::http2_prior_knowledge, &["own"], false, HTTP1),
        (&[], Network::http2_prior_knowledge, &["h2"], false, HTTP1),
        (&[], Network::http2_only, &["h2"], false, Err("selected no protocol by ALPN, which offered no protocol, and")),
        (&["own"], Network::http2_only, &["own"], false, Err("selected own by ALPN, which offered own, and")),
        (
            &["http/1.1"],
            Network::http2_only,
            &["h2", "http/1.1"],
            false,
            Err("selected http/1.1 by ALPN, which offered"),
        ),
        (
            &["h2", "http/1.1"],
            Network::http1_only,
            &["h2", "http/1.1"],
            false,
            Err("selected h2 by ALPN, which offered h2, http/1.1, and this connection speaks HTTP/1.1 alone"),
        ),
    ];
    for (own, set, protocols, may_speak_http2, expected) in cases {
        let (server, offers) = server(&authority, protocols);
        let network = set(network(trusting(&authority).alpn_protocols(own.to_vec())));
        let name = format!("own list {own:?}, server {protocols:?}");
        assert_eq!(network.may_speak_http2(&origin(&server)), may_speak_http2, "{name}");
        check(&name, block_on(network.connect(&origin(&server))), expected);
        assert_eq!(offers.lock().unwrap().pop().unwrap(), own, "{name}");
    }
}

#[test]
fn proxy_over_tls_gets_http1_independent_of_the_list_for_servers() {
    let authority = Authority::new();
    let (server, _) = server(&authority, &["h2", "http/1.1"]);
    let through = |protocols: &[&str], change: &dyn Fn(Network) -> Network| {
        let (acceptor, offers) = selecting(&authority, ALL_VERSIONS, protocols);
        let proxy = TinyProxy::http(ProxyBehaviour { tls: Some(acceptor), ..ProxyBehaviour::default() });
        let proxies = Proxies::all(format!("https://{}", proxy.address)).unwrap();
        let outcome = block_on(change(Network::new().proxies(proxies)).connect(&origin(&server)));
        (outcome, offers.lock().unwrap().pop().unwrap())
    };
    let tls = || trusting(&authority).alpn_protocols(["h2"]);
    let (outcome, offered) = through(&["h2", "http/1.1"], &|network| network.tls(tls()).http2_only());
    check("the list for servers", outcome, HTTP2);
    assert_eq!(offered, ["http/1.1"]);

    // A list of the program's own for proxies is offered, and an answer that is not HTTP/1.1 is refused.
    let own = |network: Network| network.tls(tls()).proxy_tls(tls()).http2_only();
    let (outcome, offered) = through(&["h2", "http/1.1"], &own);
    assert_eq!(offered, ["h2"]);
    let error = outcome.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert!(error.source().unwrap().to_string().contains("selected h2 by ALPN, which offered h2, and"), "{error:?}");

    let (outcome, offered) = through(&["h2"], &|network| network.tls(trusting(&authority)).http2_only());
    assert_eq!(offered, ["http/1.1"]);
    let error = outcome.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Proxy);
    assert!(error.source().unwrap().to_string().contains("offered (http/1.1)"), "{error:?}");
}

#[test]
fn stream_offers_only_its_own_list() {
    let authority = Authority::new();
    let (server, offers) = server(&authority, &["h2", "http/1.1"]);
    let tls = trusting(&authority);
    // A network with the same configuration does not change the stream's.
    block_on(network(tls.clone()).http2_only().connect(&origin(&server))).map(drop).unwrap();
    for (tls, offered, version) in [
        (tls.clone(), vec![], None),
        (tls.clone().alpn_protocols(["h2"]), vec!["h2"], Some(Version::HTTP_2)),
        (tls.alpn_protocols(["own", "http/1.1"]), vec!["own", "http/1.1"], Some(Version::HTTP_11)),
    ] {
        let stream = block_on(TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls)).unwrap();
        assert_eq!(stream.connection_info().version, version);
        assert_eq!(offers.lock().unwrap().pop().unwrap(), offered);
    }
}

#[test]
fn request_with_a_route_has_the_settings_of_its_network() {
    let authority = Authority::new();
    let (server, offers) = server(&authority, &["http/1.1"]);
    let url = format!("https://{}/", server.address);
    let http1 = || network(trusting(&authority)).http1_only();
    let http2 = || network(trusting(&authority)).http2_only();
    let fetch = |network: Network, route: Option<Route>| {
        let client = Client::builder().network(network).build().unwrap();
        let request = client.get(&url);
        let request = match route {
            Some(route) => request.extension(route),
            None => request,
        };
        let outcome = block_on(async { request.await });
        (outcome.map(|response| response.connection_info().version), offers.lock().unwrap().pop().unwrap())
    };
    for (network, route, is_http1) in [
        (http1(), None, true),
        (http2(), None, false),
        (http1(), Some(http2().route()), false),
        (http2(), Some(http1().route()), true),
    ] {
        let (outcome, offered) = fetch(network, route);
        assert_eq!(offered, [if is_http1 { "http/1.1" } else { "h2" }]);
        match outcome {
            Ok(version) => assert!(is_http1 && version == Some(Version::HTTP_11)),
            Err(error) => assert!(!is_http1 && error.kind() == ErrorKind::Tls, "{error}"),
        }
    }
}
