//! The native client through tinyproxy, squid, dante and microsocks.
//!
//! The tests skip a proxy that is not installed. With `WATERSPOUT_SERVERS=required` a missing proxy is a failure.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "tls", unix))]

mod programs;
mod running;
#[path = "../support/mod.rs"]
mod support;

use std::error::Error as _;
use std::net::SocketAddr;

use async_io::block_on;
use futures::FutureExt;
use futures::future::try_join_all;
use waterspout::platform::native::{Network, TlsConfig};
use waterspout::proxy::{Proxies, Proxy, SocksReply};
use waterspout::testing::{Handler, Reply, Server, handler};
use waterspout::{Client, Error, ErrorKind, Phase, Result};

use self::programs::Setup;
use self::running::Running;
use self::support::program::free_port;
use self::support::tls::{Authority, TlsServer, acceptor, trusting};

/// Larger than the memory that any of these proxies uses for a request.
const LARGE: usize = 3 << 20;

/// An `http` server, an `https` server, and the authority of the certificates of that server and of proxies.
struct Origins {
    plain: Server,
    secured: SocketAddr,
    authority: Authority,
}

/// Answers with the header names and the body length of the request, or with a large body.
fn origin() -> impl Handler {
    handler(|request| {
        async move {
            if request.path() == "/large" {
                return Reply::new(200, vec![b'x'; LARGE]);
            }
            let length = request.body().await.unwrap().len();
            let names: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
            Reply::text(format!("{} {} {length} {}", request.method(), request.target(), names.join(" ")))
        }
        .boxed()
    })
}

impl Origins {
    fn start() -> Self {
        let authority = Authority::new();
        let acceptor = acceptor(authority.issue(&["127.0.0.1", "localhost"], |_| {}), None);
        Self {
            plain: Server::start(origin()).unwrap(),
            secured: TlsServer::start(acceptor, origin()).address,
            authority,
        }
    }

    fn urls(&self, host: &str) -> [String; 2] {
        [format!("http://{host}:{}", self.plain.address().port()), format!("https://{host}:{}", self.secured.port())]
    }

    fn tls(&self) -> TlsConfig {
        trusting(&self.authority)
    }

    fn client(&self, proxy: &str) -> Client {
        self.client_of(Proxy::parse(proxy).unwrap())
    }

    fn client_of(&self, proxy: Proxy) -> Client {
        let network = Network::new().proxies(Proxies::all(proxy).unwrap()).tls(self.tls());
        Client::builder().backend(network.agent()).build().unwrap()
    }

    /// Checks that downloads, uploads and parallel requests work through this proxy.
    fn check(&self, proxy: &str, host: &str) {
        let client = self.client(proxy);
        for url in self.urls(host) {
            let outcome = block_on(exchanges(&client, &url));
            outcome.unwrap_or_else(|error| panic!("{proxy} to {url}: {error}"));
        }
    }
}

async fn exchanges(client: &Client, url: &str) -> Result<()> {
    // The second request reuses the connection if the proxy keeps it.
    for path in ["/a?b=c", "/a?b=c"] {
        let seen = client.get(format!("{url}{path}")).await?.text().await?;
        assert!(seen.starts_with("GET /a?b=c 0 "), "{seen}");
        assert!(seen.contains("host") && !seen.contains("proxy-authorization"), "{seen}");
    }
    // Tinyproxy closes after each response without announcing it. Only idempotent requests are replayed after that.
    let seen = client.put(format!("{url}/upload")).body(vec![b'x'; LARGE]).await?.text().await?;
    assert!(seen.starts_with(&format!("PUT /upload {LARGE} ")), "{seen}");
    assert_eq!(client.get(format!("{url}/large")).await?.bytes().await?.len(), LARGE);
    let several = (0..8).map(|_| async { client.get(format!("{url}/many")).await?.text().await });
    for seen in try_join_all(several).await? {
        assert!(seen.starts_with("GET /many 0 "), "{seen}");
    }
    Ok(())
}

fn get(client: &Client, url: &str) -> Result<u16> {
    block_on(async { Ok(client.get(url).await?.status().as_u16()) })
}

fn refused(client: &Client, url: &str, words: &str) -> Error {
    let error = get(client, url).unwrap_err();
    let shown = format!("{} {error:?}", error.report());
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Proxy, Phase::Connect), "{shown}");
    assert!(shown.contains(words) && !shown.contains("s3cret"), "{shown}");
    error
}

fn refused_with_status(client: &Client, url: &str, status: u16) {
    let error = refused(client, url, "refuses a tunnel to");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(status), "{error}");
}

/// Returns the reply code with which a SOCKS proxy refuses.
fn reply(client: &Client, url: &str) -> Option<u8> {
    let error = refused(client, url, "could not connect to");
    let reply = error.source().and_then(|source| source.downcast_ref::<SocksReply>());
    reply.map(|reply| reply.code())
}

#[test]
fn tinyproxy_forwards_and_tunnels_for_known_users() {
    let origins = Origins::start();
    let Some(proxy) = Running::start("tinyproxy", programs::tinyproxy, &Setup::default()) else { return };
    origins.check(&proxy.url("http", ""), "127.0.0.1");

    let setup = Setup { credentials: true, ..Setup::default() };
    let Some(proxy) = Running::start("tinyproxy", programs::tinyproxy, &setup) else { return };
    origins.check(&proxy.url("http", "user:s3cret@"), "127.0.0.1");
    for userinfo in ["", "user:s3cretive@"] {
        let client = origins.client(&proxy.url("http", userinfo));
        let [http, https] = origins.urls("127.0.0.1");
        assert!([401, 407].contains(&get(&client, &http).unwrap()));
        let error = refused(&client, &https, "refuses a tunnel to");
        assert!(error.status().is_some_and(|status| [401, 407].contains(&status.as_u16())), "{error}");
    }
}

#[test]
fn tinyproxy_tunnels_only_to_allowed_ports() {
    let origins = Origins::start();
    let setup = Setup { port: Some(1), ..Setup::default() };
    let Some(proxy) = Running::start("tinyproxy", programs::tinyproxy, &setup) else { return };
    let client = origins.client(&proxy.url("http", ""));
    let [http, https] = origins.urls("127.0.0.1");
    refused_with_status(&client, &https, 403);
    assert_eq!(get(&client, &http).unwrap(), 200);
    let tunnels = Proxy::parse(&proxy.url("http", "")).unwrap().tunnel_all(true);
    refused_with_status(&origins.client_of(tunnels), &http, 403);
}

#[test]
fn squid_forwards_and_tunnels_for_known_users_with_and_without_tls() {
    let origins = Origins::start();
    let (certificate, key) = origins.authority.issue(&["127.0.0.1"], |_| {});
    for tls in [None, Some((certificate.pem(), key.serialize_pem()))] {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let setup = Setup { credentials: true, tls, ..Setup::default() };
        let Some(proxy) = Running::start("squid", programs::squid, &setup) else { return };
        origins.check(&proxy.url(scheme, "user:s3cret@"), "127.0.0.1");
        for userinfo in ["", "user:s3cretive@", "other:s3cret@"] {
            let client = origins.client(&proxy.url(scheme, userinfo));
            let [http, https] = origins.urls("127.0.0.1");
            assert_eq!(get(&client, &http).unwrap(), 407);
            refused_with_status(&client, &https, 407);
        }
        // Squid answers 503 if it cannot connect to the server.
        let client = origins.client(&proxy.url(scheme, "user:s3cret@"));
        assert_eq!(get(&client, &format!("http://127.0.0.1:{}", free_port())).unwrap(), 503);
        refused_with_status(&client, &format!("https://127.0.0.1:{}", free_port()), 503);
    }
}

#[test]
fn dante_connects_to_names_and_addresses() {
    let origins = Origins::start();
    let Some(proxy) = Running::start("danted", programs::dante, &Setup::default()) else { return };
    origins.check(&proxy.url("socks5", ""), "127.0.0.1");
    origins.check(&proxy.url("socks5h", ""), "127.0.0.1");
    origins.check(&proxy.url("socks5h", ""), "localhost");
    for userinfo in ["", "user@"] {
        origins.check(&proxy.url("socks4", userinfo), "127.0.0.1");
        origins.check(&proxy.url("socks4", userinfo), "localhost");
        // Dante does not know SOCKS 4A: it reads the sign that a name follows as an address.
        origins.check(&proxy.url("socks4a", userinfo), "127.0.0.1");
    }
    // Dante does not ask for the credentials.
    origins.check(&proxy.url("socks5", "user:s3cret@"), "127.0.0.1");
    for (scheme, code) in [("socks5", 5), ("socks4", 0x5b), ("socks4a", 0x5b)] {
        let client = origins.client(&proxy.url(scheme, ""));
        assert_eq!(reply(&client, &format!("https://127.0.0.1:{}", free_port())), Some(code), "{scheme}");
    }
}

#[test]
fn dante_refuses_unknown_users_and_forbidden_ports() {
    let origins = Origins::start();
    let [http, https] = origins.urls("127.0.0.1");
    let setup = Setup { port: Some(origins.secured.port()), ..Setup::default() };
    let Some(proxy) = Running::start("danted", programs::dante, &setup) else { return };
    let client = origins.client(&proxy.url("socks5h", ""));
    assert_eq!(get(&client, &https).unwrap(), 200);
    assert_eq!(reply(&client, &http), Some(2));

    let setup = Setup { credentials: true, ..Setup::default() };
    let Some(proxy) = Running::start("danted", programs::dante, &setup) else { return };
    // Dante accepts the users of the system, and the system has no such user.
    let client = origins.client(&proxy.url("socks5h", "no-such-user:s3cret@"));
    refused(&client, &https, "does not accept the user name and password");
    refused(&origins.client(&proxy.url("socks5h", "")), &https, "requires credentials, and it has none");
}

#[test]
fn microsocks_connects_for_known_users() {
    let origins = Origins::start();
    let setup = Setup { credentials: true, ..Setup::default() };
    let Some(proxy) = Running::start("microsocks", programs::microsocks, &setup) else { return };
    origins.check(&proxy.url("socks5", "user:s3cret@"), "127.0.0.1");
    origins.check(&proxy.url("socks5h", "user:s3cret@"), "localhost");
    let [http, https] = origins.urls("127.0.0.1");
    refused(&origins.client(&proxy.url("socks5", "user:s3cretive@")), &http, "user name and password");
    refused(&origins.client(&proxy.url("socks5", "")), &https, "requires credentials, and it has none");
}
