//! HTTPS against servers with valid and invalid certificates.

use std::error::Error as _;
use std::io::{self, Read};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt;
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::ResolvesServerCertUsingSni;
use futures_rustls::rustls::sign::CertifiedKey;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use waterspout::agent::Route;
use waterspout::platform::native::{HostMap, Network, SystemResolver, TlsConfig};
use waterspout::{Client, Error, ErrorKind, Phase};

use crate::support::tls::acceptor;
use crate::support::tls::{Authority, TlsServer, trusting};
use futures_rustls::rustls::RootCertStore;
use rcgen::Certificate;
use waterspout::testing::{Handler, Reply, handler};

/// A handler that answers with a secret and the host of the request.
pub(super) fn secret() -> impl Handler {
    handler(|request| async { Reply::text(format!("secret for {}", request.host())) }.boxed())
}

/// Serves the secret with this certificate. With `clients`, clients must show a certificate of these issuers.
pub(super) fn secret_server(certificate: (Certificate, KeyPair), clients: Option<RootCertStore>) -> TlsServer {
    TlsServer::start(acceptor(certificate, clients), secret())
}

pub(super) fn get(server: &TlsServer, host: &str, tls: TlsConfig) -> std::result::Result<String, Error> {
    let resolver = HostMap::new(SystemResolver).host("server.test", [127, 0, 0, 1]).host("other.test", [127, 0, 0, 1]);
    let client = Client::builder().backend(Network::new().resolver(resolver).tls(tls).agent()).build().unwrap();
    let url = format!("https://{host}:{}/", server.address.port());
    async_io::block_on(async { client.get(url).await?.text().await })
}

pub(super) fn refused(outcome: std::result::Result<String, Error>, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{error}");
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.source().is_some() && error.is_network() && error.is_connect(), "{error:?}");
}

#[test]
fn tls_1_3_and_1_2_alone_are_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client_hello = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // RFC 8446, section 5.1: a record begins with its type, its version and its length.
        let mut start = [0; 5];
        stream.read_exact(&mut start).unwrap();
        let mut record = vec![0; usize::from(u16::from_be_bytes([start[3], start[4]]))];
        stream.read_exact(&mut record).unwrap();
        record
    });
    let client = Client::builder().backend(Network::new().agent()).build().unwrap();
    let request = client.get(format!("https://127.0.0.1:{}/", address.port()));
    assert_eq!(async_io::block_on(request.send()).unwrap_err().phase(), Phase::Connect);
    let record = client_hello.join().unwrap();
    // RFC 8446, section 4.2.1: the extension `supported_versions` (43) lists them in order of preference. Without it, a
    // client could offer older versions.
    let versions = [0, 43, 0, 5, 4, 0x03, 0x04, 0x03, 0x03];
    assert!(record.windows(versions.len()).any(|part| part == versions), "{record:x?}");
}

#[test]
fn a_certificate_of_a_trusted_issuer_is_accepted_for_its_names() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test", "127.0.0.1"], |_| {}), None);
    for host in ["server.test", "127.0.0.1"] {
        let expected = format!("secret for {host}:{}", server.address.port());
        assert_eq!(get(&server, host, trusting(&authority)).unwrap(), expected);
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    refused(get(&server, "other.test", trusting(&authority)), "not for other.test");
    refused(get(&server, "127.0.0.1", trusting(&authority)), "not for 127.0.0.1");
}

#[test]
fn a_certificate_of_an_unknown_issuer_is_refused() {
    let server = secret_server(Authority::new().issue(&["server.test"], |_| {}), None);
    refused(get(&server, "server.test", trusting(&Authority::new())), "issuer that is not trusted");
}

#[test]
fn a_self_signed_certificate_is_refused() {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["server.test".to_owned()]).unwrap().self_signed(&key).unwrap();
    let server = secret_server((certificate, key), None);
    refused(get(&server, "server.test", trusting(&Authority::new())), "is self-signed");
}

#[test]
fn expired_or_future_certificate_is_refused() {
    let authority = Authority::new();
    let expired = authority.issue(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    refused(get(&secret_server(expired, None), "server.test", trusting(&authority)), "has expired");
    let early = authority.issue(&["server.test"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    refused(get(&secret_server(early, None), "server.test", trusting(&authority)), "not valid yet");
}

#[test]
fn danger_accept_invalid_certificates_accepts_any_certificate() {
    let authority = Authority::new();
    let expired = authority.issue(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let server = secret_server(expired, None);
    let tls = TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true);
    assert!(get(&server, "other.test", tls.clone()).is_ok());
    let careful =
        trusting(&authority).danger_accept_invalid_certificates(true).danger_accept_invalid_certificates(false);
    refused(get(&server, "server.test", careful), "has expired");
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_asks() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), Some(authority.roots()));
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let tls = trusting(&authority);
    let known =
        tls.clone().client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert!(get(&server, "server.test", known).is_ok());
    assert!(get(&server, "server.test", tls).unwrap_err().is_network());
}

#[test]
fn client_certificate_of_a_request_is_not_shown_for_the_next_request() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["127.0.0.1"], |_| {}), Some(authority.roots()));
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let tls = trusting(&authority);
    let known =
        tls.clone().client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let known = Route::new(Network::new().tls(known));
    let client = Client::builder().backend(Network::new().tls(tls).agent()).build().unwrap();
    let url = format!("https://{}/", server.address);
    let shown = || async_io::block_on(async { client.get(&url).extension(known.clone()).await?.text().await });
    for _ in 0..2 {
        assert!(shown().unwrap().starts_with("secret"));
        // The connection with the client certificate is kept, but not for requests without it.
        let error = async_io::block_on(async { client.get(&url).await?.text().await }).unwrap_err();
        assert!(error.is_network(), "{error}");
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 3);
}

#[test]
fn certificate_is_checked_for_an_ipv6_literal() {
    let authority = Authority::new();
    for (name, holds) in [("::1", true), ("::2", false), ("localhost", false)] {
        let server = secret_server(authority.issue(&[name], |_| {}), None);
        let resolver = HostMap::new(SystemResolver).host("::1", [127, 0, 0, 1]);
        let agent = Network::new().resolver(resolver).tls(trusting(&authority)).agent();
        let client = Client::builder().backend(agent).build().unwrap();
        let url = format!("https://[::1]:{}/", server.address.port());
        let outcome = async_io::block_on(async { client.get(url).await?.text().await });
        match outcome {
            Ok(text) => assert!(holds && text.starts_with("secret for [::1]:"), "{name}: {text}"),
            Err(error) => assert!(!holds && error.kind() == ErrorKind::Tls, "{name}: {error}"),
        }
    }
}

#[test]
fn server_name_indication_names_the_host() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    let mut certificates = ResolvesServerCertUsingSni::new();
    certificates.add("server.test", CertifiedKey::new(vec![certificate.der().clone()], key)).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let server =
        TlsServer::start(TlsAcceptor::from(Arc::new(builder.with_cert_resolver(Arc::new(certificates)))), secret());
    assert!(get(&server, "server.test", trusting(&authority)).unwrap().starts_with("secret"));
    // The server has no certificate for another name.
    assert_eq!(get(&server, "other.test", trusting(&authority)).unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn alpn_offers_the_configured_protocols() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = TlsServer::start(TlsAcceptor::from(Arc::new(config)), secret());
    let get = |protocols: &[&str]| get(&server, "127.0.0.1", trusting(&authority).alpn_protocols(protocols.to_vec()));
    assert!(get(&["h2", "http/1.1"]).unwrap().starts_with("secret"));
    assert!(get(&[]).unwrap().starts_with("secret"));
    // The server supports no other protocol.
    assert_eq!(get(&["h2"]).unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn tls_connection_is_reused() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["127.0.0.1"], |_| {}), None);
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
        // The connection stays open, so that only the bytes can cause the error.
        std::thread::park();
    });
    let error =
        get(&server, "127.0.0.1", TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true));
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
