//! TLS over TCP: `rustls` with the `ring` provider. Behind the feature `tls`.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures::{AsyncRead, AsyncWrite};
use futures_rustls::TlsStream;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use futures_rustls::rustls::client::WebPkiServerVerifier;
use futures_rustls::rustls::client::danger::ServerCertVerifier;
use futures_rustls::rustls::crypto::{CryptoProvider, ring};
use futures_rustls::rustls::{self, CertificateError, ClientConfig, RootCertStore};

use super::fork;
use super::network::Network;
use super::tcp::{TcpClient, unbracketed};
use super::timer::SystemTimer;
use super::verifier::{AcceptAny, NameSelfSigned, SelfSigned};
use crate::error::{Error, ErrorKind, Phase, Result, Source};
use crate::message::connection_info::ConnectionInfo;
use crate::runtime::Timer;
use crate::tornado::io_stream::IoStream;
use crate::transport::{LOOK, Transport};

/// The TLS configuration: which certificates are trusted, and which certificate is presented.
///
/// By default a server's certificate is verified against the root certificates of the operating system, which are read
/// at the first use. A clone shares the roots and the sessions that can be resumed.
///
/// # Examples
///
/// ```no_run
/// use waterspout::platform::native::{Network, TlsConfig};
/// use waterspout::{Agent, Client};
///
/// let tls = TlsConfig::new().root_certificates_pem(&std::fs::read("company-ca.pem")?)?;
/// let client = Client::builder().backend(Network::new().tls(tls).agent()).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsConfig {
    roots: Vec<CertificateDer<'static>>,
    system_roots: bool,
    identity: Option<Arc<Identity>>,
    accept_invalid: bool,
    alpn: Vec<Vec<u8>>,
    /// The configuration for `rustls`, made at the first use.
    built: Arc<Mutex<Option<Arc<ClientConfig>>>>,
}

struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl TlsConfig {
    /// Makes a configuration with the defaults: the system's roots, and no client certificate.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            system_roots: true,
            identity: None,
            accept_invalid: false,
            alpn: Vec::new(),
            built: Arc::default(),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        // Clones share what was built, and a changed configuration must not.
        self.built = Arc::default();
        self
    }

    /// Adds root certificates to trust, as PEM text with at least a single certificate.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if `pem` holds no certificate or cannot be read.
    pub fn root_certificates_pem(self, pem: &[u8]) -> Result<Self> {
        let roots = certificates(pem)?;
        Ok(self.change(|config| config.roots.extend(roots)))
    }

    /// Removes the system's roots: only [added](Self::root_certificates_pem) roots are trusted.
    #[must_use]
    pub fn without_system_roots(self) -> Self {
        self.change(|config| config.system_roots = false)
    }

    /// Sets the client certificate, which is presented to servers that ask for it: the chain with the leaf first, and
    /// its private key, both in PEM.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the chain or the key cannot be read.
    pub fn client_certificate_pem(self, chain: &[u8], key: &[u8]) -> Result<Self> {
        let chain = certificates(chain)?;
        let key = private_key(key)?;
        Ok(self.change(|config| config.identity = Some(Arc::new(Identity { chain, key }))))
    }

    /// Sets whether every certificate is accepted: expired, for another host, from any issuer. Every machine on the way
    /// to the server can then read and change the traffic. Default: false.
    #[must_use]
    pub fn danger_accept_invalid_certificates(self, accept: bool) -> Self {
        self.change(|config| config.accept_invalid = accept)
    }

    /// Sets the protocols that are offered to the server by ALPN (RFC 7301), the preferred protocol first: `http/1.1`
    /// for a server that requires it, or the protocol of an [`IoStream`]. Default: none.
    ///
    /// An agent always speaks HTTP/1.1, independent of this setting. A server that knows none of the protocols ends the
    /// handshake.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::{Network, TlsConfig};
    ///
    /// let network = Network::new().tls(TlsConfig::new().alpn_protocols(["http/1.1"]));
    /// ```
    #[must_use]
    pub fn alpn_protocols(self, protocols: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        let protocols = protocols.into_iter().map(Into::into).collect();
        self.change(|config| config.alpn = protocols)
    }

    /// Returns the configuration without the client certificate. It shares the roots that were read if there is no
    /// client certificate.
    pub(super) fn without_identity(self) -> Self {
        if self.identity.is_none() {
            return self;
        }
        self.change(|config| config.identity = None)
    }

    /// Succeeds: this build has TLS.
    #[allow(clippy::unused_self, reason = "a build without TLS refuses here")]
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the configuration for `rustls`, which is made at the first call. The system's roots are read on a thread
    /// for blocking work.
    async fn client_config(&self) -> Result<Arc<ClientConfig>> {
        let built = || self.built.lock().unwrap_or_else(PoisonError::into_inner);
        // The lock is released before the roots are read, which may take long. Two first calls may both build; the
        // first result is kept.
        if let Some(config) = &*built() {
            return Ok(config.clone());
        }
        let this = self.clone();
        // A forked child has no thread for blocking work.
        fork::check()?;
        // Reading the system's roots blocks.
        let config = Arc::new(blocking::unblock(move || this.build()).await?);
        // Another connection may have built it meanwhile. All use the same configuration, and so share the sessions to
        // resume.
        Ok(built().get_or_insert(config).clone())
    }

    fn build(&self) -> Result<ClientConfig> {
        // Named explicitly: the process-wide default provider belongs to the program.
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| refused("TLS could not be set up", error))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(self.verifier(provider)?);
        let mut config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
                .map_err(|error| refused("the client certificate does not fit its key", error))?,
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(config)
    }

    fn verifier(&self, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>> {
        if self.accept_invalid {
            return Ok(Arc::new(AcceptAny(provider)));
        }
        let roots = Arc::new(self.root_store()?);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        let verifier = verifier.map_err(|error| refused("there is no root certificate to trust", error))?;
        Ok(Arc::new(NameSelfSigned(verifier)))
    }

    fn root_store(&self) -> Result<RootCertStore> {
        let mut store = RootCertStore::empty();
        for root in &self.roots {
            store.add(root.clone()).map_err(|error| refused("a root certificate is malformed", error))?;
        }
        if self.system_roots {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = store.add_parsable_certificates(found.certs);
            // Certificates of the system that cannot be parsed are skipped, as long as any root is left.
            if added == 0 && self.roots.is_empty() {
                let error = Error::new(ErrorKind::Tls, Phase::Connect, "the system has no root certificates to trust");
                return Err(found.errors.into_iter().fold(error, |error, cause| error.with_source(cause)));
            }
        }
        Ok(store)
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConfig")
            .field("roots", &self.roots.len())
            .field("system_roots", &self.system_roots)
            .field("identity", &self.identity.is_some())
            .field("accept_invalid", &self.accept_invalid)
            .finish()
    }
}

impl Network {
    /// Sets the TLS configuration for servers. Default: the system's roots, and no client certificate.
    #[must_use]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls_to_proxies = config.clone().without_identity();
        self.tls = config;
        self
    }

    /// Sets the TLS configuration for `https` proxies. Default: that of servers without the client certificate, which
    /// is not presented to proxies.
    #[must_use]
    pub fn proxy_tls(mut self, config: TlsConfig) -> Self {
        self.own_tls_to_proxies = Some(config);
        self
    }
}

impl TlsConfig {
    /// Secures a stream that is open and idle, as `STARTTLS` requires: makes the TLS handshake as a client of `host`, a
    /// name or an address. Bytes that are written meanwhile are queued and sent over TLS.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the stream is not idle, as defined by [`IoStream::upgrade`];
    /// the stream is then unchanged. [`Tls`](ErrorKind::Tls) if the handshake fails; the stream is then closed.
    ///
    /// # Cancellation
    /// If the future is dropped, the handshake goes on when the stream is next used: nothing more is sent in the clear.
    pub async fn start_tls(&self, stream: &IoStream, host: &str) -> Result<()> {
        let config = self.clone();
        let host = host.to_owned();
        stream.upgrade(|transport| async move { start(transport, &host, &config, &SystemTimer).await })?;
        stream.connected().await
    }
}

impl TcpClient {
    /// Connects as [`connect`](Self::connect) does, and makes the TLS handshake as a client of `host` within the same
    /// limit.
    ///
    /// # Errors
    /// The errors of [`connect`](Self::connect), and [`Tls`](ErrorKind::Tls) if the handshake fails.
    ///
    /// # Cancellation
    /// Dropping the future drops the connection.
    pub async fn connect_tls(&self, host: &str, port: u16, config: &TlsConfig) -> Result<IoStream> {
        let secured = async { start(self.open(host, port).await?, host, config, &*self.timer).await };
        Ok(IoStream::new(self.with_limit(secured).await?))
    }
}

pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| refused("a certificate cannot be read", error))?;
    if certificates.is_empty() {
        return Err(Error::request(ErrorKind::InvalidRequest, "there is no certificate in the PEM text"));
    }
    Ok(certificates)
}

pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| refused("the private key cannot be read", error))
}

pub(super) fn refused(message: &'static str, cause: impl Into<Source>) -> Error {
    Error::request(ErrorKind::InvalidRequest, message).with_source(cause)
}

/// Makes the TLS handshake over an open connection, as a client of `host`.
pub(super) async fn start<T: Transport>(
    stream: T,
    host: &str,
    config: &TlsConfig,
    timer: &dyn Timer,
) -> Result<Box<dyn Transport>> {
    let started = timer.now();
    let mut connection_info = stream.connection_info();
    let host = unbracketed(host);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| {
        Error::new(ErrorKind::Tls, Phase::Connect, "the host's name is not valid in a certificate").with_source(error)
    })?;
    let connector = futures_rustls::TlsConnector::from(config.client_config().await?);
    let stream = connector.connect(name, stream).await.map_err(|error| handshake_error(error, host))?;
    connection_info.tls = Some(timer.now().since(started));
    Ok(Box::new(TlsTransport { stream: stream.into(), connection_info }))
}

/// Returns an error that says why a handshake failed. Its source keeps the details.
fn handshake_error(error: io::Error, host: &str) -> Error {
    let reason = match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => certificate_problem(reason, host),
        Some(_) => "the TLS handshake failed".to_owned(),
        None => "the connection broke during the TLS handshake".to_owned(),
    };
    Error::new(ErrorKind::Tls, Phase::Connect, reason).with_source(error)
}

fn certificate_problem(reason: &CertificateError, host: &str) -> String {
    use CertificateError as Problem;
    match reason {
        Problem::Expired | Problem::ExpiredContext { .. } => "the server's certificate has expired".to_owned(),
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet".to_owned()
        }
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            format!("the server's certificate is not for {host}")
        }
        Problem::UnknownIssuer => "the server's certificate is from an issuer that is not trusted".to_owned(),
        Problem::Other(other) if other.0.is::<SelfSigned>() => SelfSigned.to_string(),
        Problem::Revoked => "the server's certificate has been revoked".to_owned(),
        _ => "the server's certificate is not acceptable".to_owned(),
    }
}

/// A TLS connection.
pub(super) struct TlsTransport<T> {
    pub(super) stream: TlsStream<T>,
    pub(super) connection_info: ConnectionInfo,
}

impl<T: Transport> Transport for TlsTransport<T> {
    fn is_idle(&mut self) -> bool {
        // TLS has records without data, such as session tickets, so the connection is read and not only peeked at. With
        // this waker `TcpTransport` asks the socket and defers nothing.
        let mut context = Context::from_waker(&LOOK);
        Pin::new(&mut self.stream).poll_read(&mut context, &mut [0]).is_pending()
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info
    }
}

impl<T: Transport> AsyncRead for TlsTransport<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: Transport> AsyncWrite for TlsTransport<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
