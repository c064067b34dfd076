//! The certificate verifiers: a verifier that trusts roots, and a verifier that accepts every certificate.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use futures_rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use futures_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use futures_rustls::rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use futures_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature, verify_tls13_signature_with_raw_key,
};
use futures_rustls::rustls::server::ParsedCertificate;
use futures_rustls::rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, PeerMisbehaved, RootCertStore, SignatureScheme,
};
use webpki::RawPublicKeyEntity;

use super::certificate::{CertificateFields, SERVER_AUTH};

/// The reason for a certificate that is its own issuer.
#[derive(Debug)]
pub(super) struct SelfSigned;

impl fmt::Display for SelfSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server's certificate is self-signed")
    }
}

impl StdError for SelfSigned {}

/// Verifies that a root has issued the server's certificate, or that the certificate was added as a root itself. Then
/// verifies the name.
#[derive(Debug)]
pub(super) struct RootVerifier {
    pub(super) roots: RootCertStore,
    /// The roots that can be the certificate of a server.
    pub(super) trusted: Vec<CertificateDer<'static>>,
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    pub(super) verifies_names: bool,
}

impl RootVerifier {
    /// Verifies everything except the name.
    fn verify_trust(
        &self,
        certificate: &ParsedCertificate<'_>,
        der: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let algorithms = self.algorithms.all;
        let verified =
            verify_server_cert_signed_by_trust_anchor(certificate, &self.roots, intermediates, now, algorithms);
        match verified {
            // `webpki` refuses a certificate with CA:TRUE before it looks for an issuer, and knows no issuer of a
            // certificate that was added without its authority. OpenSSL trusts both.
            Err(error) if needs_issuer(&error) && self.trusted.contains(der) => verify_added(der, SERVER_AUTH, now),
            // `rustls` does not tell a self-signed certificate from that of a private authority.
            Err(error) if needs_issuer(&error) && is_self_signed(der) => {
                Err(CertificateError::Other(OtherError(Arc::new(SelfSigned))).into())
            }
            verified => verified,
        }
    }
}

impl ServerCertVerifier for RootVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        self.verify_trust(&certificate, end_entity, intermediates, now)?;
        if self.verifies_names {
            verify_server_name(&certificate, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Returns whether a certificate was refused only because no trusted certificate has issued it.
pub(super) fn needs_issuer(error: &Error) -> bool {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => true,
        Error::InvalidCertificate(CertificateError::Other(other)) => {
            matches!(other.0.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
        }
        _ => false,
    }
}

/// Verifies a certificate that is trusted itself: its dates, and that it has this purpose. It needs no signature of an
/// issuer, because it was compared byte by byte.
pub(super) fn verify_added(der: &CertificateDer<'_>, purpose: &[u8], time: UnixTime) -> Result<(), Error> {
    let fields = CertificateFields::read(der).ok_or(CertificateError::BadEncoding)?;
    let (not_before, not_after) = fields.validity().ok_or(CertificateError::BadEncoding)?;
    if time < not_before {
        return Err(CertificateError::NotValidYetContext { time, not_before }.into());
    }
    if time > not_after {
        return Err(CertificateError::ExpiredContext { time, not_after }.into());
    }
    if !fields.is_for(purpose) {
        return Err(CertificateError::InvalidPurpose.into());
    }
    Ok(())
}

fn is_self_signed(der: &CertificateDer<'_>) -> bool {
    // Compared by name and not by signature: this only chooses the words of an error.
    CertificateFields::read(der).is_some_and(|fields| fields.issuer == fields.subject)
}

/// Checks that the server holds the key of its certificate, and accepts every certificate.
///
/// Only the public key is read: `rustls` would read the whole certificate, and refuse version 1 or an extension that it
/// does not know.
#[derive(Debug)]
pub(super) struct AcceptAny(pub(super) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = public_key(cert)?;
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let mut schemes = self.0.mapping.iter();
        let Some((_, algorithms)) = schemes.find(|(scheme, _)| *scheme == dss.scheme) else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        // In TLS 1.2 a scheme does not name the curve, so it stands for several algorithms.
        let is_valid = algorithms.iter().any(|it| key.verify_signature(*it, message, dss.signature()).is_ok());
        if is_valid { Ok(HandshakeSignatureValid::assertion()) } else { Err(CertificateError::BadSignature.into()) }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature_with_raw_key(message, &public_key(cert)?, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}

fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'a>, Error> {
    let fields = CertificateFields::read(certificate).ok_or(CertificateError::BadEncoding)?;
    Ok(SubjectPublicKeyInfoDer::from(fields.public_key_info))
}
