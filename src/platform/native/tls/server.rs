//! The server side of TLS, for streams that were accepted. Behind the feature `tls`.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures_rustls::TlsAcceptor;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::WebPkiClientVerifier;
use futures_rustls::rustls::server::danger::ClientCertVerifier;
use futures_rustls::rustls::{self, ServerConfig};

use super::alpn::http_version;
use super::client_verifier::ClientRootVerifier;
use super::identity::Identity;
use super::transport::{TlsTransport, tls_info};
use super::{pem, refused};
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::platform::native::timer::SystemTimer;
use crate::runtime::Timer;
use crate::tornado::IoStream;
use crate::transport::Transport;

/// The TLS configuration of a server: the certificate that it shows, and the certificates that clients must show.
///
/// A clone shares the sessions that can be resumed.
///
/// # Examples
///
/// ```no_run
/// use std::net::TcpStream;
/// use waterspout::platform::native::TlsServerConfig;
/// use waterspout::tornado::IoStream;
///
/// # async fn run(accepted: TcpStream) -> Result<(), Box<dyn std::error::Error>> {
/// let tls = TlsServerConfig::new(&std::fs::read("chain.pem")?, &std::fs::read("key.pem")?)?;
/// let stream = IoStream::try_from(accepted)?;
/// tls.start_tls(&stream).await?;
/// stream.write("220 ready\r\n").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TlsServerConfig {
    identity: Arc<Identity>,
    config: Arc<ServerConfig>,
}

impl TlsServerConfig {
    /// Makes a configuration from the server's certificate chain with the leaf first, and its private key, both in PEM.
    /// Clients need no certificate.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the chain or the key cannot be read, or do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self> {
        let identity = Arc::new(Identity::from_pem(chain, key, &ring::default_provider())?);
        let config = Arc::new(build(&identity, WebPkiClientVerifier::no_client_auth())?);
        Ok(Self { identity, config })
    }

    /// Requires a certificate of each client, from an issuer in the PEM text. A client without such a certificate fails
    /// the handshake. A client that presents exactly a certificate of the PEM text is accepted too, within the dates and
    /// for the purposes of that certificate. Default: no certificate is asked for.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if `pem` holds no certificate or cannot be read.
    pub fn client_roots_pem(self, pem: &[u8]) -> Result<Self> {
        let verifier = ClientRootVerifier::new(pem::roots(pem)?, Arc::new(ring::default_provider()))?;
        let mut config = build(&self.identity, Arc::new(verifier))?;
        config.alpn_protocols.clone_from(&self.config.alpn_protocols);
        Ok(Self { config: Arc::new(config), ..self })
    }

    /// Sets the protocols that the server speaks, for ALPN (RFC 7301), the preferred protocol first. A client that
    /// offers only other protocols fails the handshake. Default: none, and any client is accepted.
    #[must_use]
    pub fn alpn_protocols(mut self, protocols: impl IntoIterator<Item = impl Into<Vec<u8>>>) -> Self {
        Arc::make_mut(&mut self.config).alpn_protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Secures a stream that is open and idle: makes the TLS handshake as the server, as Tornado's
    /// `IOStream.start_tls(server_side=True)` does. Bytes that are written meanwhile are queued and sent over TLS.
    ///
    /// The handshake has no limit of its own; [`with_timeout`](crate::tornado::with_timeout) sets a limit.
    ///
    /// # Errors
    /// [`InvalidRequest`](ErrorKind::InvalidRequest) if the stream is not idle, as defined by [`IoStream::upgrade`];
    /// the stream is then unchanged. [`Tls`](ErrorKind::Tls) if the handshake fails; the stream is then closed.
    ///
    /// # Cancellation
    /// If the future is dropped, the handshake goes on when the stream is next used: nothing more is sent in the clear.
    pub async fn start_tls(&self, stream: &IoStream) -> Result<()> {
        let config = self.config.clone();
        stream.upgrade(|transport| accept(transport, config))?;
        stream.connected().await
    }
}

impl fmt::Debug for TlsServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServerConfig")
            .field("chain", &self.identity.chain_length())
            .field("alpn", &self.config.alpn_protocols.len())
            .finish_non_exhaustive()
    }
}

fn build(identity: &Identity, clients: Arc<dyn ClientCertVerifier>) -> Result<ServerConfig> {
    // Named explicitly: the process-wide default provider belongs to the program.
    let provider = Arc::new(ring::default_provider());
    let resolver = identity.resolver(&provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS could not be set up", error))?;
    Ok(builder.with_client_cert_verifier(clients).with_cert_resolver(resolver))
}

/// Makes the TLS handshake over an open connection, as the server.
async fn accept(stream: Box<dyn Transport>, config: Arc<ServerConfig>) -> Result<Box<dyn Transport>> {
    let started = SystemTimer.now();
    let mut connection_info = stream.connection_info();
    let stream = TlsAcceptor::from(config).accept(stream).await.map_err(handshake_error)?;
    connection_info.tls = Some(SystemTimer.now().since(started));
    let session = stream.get_ref().1;
    connection_info.version = http_version(session.alpn_protocol());
    connection_info.tls_info = Some(Arc::new(tls_info(session)));
    Ok(Box::new(TlsTransport { stream, connection_info }))
}

/// Returns an error that says why a handshake failed. Its source keeps the details.
fn handshake_error(error: io::Error) -> Error {
    let reason = match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::NoCertificatesPresented) => "the client showed no certificate",
        Some(rustls::Error::InvalidCertificate(_)) => "the client's certificate is not acceptable",
        Some(rustls::Error::NoApplicationProtocol) => "the client speaks none of the server's protocols",
        Some(_) => "the TLS handshake failed",
        None => "the connection broke during the TLS handshake",
    };
    Error::new(ErrorKind::Tls, Phase::Connect, reason).with_source(error)
}
