//! A certificate authority for tests, and TLS servers with its certificates.

use std::io::{self, IoSlice};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::WebPkiClientVerifier;
use futures_rustls::rustls::{self, RootCertStore, ServerConfig, SupportedProtocolVersion};
use futures_rustls::server::TlsStream;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use waterspout::Transport;
use waterspout::platform::native::TlsConfig;
use waterspout::testing::{Handler, serve_connection};

/// A certificate authority for tests.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::new([]).unwrap();
        let name = format!("test authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn certificate(&self) -> &Certificate {
        self.0.as_ref()
    }

    pub fn key(&self) -> &KeyPair {
        self.0.key()
    }

    pub fn issue(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> (Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }
}

/// The server side of a TLS connection.
pub struct Secured(pub(crate) TlsStream<Async<TcpStream>>);

impl Transport for Secured {}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Secured {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// Makes an acceptor with this certificate. With `clients`, clients must show a certificate of these issuers.
pub fn acceptor(certificate: (Certificate, KeyPair), clients: Option<RootCertStore>) -> TlsAcceptor {
    acceptor_of(rustls::ALL_VERSIONS, certificate, clients)
}

/// Makes an acceptor as [`acceptor`] does, for these versions of TLS.
pub fn acceptor_of(
    versions: &[&'static SupportedProtocolVersion],
    certificate: (Certificate, KeyPair),
    clients: Option<RootCertStore>,
) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config_of(versions, certificate, clients)))
}

fn config_of(
    versions: &[&'static SupportedProtocolVersion],
    (certificate, key): (Certificate, KeyPair),
    clients: Option<RootCertStore>,
) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
        ),
    };
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    builder.with_single_cert(vec![certificate.der().clone()], key).unwrap()
}

/// Makes an acceptor as [`acceptor`] does, with these protocols for ALPN.
pub fn acceptor_with_alpn(protocols: &[&str], certificate: (Certificate, KeyPair)) -> TlsAcceptor {
    let mut config = config_of(rustls::ALL_VERSIONS, certificate, None);
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A configuration that trusts only this authority.
pub fn trusting(authority: &Authority) -> TlsConfig {
    TlsConfig::new().without_system_roots().root_certificates_pem(authority.pem().as_bytes()).unwrap()
}

/// A server over TLS on threads that end with the test.
pub struct TlsServer {
    pub address: SocketAddr,
    /// The number of connections that the server has accepted.
    pub connections: Arc<AtomicUsize>,
}

impl TlsServer {
    pub fn start(acceptor: TlsAcceptor, handler: impl Handler) -> Self {
        let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).unwrap();
        let address = listener.get_ref().local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        let handler = Arc::new(handler);
        std::thread::spawn(move || {
            loop {
                let (stream, _) = async_io::block_on(listener.accept()).unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (acceptor, handler) = (acceptor.clone(), handler.clone());
                std::thread::spawn(move || {
                    async_io::block_on(async {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            let _ = serve_connection(Box::new(Secured(stream)), &*handler).await;
                        }
                    })
                });
            }
        });
        Self { address, connections }
    }
}
