//! TLS against servers with good and bad certificates, of a certificate authority made here.
#![allow(missing_docs, clippy::unwrap_used)]
#![cfg(all(feature = "tls", not(target_family = "wasm")))]

mod secured;

use std::error::Error as _;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_io::Async;
use futures::future::join;
use futures::{AsyncReadExt, AsyncWriteExt, FutureExt};
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::ResolvesServerCertUsingSni;
use futures_rustls::rustls::sign::CertifiedKey;
use futures_rustls::rustls::{RootCertStore, ServerConfig};
use rcgen::{Certificate, CertificateParams, KeyPair, date_time_ymd};
use waterspout::agent::Route;
use waterspout::platform::native::{HostMap, Network, SystemResolver, TcpClient, TlsConfig};
use waterspout::testing::{ManualTimer, Reply, handler, serve_connection};
use waterspout::tornado::IoStream;
use waterspout::{Client, Error, ErrorKind, Phase};

use self::secured::{Authority, Secured, acceptor, trusting};

struct TlsServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl TlsServer {
    /// Serves with this certificate on a thread that ends with the test; `clients` must be shown to it, if given.
    fn start(certificate: (Certificate, KeyPair), clients: Option<RootCertStore>) -> Self {
        Self::serve(acceptor(certificate, clients))
    }

    fn serve(acceptor: TlsAcceptor) -> Self {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        std::thread::spawn(move || {
            loop {
                let (stream, _) = async_io::block_on(listener.accept()).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let acceptor = acceptor.clone();
                std::thread::spawn(move || async_io::block_on(serve(acceptor, stream)));
            }
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

/// Serves one connection.
async fn serve(acceptor: TlsAcceptor, stream: Async<TcpStream>) {
    let secret = handler(|request| async { Reply::text(format!("secret for {}", request.host())) }.boxed());
    if let Ok(stream) = acceptor.accept(stream).await {
        let _ = serve_connection(Box::new(Secured(stream)), &secret).await;
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
fn a_client_certificate_of_one_request_is_not_shown_for_the_next() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["127.0.0.1"], |_| {}), Some(authority.roots()));
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
        // The connection that the server trusts is kept, and not for this one.
        let error = async_io::block_on(async { client.get(&url).await?.text().await }).unwrap_err();
        assert!(error.is_network(), "{error}");
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 3);
}

#[test]
fn the_certificate_of_an_ipv6_literal_is_checked_too() {
    let authority = Authority::new();
    for (name, holds) in [("::1", true), ("::2", false), ("localhost", false)] {
        let server = TlsServer::start(authority.issue(&[name], |_| {}), None);
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
fn the_server_is_told_which_name_is_asked_for() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let key = ring::sign::any_supported_type(&key).unwrap();
    let mut certificates = ResolvesServerCertUsingSni::new();
    certificates.add("server.test", CertifiedKey::new(vec![certificate.der().clone()], key)).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let server = TlsServer::serve(TlsAcceptor::from(Arc::new(builder.with_cert_resolver(Arc::new(certificates)))));
    assert!(server.get("server.test", trusting(&authority)).unwrap().starts_with("secret"));
    // Who is not told the name has no certificate to show.
    assert_eq!(server.get("other.test", trusting(&authority)).unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn the_server_is_offered_the_protocols_that_were_set() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let server = TlsServer::serve(TlsAcceptor::from(Arc::new(config)));
    let get = |protocols: &[&str]| server.get("127.0.0.1", trusting(&authority).alpn_protocols(protocols.to_vec()));
    assert!(get(&["h2", "http/1.1"]).unwrap().starts_with("secret"));
    assert!(get(&[]).unwrap().starts_with("secret"));
    // It knows no other.
    assert_eq!(get(&["h2"]).unwrap_err().kind(), ErrorKind::Tls);
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

/// A server that speaks in the clear until it is asked for TLS, then sends everything back; tells what it heard in the clear.
fn upgrading(certificate: (Certificate, KeyPair)) -> (u16, mpsc::Receiver<String>) {
    let acceptor = acceptor(certificate, None);
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let port = listener.get_ref().local_addr().unwrap().port();
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        async_io::block_on(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut line = [0; 10];
                if stream.read_exact(&mut line).await.is_err() || stream.write_all(b"go on\r\n").await.is_err() {
                    continue;
                }
                let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
                if let Ok(stream) = acceptor.accept(stream).await {
                    let (from, mut to) = stream.split();
                    let _ = futures::io::copy(from, &mut to).await;
                    let _ = to.close().await;
                }
            }
        })
    });
    (port, told)
}

/// A stream to such a server on which the upgrade has been agreed on.
async fn agreed(port: u16) -> IoStream {
    let stream = TcpClient::new().connect("127.0.0.1", port).await.unwrap();
    stream.write("STARTTLS\r\n").await.unwrap();
    assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "go on\r\n");
    stream
}

#[test]
fn a_stream_goes_on_over_tls_after_it_has_spoken_in_the_clear() {
    let authority = Authority::new();
    let (port, heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = agreed(port).await;
        let tls = trusting(&authority);
        let secured = tls.start_tls(&stream, "server.test");
        // Written while the hands are shaken.
        let (secured, written) = join(secured, async { stream.write("secret\r\n").await }).await;
        secured.unwrap();
        written.unwrap();
        assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "secret\r\n");
        stream.shutdown().await.unwrap();
        stream.closed().await.unwrap();
    });
    assert_eq!(heard.recv().unwrap(), "STARTTLS\r\n");
}

#[test]
fn a_stream_that_is_not_idle_stays_in_the_clear() {
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = TcpClient::new().connect("127.0.0.1", port).await.unwrap();
        stream.write("STARTTLS\r\n").await.unwrap();
        assert_eq!(stream.read_exact(1).await.unwrap(), "g");
        let error = trusting(&authority).start_tls(&stream, "server.test").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
        assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "o on\r\n");
    });
}

#[test]
fn a_stream_is_secured_for_the_host_that_is_named_and_no_other() {
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    async_io::block_on(async {
        let stream = agreed(port).await;
        trusting(&authority).start_tls(&stream, "server.test").await.unwrap();
        // The server has one connection at a time.
        stream.close();

        let stream = agreed(port).await;
        let outcome = trusting(&authority).start_tls(&stream, "other.test").await;
        refused(outcome.map(|()| String::new()), "not for other.test");
        // Nothing more is sent in the clear.
        assert_eq!(stream.write("secret").await.unwrap_err().kind(), ErrorKind::Tls);

        let stream = agreed(port).await;
        let careless = trusting(&authority).danger_accept_invalid_certificates(true);
        careless.start_tls(&stream, "other.test").await.unwrap();
    });
}

#[test]
fn one_thread_reads_a_secured_stream_while_another_writes() {
    const PIECES: usize = 64;
    let authority = Authority::new();
    let (port, _heard) = upgrading(authority.issue(&["server.test"], |_| {}));
    let stream = Arc::new(async_io::block_on(async {
        let stream = agreed(port).await;
        trusting(&authority).start_tls(&stream, "server.test").await.unwrap();
        stream
    }));
    let writing = stream.clone();
    let writer = std::thread::spawn(move || {
        futures::executor::block_on(async {
            for piece in 0..PIECES {
                writing.write(vec![piece as u8; 65_536]).await.unwrap();
            }
        });
    });
    futures::executor::block_on(async {
        for piece in 0..PIECES {
            let bytes = stream.read_exact(65_536).await.unwrap();
            assert!(bytes.iter().all(|byte| *byte == piece as u8), "piece {piece}");
        }
    });
    writer.join().unwrap();
}

#[test]
fn the_limit_on_connecting_holds_for_the_handshake() {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
    let port = listener.get_ref().local_addr().unwrap().port();
    let (timer, limit) = (ManualTimer::new(), Duration::from_secs(5));
    let client = TcpClient::new().timer(timer.clone()).timeout(limit);
    let tls = TlsConfig::new().without_system_roots().danger_accept_invalid_certificates(true);
    let error = async_io::block_on(async {
        let silent = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The client has begun to shake hands.
            stream.read_exact(&mut [0; 1]).await.unwrap();
            timer.advance(limit);
            stream
        };
        join(client.connect_tls("127.0.0.1", port, &tls), silent).await.0.unwrap_err()
    });
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Connect), "{error}");
    assert_eq!(timer.pending(), 0);
}

#[test]
fn a_stream_can_be_secured_from_the_start() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.issue(&["127.0.0.1"], |_| {}), None);
    let answer = async_io::block_on(async {
        let tls = trusting(&authority);
        let stream = TcpClient::new().connect_tls("127.0.0.1", server.address.port(), &tls).await?;
        stream.write("GET / HTTP/1.1\r\nhost: me\r\nconnection: close\r\n\r\n").await?;
        stream.read_until("\r\n", 1000).await
    });
    assert_eq!(answer.unwrap(), "HTTP/1.1 200 OK\r\n");
}
