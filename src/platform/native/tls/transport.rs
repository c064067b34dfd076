//! The TLS handshake over an open connection, and the server side of the connection that results.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{AsyncRead, AsyncWrite};
use futures_rustls::pki_types::ServerName;
use futures_rustls::rustls::{ClientConfig, CommonState, ProtocolVersion};
use futures_rustls::server::TlsStream;
use http::Version;

use super::TlsConfig;
use super::alpn::{self, http_version};
use super::client_stream::ClientStream;
use super::failure::handshake_error;
use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::connection_info::ConnectionInfo;
use crate::message::tls_info::TlsInfo;
use crate::platform::native::http_versions::HttpVersions;
use crate::platform::native::tcp::unbracketed;
use crate::runtime::Timer;
use crate::transport::{LOOK, Transport};

/// Makes the TLS handshake over an open connection, as a client of `host`. A connection with `versions` is for HTTP,
/// and negotiates which version it speaks.
pub(in crate::platform::native) async fn start<T: Transport>(
    stream: T,
    host: &str,
    config: &TlsConfig,
    versions: Option<HttpVersions>,
    timer: &dyn Timer,
) -> Result<Box<dyn Transport>> {
    let started = timer.now();
    let host = unbracketed(host);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| {
        Error::new(ErrorKind::Tls, Phase::Connect, "the host's name is not valid in a certificate").with_source(error)
    })?;
    // A copy for each connection: the parts are shared, and so are the sessions that can be resumed.
    let mut client_config = ClientConfig::clone(&*config.client_config().await?);
    let offered = config.offered(versions);
    client_config.alpn_protocols.clone_from(&offered);
    // Checked below instead, where the error can name the protocol.
    client_config.check_selected_alpn = versions.is_none();
    let stream = ClientStream::connect(stream, Arc::new(client_config), name).await;
    let mut stream = stream.map_err(|error| handshake_error(error, host, &offered))?;
    let session = stream.session();
    if let Some(versions) = versions {
        alpn::check(versions, host, &offered, session.alpn_protocol())?;
    }
    let (version, tls_info) = (http_version(session.alpn_protocol()), Arc::new(tls_info(session)));
    stream.connection_info.version = version;
    stream.connection_info.tls = Some(timer.now().since(started));
    stream.connection_info.tls_info = Some(tls_info);
    Ok(Box::new(stream))
}

/// Returns the facts about the session after the handshake.
pub(super) fn tls_info(session: &CommonState) -> TlsInfo {
    let protocol_version = session.protocol_version().map(|version| match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2".to_owned(),
        ProtocolVersion::TLSv1_3 => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    });
    // `rustls` names the suites of TLS 1.3 with a prefix of its own.
    let cipher_suite =
        session.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1));
    let alpn_protocol = session.alpn_protocol().map(<[u8]>::to_vec);
    let certificates = session.peer_certificates().unwrap_or_default();
    let peer_certificates = certificates.iter().map(|der| Bytes::copy_from_slice(der)).collect();
    TlsInfo { protocol_version, cipher_suite, alpn_protocol, peer_certificates }
}

/// The server side of a TLS connection.
pub(super) struct TlsTransport<T> {
    pub(super) stream: TlsStream<T>,
    pub(super) connection_info: ConnectionInfo,
}

impl<T: Transport> Transport for TlsTransport<T> {
    fn is_idle(&mut self) -> bool {
        // TLS has records without data, such as session tickets, so the connection is read and not only peeked at. With
        // this waker `SocketTransport` asks the socket and defers nothing.
        let mut context = Context::from_waker(&LOOK);
        Pin::new(&mut self.stream).poll_read(&mut context, &mut [0]).is_pending()
    }

    fn version(&self) -> Version {
        self.connection_info.version.unwrap_or(Version::HTTP_11)
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info.clone()
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
