//! Reads certificates and private keys from PEM text (RFC 7468).

use std::fmt;

use futures_rustls::pki_types::pem::{self, PemObject};
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::certificate::{CertificateFields, is_private_key};
use super::refused;
use crate::error::{Error, ErrorKind, Result, Source};

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Reads root certificates, each of which can be a trust anchor.
pub(super) fn roots(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    certificates(pem, |der| webpki::anchor_from_trusted_cert(der).map(|_| ()).map_err(Source::from))
}

/// Reads the certificates of a chain. The peer verifies them, so only their structure is checked here.
pub(super) fn chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    certificates(pem, |der| CertificateFields::read(der).map(|_| ()).ok_or_else(|| Damage::Structure.into()))
}

/// Reads the first private key.
pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>> {
    match PrivateKeyDer::from_pem_slice(pem) {
        Ok(key) if is_private_key(key.secret_der()) => Ok(key),
        Ok(_) => Err(refused("the private key cannot be read", Damage::Structure)),
        Err(pem::Error::NoItemsFound) => Err(Error::request(
            ErrorKind::InvalidRequest,
            "there is no private key in the PEM text; an encrypted key has to be decrypted first",
        )),
        Err(error) => Err(refused("the private key cannot be read", error)),
    }
}

/// Reads all certificates. Text and sections of other kinds, such as a private key, are ignored.
///
/// # Errors
/// [`InvalidRequest`](ErrorKind::InvalidRequest), with the certificate's position, if a certificate is damaged. A
/// missing certificate would be noticed only when a server is refused.
fn certificates(
    pem: &[u8],
    check: impl Fn(&CertificateDer<'_>) -> std::result::Result<(), Source>,
) -> Result<Vec<CertificateDer<'static>>> {
    let mut certificates = Vec::new();
    for section in sections(pem) {
        let certificate = section.map_err(Source::from).and_then(|section| {
            let certificate = CertificateDer::from_pem_slice(section)?;
            check(&certificate)?;
            Ok(certificate)
        });
        let position = certificates.len() + 1;
        certificates.push(certificate.map_err(|error| {
            refused(format!("the PEM text is refused, because its certificate {position} cannot be read"), error)
        })?);
    }
    if certificates.is_empty() {
        return Err(Error::request(ErrorKind::InvalidRequest, "there is no certificate in the PEM text"));
    }
    Ok(certificates)
}

/// Returns the text of each certificate, with its first and last line.
///
/// The reader of `pki_types` skips lines until it finds a first line, so a certificate whose first line is damaged
/// would go missing.
fn sections(pem: &[u8]) -> Vec<std::result::Result<&[u8], Damage>> {
    let mut sections = Vec::new();
    let mut open = None;
    let mut position = 0;
    for line in pem.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        let start = position;
        position += line.len();
        if line.starts_with(BEGIN) {
            if open.replace(start).is_some() {
                sections.push(Err(Damage::NoEnd));
            }
        } else if line.trim_ascii().starts_with(END) {
            let section = open.take().and_then(|start| pem.get(start..position));
            sections.push(section.ok_or(Damage::NoBegin));
        }
    }
    if open.is_some() {
        sections.push(Err(Damage::NoEnd));
    }
    sections
}

/// Why a certificate or a key cannot be read.
#[derive(Debug)]
enum Damage {
    NoBegin,
    NoEnd,
    Structure,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoBegin => "its last line stands without a line that begins with \"-----BEGIN CERTIFICATE-----\"",
            Self::NoEnd => "it has no line \"-----END CERTIFICATE-----\"",
            Self::Structure => "its bytes do not have the structure of DER",
        })
    }
}

impl std::error::Error for Damage {}
