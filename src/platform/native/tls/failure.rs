//! Failures of TLS: which errors they are, and the words for them.

use std::error::Error as StdError;
use std::io;

use futures_rustls::rustls::{self, AlertDescription, CertificateError};

use super::alpn::listed;
use super::verifier::SelfSigned;
use crate::error::{Error, ErrorKind, Phase};

/// Returns whether an I/O error holds an error of TLS, at any depth.
pub(crate) fn is_tls_failure(error: &io::Error) -> bool {
    let mut cause = inner(error);
    while let Some(error) = cause {
        if error.is::<rustls::Error>() {
            return true;
        }
        cause = error.downcast_ref().map_or_else(|| error.source(), inner);
    }
    false
}

/// Returns whether a handshake failed because the server closed the connection, without an alert that names a fault.
pub(in crate::platform::native) fn is_interrupted(error: &Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        let is_closed = matches!(
            cause.kind(),
            io::ErrorKind::UnexpectedEof
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe
        );
        is_closed && !is_tls_failure(cause)
    })
}

/// Returns the error that an I/O error holds. Its `source` would skip this error.
fn inner(error: &io::Error) -> Option<&(dyn StdError + 'static)> {
    error.get_ref().map(|error| error as _)
}

/// Returns an error that says why a handshake failed, which offered these protocols by ALPN. Its source keeps the
/// details.
pub(super) fn handshake_error(error: io::Error, host: &str, offered: &[Vec<u8>]) -> Error {
    let reason = match error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(reason)) => certificate_problem(reason, host),
        Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
            let offered = listed(offered);
            format!(
                "{host} speaks none of the protocols that ALPN offered ({offered}): it sent no_application_protocol"
            )
        }
        Some(_) => "the TLS handshake failed".to_owned(),
        None => "the connection broke during the TLS handshake".to_owned(),
    };
    Error::new(ErrorKind::Tls, Phase::Connect, reason).with_source(error)
}

fn certificate_problem(reason: &CertificateError, host: &str) -> String {
    use CertificateError as Problem;
    let problem = match reason {
        Problem::Expired | Problem::ExpiredContext { .. } => "the server's certificate has expired",
        Problem::NotValidYet | Problem::NotValidYetContext { .. } => "the server's certificate is not valid yet",
        Problem::NotValidForName | Problem::NotValidForNameContext { .. } => {
            return format!("the server's certificate is not for {host}");
        }
        Problem::UnknownIssuer => "the server's certificate is from an issuer that is not trusted",
        Problem::InvalidPurpose | Problem::InvalidPurposeContext { .. } => {
            "the server's certificate is not for servers: its purposes do not include server authentication"
        }
        Problem::BadEncoding => "the server's certificate cannot be read",
        Problem::Revoked => "the server's certificate has been revoked",
        Problem::Other(other) if other.0.is::<SelfSigned>() => return SelfSigned.to_string(),
        Problem::Other(other) => match other.0.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => {
                "the server's certificate is for issuing certificates (CA:TRUE); add the certificate itself as a root \
                 to trust the server"
            }
            Some(webpki::Error::UnsupportedCertVersion) => {
                "the server's certificate has no names to verify, because it is not of X.509 version 3"
            }
            _ => "the server's certificate is not acceptable",
        },
        _ => "the server's certificate is not acceptable",
    };
    problem.to_owned()
}
