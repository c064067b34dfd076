//! Facts about a stream's connection: its addresses and its TLS session.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use super::IoStream;
use super::state::StreamConnection;
use crate::message::connection_info::ConnectionInfo;
use crate::message::tls_info::TlsInfo;

impl IoStream {
    /// Returns the facts that the transport reports about the open connection. All facts are unknown while the stream
    /// connects, and after it has failed or was closed here.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::tornado::IoStream;
    /// use waterspout::{Connector, Url};
    ///
    /// # futures::executor::block_on(async {
    /// let server = ScriptedConnector::new([Script::new().send("220 ready\r\n")]);
    /// let origin = Url::parse("http://mail.example")?.origin();
    /// let stream = IoStream::connecting(async move { server.connect(&origin).await });
    /// stream.connected().await?;
    /// // A scripted connection has no socket and no TLS.
    /// assert!(stream.connection_info().remote_address.is_none());
    /// assert!(stream.protocol_version().is_none());
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn connection_info(&self) -> ConnectionInfo {
        match &self.lock().connection {
            StreamConnection::Open(transport) => transport.connection_info(),
            StreamConnection::Connecting(_) | StreamConnection::Closed(_) => ConnectionInfo::default(),
        }
    }

    /// Returns the address of the other end: the server, or the proxy in between. `None` unless the stream is open.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.connection_info().remote_address
    }

    /// Returns the address of this end. `None` unless the stream is open.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.connection_info().local_address
    }

    /// Returns the version of TLS: `TLSv1.2` or `TLSv1.3`. `None` unless the stream is open and uses TLS.
    pub fn protocol_version(&self) -> Option<String> {
        self.tls_info()?.protocol_version.clone()
    }

    /// Returns the cipher suite by its IANA name, such as `TLS_AES_128_GCM_SHA256`. `None` unless the stream is open
    /// and uses TLS.
    pub fn cipher_suite(&self) -> Option<String> {
        self.tls_info()?.cipher_suite.clone()
    }

    /// Returns the protocol that the server has chosen by ALPN (RFC 7301). `None` if it has chosen none, without TLS,
    /// and if the stream is not open.
    pub fn alpn_protocol(&self) -> Option<Vec<u8>> {
        self.tls_info()?.alpn_protocol.clone()
    }

    /// Returns the certificates that the server presented, in DER, its own certificate first. `None` unless the stream
    /// is open and uses TLS.
    pub fn peer_certificates(&self) -> Option<Vec<Bytes>> {
        Some(self.tls_info()?.peer_certificates.clone())
    }

    fn tls_info(&self) -> Option<Arc<TlsInfo>> {
        self.connection_info().tls_info
    }
}
