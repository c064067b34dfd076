//! TLS against servers with good and bad certificates, of a certificate authority made here.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "tls", not(target_family = "wasm")))]

mod secured;

use std::error::Error as _;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_io::Async;
use futures::FutureExt;
use futures_rustls::rustls::RootCertStore;
use rcgen::{Certificate, CertificateParams, KeyPair, date_time_ymd};
use waterspout::platform::native::{HostMap, Network, SystemResolver, TlsConfig};
use waterspout::testing::{Reply, handler, serve_connection};
use waterspout::{Client, Error, ErrorKind, Phase};

use self::secured::{Authority, Secured, acceptor, trusting};

struct TlsServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Serves with this certificate on a thread that ends with the test; `clients` must be shown to it, if given.
    fn start(certificate: (Certificate, KeyPair), clients: Option<RootCertStore>) -> Self {
        let acceptor = acceptor(certificate, clients);
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        std::thread::spawn(move || {
            async_io::block_on(async move {
                let secret = handler(|request| async { Reply::text(format!("secret for {}", request.host())) }.boxed());
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    if let Ok(stream) = acceptor.accept(stream).await {
                        let _ = serve_connection(Box::new(Secured(stream)), &secret).await;
                    }
                }
            })
        });
        Self { address, connections }
    }

    fn get(&self, host: &str, tls: TlsConfig) -> Result<String, Error> {
        let resolver =
            HostMap::new(SystemResolver).host("server.test", [127, 0, 0, 1]).host("other.test", [127, 0, 0, 1]);
        let client = Client::builder().backend(Network::new().resolver(resolver).tls(tls).agent()).build().unwrap();
        let url = format!("https://{host}:{}/", self.address.port());
        async_io::block_on(async { client.get(url).await?.text().await })
    }
}

fn refused(outcome: Result<String, Error>, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.source().is_some() && error.is_network() && error.is_connect(), "{error:?}");
}

#[test]
fn a_certificate_of_a_trusted_issuer_is_accepted_for_its_names() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["server.test", "127.0.0.1"], |_| {}), None);
    for host in ["server.test", "127.0.0.1"] {
        let expected = format!("secret for {host}:{}", server.address.port());
        assert_eq!(server.get(host, trusting(&authority)).unwrap(), expected);
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["server.test"], |_| {}), None);
    refused(server.get("other.test", trusting(&authority)), "not for other.test");
    refused(server.get("127.0.0.1", trusting(&authority)), "not for 127.0.0.1");
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let server = TlsServer::start(Authority::new().issue(&["server.test"], |_| {}), None);
    refused(server.get("server.test", trusting(&Authority::new())), "issuer that is not trusted");
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["server.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let server = TlsServer::start((certificate, key), None);
    refused(server.get("server.test", trusting(&Authority::new())), "is self-signed");
}

#[test]
fn a_certificate_out_of_its_time_is_refused() {
    let authority = Authority::new();
    let expired = authority.issue(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    refused(TlsServer::start(expired, None).get("server.test", trusting(&authority)), "has expired");
    let early = authority.issue(&["server.test"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    refused(TlsServer::start(early, None).get("server.test", trusting(&authority)), "not valid yet");
}

#[test]
fn the_danger_switch_accepts_them_all() {
    let authority = Authority::new();
    let expired = authority.issue(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let server = TlsServer::start(expired, None);
    let tls = TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true);
    assert!(server.get("other.test", tls.clone()).is_ok());
    let careful =
        trusting(&authority).danger_accept_invalid_certificates(true).danger_accept_invalid_certificates(false);
    refused(server.get("server.test", careful), "has expired");
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["server.test"], |_| {}), Some(authority.roots()));
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let tls = trusting(&authority);
    let known =
        tls.clone().client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert!(server.get("server.test", known).is_ok());
    assert!(server.get("server.test", tls).unwrap_err().is_network());
}

#[test]
fn a_secured_connection_is_used_again() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["127.0.0.1"], |_| {}), None);
    let client = Client::builder().backend(Network::new().tls(trusting(&authority)).agent()).build().unwrap();
    let url = format!("https://{}/", server.address);
    for _ in 0..3 {
        let text = async_io::block_on(async { client.get(&url).await?.text().await });
        assert!(text.unwrap().starts_with("secret"));
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

#[test]
fn a_server_that_speaks_no_tls_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = TlsServer { address: listener.local_addr().unwrap(), connections: Arc::default() };
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        // Held open, so that it is the bytes that tell.
        std::thread::park();
    });
    let error =
        server.get("127.0.0.1", TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn unreadable_certificates_are_refused_when_they_are_given() {
    for pem in [&b""[..], b"no PEM", b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        let error = TlsConfig::new().root_certificates_pem(pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    }
    let (certificate, _) = Authority::new().issue(&["client"], |_| {});
    assert!(TlsConfig::new().client_certificate_pem(certificate.pem().as_bytes(), b"no key").is_err());
}
