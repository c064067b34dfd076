//! The verifier of the certificates that clients present to a server.

use std::sync::Arc;

use futures_rustls::pki_types::{CertificateDer, UnixTime};
use futures_rustls::rustls::client::danger::HandshakeSignatureValid;
use futures_rustls::rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use futures_rustls::rustls::server::WebPkiClientVerifier;
use futures_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use futures_rustls::rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};

use super::certificate::{CLIENT_AUTH, CertificateFields};
use super::verifier::{needs_issuer, verify_added};
use super::{is_authority, refused};
use crate::error::Result;

/// Verifies that a root has issued the client's certificate, or that the certificate was added as a root itself.
#[derive(Debug)]
pub(super) struct ClientRootVerifier {
    /// Verifies what the authorities among the roots have issued. `None` if no root is an authority.
    issued: Option<Arc<dyn ClientCertVerifier>>,
    trusted: Vec<CertificateDer<'static>>,
    /// The names of issuers that a client is told.
    issuers: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl ClientRootVerifier {
    pub(super) fn new(trusted: Vec<CertificateDer<'static>>, provider: Arc<CryptoProvider>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for root in trusted.iter().filter(|root| is_authority(root)) {
            roots.add(root.clone()).map_err(|error| refused("a root certificate is malformed", error))?;
        }
        let mut issued = None;
        if !roots.is_empty() {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
            issued = Some(verifier.map_err(|error| refused("there is no root certificate to trust", error))?);
        }
        let issuers = trusted.iter().filter_map(|root| issuer_name(root)).collect();
        Ok(Self { issued, trusted, issuers, provider })
    }
}

impl ClientCertVerifier for ClientRootVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.issuers
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, Error> {
        let verified = match &self.issued {
            Some(issued) => issued.verify_client_cert(end_entity, intermediates, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        match verified {
            // As for servers: `webpki` refuses a certificate with CA:TRUE, and knows no issuer of other added
            // certificates.
            Err(error) if needs_issuer(&error) && self.trusted.contains(end_entity) => {
                verify_added(end_entity, CLIENT_AUTH, now).map(|()| ClientCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the name of the issuer whose certificates this root stands for: its own name if it is an authority.
fn issuer_name(root: &CertificateDer<'_>) -> Option<DistinguishedName> {
    let fields = CertificateFields::read(root)?;
    let name = if fields.is_authority() { fields.subject } else { fields.issuer };
    Some(DistinguishedName::in_sequence(name))
}
