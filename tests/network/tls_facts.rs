//! What streams and responses report about TLS, and verification without names.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_io::block_on;
use futures::io::Cursor;
use futures::{AsyncRead, AsyncWrite, FutureExt};
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{CipherSuite, ServerConfig, SupportedProtocolVersion};
use rcgen::{Certificate, KeyPair, date_time_ymd};
use waterspout::platform::native::{Network, TcpClient, TlsConfig};
use waterspout::proxy::Proxies;
use waterspout::testing::{Reply, Server, handler};
use waterspout::tornado::IoStream;
use waterspout::{Client, ConnectionInfo, TlsInfo, Transport};

use super::tls::{get, refused, secret, secret_server};
use crate::support::certificates::{pem, self_signed_authority, unchecked_acceptor};
use crate::support::proxy::{ProxyBehaviour, TinyProxy};
use crate::support::tls::{Authority, TlsServer, acceptor, trusting};

/// Starts a server with this version, cipher suite and protocol.
fn server(
    (certificate, key): &(Certificate, KeyPair),
    version: &'static SupportedProtocolVersion,
    suite: CipherSuite,
    protocol: &str,
) -> TlsServer {
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|supported| supported.suite() == suite);
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_protocol_versions(&[version]).unwrap().with_no_client_auth();
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![protocol.into()];
    TlsServer::start(TlsAcceptor::from(Arc::new(config)), secret())
}

/// The versions of TLS, each with a cipher suite and its IANA name.
const SESSIONS: [(&SupportedProtocolVersion, CipherSuite, &str, &str); 3] = [
    (&TLS13, CipherSuite::TLS13_AES_256_GCM_SHA384, "TLSv1.3", "TLS_AES_256_GCM_SHA384"),
    (&TLS13, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
    (
        &TLS12,
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        "TLSv1.2",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    ),
];

#[test]
fn stream_and_response_report_the_session() {
    let authority = Authority::new();
    let issued = authority.issue(&["127.0.0.1"], |_| {});
    for (version, suite, version_name, suite_name) in SESSIONS {
        let server = server(&issued, version, suite, "http/1.1");
        let tls = trusting(&authority).alpn_protocols(["other", "http/1.1"]);

        let stream = block_on(TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls)).unwrap();
        assert_eq!(stream.protocol_version().as_deref(), Some(version_name));
        assert_eq!(stream.cipher_suite().as_deref(), Some(suite_name));
        assert_eq!(stream.alpn_protocol().as_deref(), Some(&b"http/1.1"[..]));
        assert_eq!(stream.peer_certificates().unwrap(), [issued.0.der().as_ref()]);
        assert_eq!(stream.remote_address(), Some(server.address));
        assert!(stream.local_address().unwrap().ip().is_loopback());
        assert_eq!(stream.connection_info().local_address, stream.local_address());

        let client = Client::builder().backend(Network::new().tls(tls).agent()).build().unwrap();
        for reused in [false, true] {
            let response = block_on(async { client.get(format!("https://{}/", server.address)).await }).unwrap();
            let info = response.connection_info();
            let session = info.tls_info.unwrap();
            assert_eq!((info.reused, info.tls.is_some()), (reused, !reused));
            assert_eq!(session.protocol_version.as_deref(), Some(version_name));
            assert_eq!(session.cipher_suite.as_deref(), Some(suite_name));
            assert_eq!(session.alpn_protocol.as_deref(), Some(&b"http/1.1"[..]));
            assert_eq!(session.peer_certificates, [issued.0.der().as_ref()]);
            block_on(response.text()).unwrap();
        }
    }
}

#[test]
fn resumed_session_reports_the_certificates() {
    let authority = Authority::new();
    let issued = authority.issue(&["127.0.0.1"], |_| {});
    let server = server(&issued, &TLS12, CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "http/1.1");
    let tls = trusting(&authority);
    for _ in 0..3 {
        let stream = block_on(TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls)).unwrap();
        assert_eq!(stream.peer_certificates().unwrap(), [issued.0.der().as_ref()]);
        // The client has offered no protocol.
        assert_eq!(stream.alpn_protocol(), None);
    }
}

#[test]
fn certificate_that_is_not_verified_is_reported() {
    let (certificate, key) = self_signed_authority(&["127.0.0.1"], |_| {});
    let server = TlsServer::start(unchecked_acceptor(certificate.clone(), &key, &[&TLS13]), secret());
    let tls = TlsConfig::new().danger_accept_invalid_certificates(true);
    let stream = block_on(TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls)).unwrap();
    assert_eq!(stream.peer_certificates().unwrap(), [certificate.as_ref()]);
}

fn knows_nothing(stream: &IoStream) -> bool {
    stream.connection_info() == ConnectionInfo::default() && has_no_tls(stream)
}

fn has_no_tls(stream: &IoStream) -> bool {
    let texts = [stream.protocol_version(), stream.cipher_suite()];
    texts == [None, None] && stream.alpn_protocol().is_none() && stream.peer_certificates().is_none()
}

#[test]
fn plain_stream_reports_addresses_alone() {
    let server = Server::start(handler(|_| async { Reply::text("hello") }.boxed())).unwrap();
    block_on(async {
        let stream = TcpClient::new().connecting("127.0.0.1", server.address().port());
        assert!(knows_nothing(&stream));
        stream.connected().await.unwrap();
        assert!(has_no_tls(&stream));
        assert_eq!(stream.remote_address(), Some(server.address()));
        assert_ne!(stream.local_address(), stream.remote_address());
        stream.write("GET / HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n").await.unwrap();
        stream.closed().await.unwrap();
        // The peer has closed its half only.
        assert_eq!(stream.remote_address(), Some(server.address()));
        stream.close();
        assert!(knows_nothing(&stream));
    });
    let refused = TcpClient::new().connecting("127.0.0.1", 1);
    assert!(block_on(refused.connected()).is_err() && knows_nothing(&refused));
}

#[test]
fn upgraded_stream_reports_its_session() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    block_on(async {
        let stream = TcpClient::new().connect("127.0.0.1", server.address.port()).await.unwrap();
        assert!(has_no_tls(&stream));
        trusting(&authority).start_tls(&stream, "server.test").await.unwrap();
        assert_eq!(stream.protocol_version().as_deref(), Some("TLSv1.3"));
        assert_eq!(stream.remote_address(), Some(server.address));
    });
}

#[test]
fn session_with_the_origin_is_reported_through_proxies() {
    let authority = Authority::new();
    let origin = authority.issue(&["127.0.0.1"], |_| {});
    let of_origin = origin.0.der().clone();
    let origin = TlsServer::start(acceptor(origin, None), secret());
    let of_proxy = acceptor(authority.issue(&["127.0.0.1"], |_| {}), None);
    let http = TinyProxy::http(ProxyBehaviour::default());
    let https = TinyProxy::http(ProxyBehaviour { tls: Some(of_proxy), ..ProxyBehaviour::default() });
    let socks = TinyProxy::socks(ProxyBehaviour::default());
    for (scheme, proxy) in [("http", &http), ("https", &https), ("socks5", &socks)] {
        let proxies = Proxies::all(format!("{scheme}://{}", proxy.address)).unwrap();
        let network = Network::new().proxies(proxies).tls(trusting(&authority));
        let client = Client::builder().backend(network.agent()).build().unwrap();
        let url = format!("https://127.0.0.1:{}/", origin.address.port());
        let info = block_on(async { client.get(url).await }).unwrap().connection_info();
        assert_eq!(info.tls_info.unwrap().peer_certificates, [of_origin.as_ref()], "{scheme}");
        assert_eq!(info.remote_address, Some(proxy.address));
    }
    let proxies = Proxies::all(format!("https://{}", https.address)).unwrap();
    let network = Network::new().proxies(proxies).tls(trusting(&authority));
    let client = Client::builder().backend(network.agent()).build().unwrap();
    let forwarded = block_on(async { client.get("http://origin.test/").await }).unwrap();
    // The session with the proxy is not a session with the origin.
    assert_eq!(forwarded.connection_info().tls_info, None);
}

/// A transport with TLS of its own.
struct OwnTls(Cursor<Vec<u8>>);

impl Transport for OwnTls {
    fn connection_info(&self) -> ConnectionInfo {
        let mut tls = TlsInfo::default();
        tls.cipher_suite = Some("TLS_SM4_GCM_SM3".to_owned());
        let mut info = ConnectionInfo::default();
        info.tls_info = Some(Arc::new(tls));
        info
    }
}

impl AsyncRead for OwnTls {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for OwnTls {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn custom_transport_reports_its_session() {
    let stream = IoStream::new(OwnTls(Cursor::new(Vec::new())));
    assert_eq!(stream.cipher_suite().as_deref(), Some("TLS_SM4_GCM_SM3"));
    assert_eq!((stream.protocol_version(), stream.alpn_protocol()), (None, None));
}

#[test]
fn names_can_be_left_unverified() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let tls = trusting(&authority).danger_accept_invalid_hostnames(true);
    for host in ["server.test", "other.test", "127.0.0.1"] {
        assert!(get(&server, host, tls.clone()).is_ok(), "{host}");
    }
    // The strict configuration resumes no session of the other.
    refused(get(&server, "other.test", tls.danger_accept_invalid_hostnames(false)), "not for other.test");
    // A certificate without any name.
    let nameless = secret_server(authority.issue(&[], |_| {}), None);
    refused(get(&nameless, "server.test", trusting(&authority)), "not for server.test");
    let tls = trusting(&authority).danger_accept_invalid_hostnames(true);
    assert!(get(&nameless, "server.test", tls).is_ok());
}

#[test]
fn chain_and_dates_are_verified_without_names() {
    let authority = Authority::new();
    let tls = || trusting(&authority).danger_accept_invalid_hostnames(true);
    let unknown = secret_server(Authority::new().issue(&["server.test"], |_| {}), None);
    refused(get(&unknown, "server.test", tls()), "issuer that is not trusted");
    let expired = authority.issue(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    refused(get(&secret_server(expired, None), "other.test", tls()), "has expired");
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    let server = TlsServer::start(unchecked_acceptor(certificate.clone(), &key, &[&TLS13]), secret());
    refused(get(&server, "other.test", tls()), "is self-signed");
    let added = tls().root_certificates_pem(pem(&certificate).as_bytes()).unwrap();
    assert!(get(&server, "other.test", added).is_ok());
}

#[test]
fn names_can_be_left_unverified_for_streams_and_proxies() {
    let authority = Authority::new();
    let tls = trusting(&authority).danger_accept_invalid_hostnames(true);
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    block_on(async {
        let client = TcpClient::new();
        let port = server.address.port();
        client.connect_tls("127.0.0.1", port, &tls).await.unwrap();
        let stream = client.connect("127.0.0.1", port).await.unwrap();
        tls.start_tls(&stream, "other.test").await.unwrap();
        client.connect_tls("127.0.0.1", port, &trusting(&authority)).await.unwrap_err();
    });
    let proxy = acceptor(authority.issue(&["proxy.test"], |_| {}), None);
    let proxy = TinyProxy::http(ProxyBehaviour { tls: Some(proxy), ..ProxyBehaviour::default() });
    let fetch = |tls: TlsConfig| {
        let proxies = Proxies::all(format!("https://{}", proxy.address)).unwrap();
        let client = Client::builder().backend(Network::new().proxies(proxies).tls(tls).agent()).build().unwrap();
        block_on(async { client.get(format!("https://127.0.0.1:{}/", server.address.port())).await?.text().await })
    };
    assert!(fetch(tls).unwrap().starts_with("secret"));
    assert!(fetch(trusting(&authority)).is_err());
}
