//! Facts about the TLS session of a connection.

use bytes::Bytes;

/// Facts about the TLS session of a connection, named as in rustls.
///
/// A custom [`Transport`](crate::Transport) over TLS can report them in its
/// [`ConnectionInfo`](crate::ConnectionInfo::tls_info). `None` means that a fact is not known.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use waterspout::{ConnectionInfo, TlsInfo};
///
/// let mut tls = TlsInfo::default();
/// tls.protocol_version = Some("TLSv1.3".to_owned());
/// let mut info = ConnectionInfo::default();
/// info.tls_info = Some(Arc::new(tls));
/// assert!(info.tls_info.is_some_and(|tls| tls.alpn_protocol.is_none()));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// The version of TLS: `TLSv1.2` or `TLSv1.3`.
    pub protocol_version: Option<String>,
    /// The cipher suite by its IANA name, such as `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: Option<String>,
    /// The protocol that the server has chosen by ALPN (RFC 7301), such as `http/1.1`. `None` if it has chosen none.
    pub alpn_protocol: Option<Vec<u8>>,
    /// The certificates that the server presented, in DER, its own certificate first.
    pub peer_certificates: Vec<Bytes>,
}
