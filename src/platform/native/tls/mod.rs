//! TLS over TCP: `rustls`, by default with the `ring` provider. Behind the feature `tls`.

mod alpn;
mod builder;
mod certificate;
mod client_stream;
mod client_verifier;
mod failure;
mod identity;
mod outgoing;
mod pem;
mod server;
mod transport;
mod verifier;

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_rustls::pki_types::CertificateDer;
use futures_rustls::rustls::client::danger::ServerCertVerifier;
use futures_rustls::rustls::crypto::{CryptoProvider, ring};
use futures_rustls::rustls::{ClientConfig, RootCertStore};

use self::certificate::{CertificateFields, SUBJECT_ALT_NAME};
pub(super) use self::failure::is_interrupted;
pub(crate) use self::failure::is_tls_failure;
use self::identity::Identity;
pub use self::server::TlsServerConfig;
pub(super) use self::transport::start;
use self::verifier::{AcceptAny, RootVerifier};
use super::fork;
use super::network::Network;
use super::tcp::{TcpClient, authority, trace_step};
use super::timer::SystemTimer;
use crate::error::{ConnectStep, Error, ErrorKind, Phase, Result, Source};
use crate::tornado::io_stream::IoStream;
use crate::transport::ConnectTrace;

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
/// let client = Client::builder().network(Network::new().tls(tls)).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsConfig {
    roots: Vec<CertificateDer<'static>>,
    system_roots: bool,
    identity: Option<Arc<Identity>>,
    accept_invalid: bool,
    accept_invalid_hostnames: bool,
    /// The protocols that the program has set for ALPN.
    alpn: Option<Vec<Vec<u8>>>,
    provider: Arc<CryptoProvider>,
    /// The configuration for `rustls` without protocols for ALPN, made at the first use.
    built: Arc<BuiltConfig>,
}

/// The configuration for `rustls` once it is made.
#[derive(Default)]
struct BuiltConfig {
    config: Mutex<Option<Arc<ClientConfig>>>,
    /// Is locked while the configuration is made, so that many first connections do not read the system's roots each.
    building: Mutex<()>,
}

impl BuiltConfig {
    fn config(&self) -> Option<Arc<ClientConfig>> {
        self.config.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TlsConfig {
    /// Makes a configuration with the defaults: the system's roots, and no client certificate.
    pub fn new() -> Self {
        Self {
            roots: Vec::new(),
            system_roots: true,
            identity: None,
            accept_invalid: false,
            accept_invalid_hostnames: false,
            alpn: None,
            // Named explicitly: the process-wide default provider belongs to the program.
            provider: Arc::new(ring::default_provider()),
            built: Arc::default(),
        }
    }

    fn change(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        // Clones share what was built, and a changed configuration must not.
        self.built = Arc::default();
        self
    }

    /// Adds root certificates to trust, as PEM text with at least a single certificate. Other text and other sections,
    /// such as a private key, are ignored.
    ///
    /// A server that presents exactly an added certificate is trusted too: a self-signed certificate with CA:TRUE, as
    /// `openssl req -x509` makes it, or the server's own certificate without its issuer. The dates, the purposes and
    /// the name are verified all the same. A certificate with CA:FALSE is trusted as that of the server alone: it
    /// issues no other certificate. The same holds for the system's roots.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if `pem` holds no certificate, or if a certificate is damaged. The
    /// message has the position of the damaged certificate, counted from 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::TlsConfig;
    ///
    /// let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    /// let error = TlsConfig::new().root_certificates_pem(damaged).unwrap_err();
    /// assert!(error.to_string().contains("certificate 1 cannot be read"));
    /// ```
    pub fn root_certificates_pem(self, pem: &[u8]) -> Result<Self> {
        let roots = pem::roots(pem)?;
        Ok(self.change(|config| config.roots.extend(roots)))
    }

    /// Removes the system's roots: only [added](Self::root_certificates_pem) roots are trusted.
    #[must_use]
    pub fn without_system_roots(self) -> Self {
        self.change(|config| config.system_roots = false)
    }

    /// Sets the client certificate, which is presented to servers that ask for it: the chain with the leaf first, and
    /// its private key, both in PEM. The same text may hold both.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the chain or the key cannot be read, or if they do not belong
    /// together. A key that the [provider](Self::crypto_provider) does not support is an error of the first connection,
    /// because the provider may be set later.
    pub fn client_certificate_pem(self, chain: &[u8], key: &[u8]) -> Result<Self> {
        let identity = Identity::from_pem(chain, key, &self.provider)?;
        Ok(self.change(|config| config.identity = Some(Arc::new(identity))))
    }

    /// Sets whether every certificate is accepted, as `curl -k` does: expired, for another host, from any issuer, of
    /// X.509 version 1, or with extensions that cannot be verified. Every machine on the way to the server can then
    /// read and change the traffic. Default: false.
    ///
    /// The server still has to hold the key of its certificate, of a kind that the [provider](Self::crypto_provider)
    /// supports. The setting applies to `https` proxies too, unless [`Network::proxy_tls`] sets another configuration
    /// for them.
    #[must_use]
    pub fn danger_accept_invalid_certificates(self, accept: bool) -> Self {
        self.change(|config| config.accept_invalid = accept)
    }

    /// Sets whether a certificate is accepted for every host: its issuer, dates and purposes are verified, and its
    /// names are not. Every server with a certificate of a trusted issuer can then take the place of the host. Default:
    /// false.
    ///
    /// It is meant for servers whose certificate has another name than the URL, and for few roots: see
    /// [`without_system_roots`](Self::without_system_roots). It is Python's `check_hostname = False` with
    /// `CERT_REQUIRED`. It applies to `https` proxies too, unless [`Network::proxy_tls`] sets another configuration for
    /// them.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use waterspout::platform::native::TlsConfig;
    ///
    /// let tls = TlsConfig::new()
    ///     .without_system_roots()
    ///     .root_certificates_pem(&std::fs::read("devices.pem")?)?
    ///     .danger_accept_invalid_hostnames(true);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn danger_accept_invalid_hostnames(self, accept: bool) -> Self {
        self.change(|config| config.accept_invalid_hostnames = accept)
    }

    /// Sets the provider of the cryptography: the cipher suites, the key exchanges, and the signatures of certificates.
    /// Default: `ring`, with the curves P-256, P-384 and X25519, Ed25519, and RSA keys of 2048 to 8192 bits.
    ///
    /// Another provider adds what `ring` lacks, such as the curve P-521, FIPS or post-quantum key exchange. The type is
    /// that of [`rustls`](crate::platform::native::rustls) 0.23. The provider that is installed for the whole process
    /// is not used.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::platform::native::rustls::crypto::ring;
    /// use waterspout::platform::native::{Network, TlsConfig};
    ///
    /// let mut provider = ring::default_provider();
    /// provider.kx_groups.retain(|group| group.name() == ring::kx_group::X25519.name());
    /// let network = Network::new().tls(TlsConfig::new().crypto_provider(provider));
    /// ```
    #[must_use]
    pub fn crypto_provider(self, provider: impl Into<Arc<CryptoProvider>>) -> Self {
        let provider = provider.into();
        self.change(|config| config.provider = provider)
    }

    /// Returns the configuration without the client certificate and the protocols for ALPN, which are for servers. It
    /// shares the roots that were read if there are neither.
    fn for_proxies(self) -> Self {
        if self.identity.is_none() && self.alpn.is_none() {
            return self;
        }
        self.change(|config| {
            config.identity = None;
            config.alpn = None;
        })
    }

    /// Succeeds: this build has TLS.
    #[allow(clippy::unused_self, reason = "a build without TLS refuses here")]
    pub(super) fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the configuration for `rustls`, which is made at the first call. The system's roots are read on a thread
    /// for blocking work.
    async fn client_config(&self) -> Result<Arc<ClientConfig>> {
        if let Some(config) = self.built.config() {
            return Ok(config);
        }
        let this = self.clone();
        // A forked child has no thread for blocking work.
        fork::check()?;
        // Reading the system's roots blocks. First calls at the same time wait on their threads, and not for the future
        // of another call, which may not be polled.
        blocking::unblock(move || {
            let _building = this.built.building.lock().unwrap_or_else(PoisonError::into_inner);
            // All connections use the same configuration, and so share the sessions to resume.
            if let Some(config) = this.built.config() {
                return Ok(config);
            }
            let config = Arc::new(this.build()?);
            *this.built.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(config.clone());
            Ok(config)
        })
        .await
    }

    fn build(&self) -> Result<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| refused("TLS could not be set up", error))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(self.verifier()?);
        Ok(match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder.with_client_cert_resolver(identity.resolver(&self.provider)?),
        })
    }

    fn verifier(&self) -> Result<Arc<dyn ServerCertVerifier>> {
        let algorithms = self.provider.signature_verification_algorithms;
        if self.accept_invalid {
            return Ok(Arc::new(AcceptAny(algorithms)));
        }
        let mut verifier = RootVerifier {
            roots: RootCertStore::empty(),
            trusted: self.roots.clone(),
            algorithms,
            verifies_names: !self.accept_invalid_hostnames,
        };
        for root in self.roots.iter().filter(|root| is_authority(root)) {
            verifier.roots.add(root.clone()).map_err(|error| refused("a root certificate is malformed", error))?;
        }
        if self.system_roots {
            self.add_system_roots(&mut verifier)?;
        }
        if verifier.roots.is_empty() && verifier.trusted.is_empty() {
            let message = "there is no root certificate to trust; add a root, or keep the system's roots";
            return Err(Error::request(ErrorKind::InvalidRequest, message));
        }
        Ok(Arc::new(verifier))
    }

    fn add_system_roots(&self, verifier: &mut RootVerifier) -> Result<()> {
        let found = rustls_native_certs::load_native_certs();
        // Only a certificate with names can be that of a server. Public authorities have none, so few are kept.
        let has_names = |der: &&CertificateDer<'static>| {
            CertificateFields::read(der).is_some_and(|fields| fields.extension(SUBJECT_ALT_NAME).is_some())
        };
        verifier.trusted.extend(found.certs.iter().filter(has_names).cloned());
        verifier.roots.add_parsable_certificates(found.certs.into_iter().filter(|root| is_authority(root)));
        // Certificates of the system that cannot be parsed are skipped, as long as any root is left.
        if verifier.roots.is_empty() && verifier.trusted.is_empty() {
            let error = Error::new(ErrorKind::Tls, Phase::Connect, "the system has no root certificates to trust");
            return Err(found.errors.into_iter().fold(error, |error, cause| error.with_source(cause)));
        }
        Ok(())
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
            .field("accept_invalid_hostnames", &self.accept_invalid_hostnames)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// Sets the TLS configuration for servers. Default: the system's roots, and no client certificate.
    #[must_use]
    pub fn tls(mut self, config: TlsConfig) -> Self {
        self.tls_to_proxies = config.clone().for_proxies();
        self.tls = config;
        self
    }

    /// Sets the TLS configuration for `https` proxies. Default: that of servers without the client certificate, which
    /// is not presented to proxies, and without the protocols for ALPN: a proxy is offered `http/1.1`. The `danger_`
    /// settings for servers apply to proxies then, unlike curl's `--insecure`.
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
        stream.upgrade(|transport| async move { start(transport, &host, &config, None, &SystemTimer).await })?;
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
        let (trace, target) = (ConnectTrace::new(), authority(host, port));
        let secured = async {
            let stream = self.open_unfiltered(host, port, &trace, &target).await?;
            trace_step(&trace, ConnectStep::Tls, &target, &stream);
            start(stream, host, config, None, &*self.timer).await
        };
        Ok(IoStream::new(self.with_limit(&trace, &target, secured).await?))
    }
}

/// Returns whether a root can be the issuer of other certificates.
///
/// `webpki` does not check this for a root. The certificate of a server that was added could then issue certificates
/// for every name, and the key of that server would be as powerful as that of an authority.
fn is_authority(root: &CertificateDer<'_>) -> bool {
    CertificateFields::read(root).is_some_and(|fields| fields.is_authority())
}

fn refused(message: impl Into<Cow<'static, str>>, cause: impl Into<Source>) -> Error {
    Error::request(ErrorKind::InvalidRequest, message).with_source(cause)
}
