//! Certificates that `rcgen` does not make: the DER of a certificate is taken apart, changed and signed again.

use std::sync::Arc;

use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use futures_rustls::rustls::{ServerConfig, SupportedProtocolVersion};
use rcgen::{Certificate, CertificateParams, DnType, IsCa, KeyPair, SigningKey};

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The positions of elements in the signed part of a certificate of version 3.
pub const VERSION: usize = 0;
pub const EXTENSIONS: usize = 7;

/// Makes a self-signed certificate with CA:TRUE, as `openssl req -x509` does.
pub fn self_signed_authority(
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> (CertificateDer<'static>, KeyPair) {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "self-signed");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (certificate.der().clone(), key)
}

/// Changes the elements of the signed part of a certificate, and signs it with `issuer`.
pub fn changed(
    certificate: &Certificate,
    issuer: &KeyPair,
    change: impl FnOnce(&mut Vec<Vec<u8>>),
) -> CertificateDer<'static> {
    let parts = elements(content(certificate.der()));
    let mut signed = elements(content(&parts[0]));
    assert_eq!(signed.len(), 8, "the certificate is not of version 3");
    change(&mut signed);
    let signed = element(SEQUENCE, &signed.concat());
    let mut signature = vec![0];
    signature.extend(issuer.sign(&signed).unwrap());
    let signature = element(BIT_STRING, &signature);
    CertificateDer::from(element(SEQUENCE, &[signed, parts[1].clone(), signature].concat()))
}

/// Makes a certificate of version 1 from a certificate of version 3, as `openssl x509 -req` does without extensions.
pub fn version_1(certificate: &Certificate, issuer: &KeyPair) -> CertificateDer<'static> {
    changed(certificate, issuer, |signed| {
        signed.remove(EXTENSIONS);
        signed.remove(VERSION);
    })
}

/// Returns the element of this type with this content.
pub fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut element = match length {
        0..=127 => vec![tag, length as u8],
        128..=255 => vec![tag, 0x81, length as u8],
        _ => vec![tag, 0x82, (length >> 8) as u8, length as u8],
    };
    element.extend_from_slice(content);
    element
}

/// Returns the content of an element.
pub fn content(element: &[u8]) -> &[u8] {
    &element[header(element)..]
}

/// Returns the elements within the content of an element.
pub fn elements(mut content: &[u8]) -> Vec<Vec<u8>> {
    let mut elements = Vec::new();
    while !content.is_empty() {
        let header = header(content);
        let length = match header {
            2 => usize::from(content[1]),
            _ => content[2..header].iter().fold(0, |length, byte| length << 8 | usize::from(*byte)),
        };
        let (element, rest) = content.split_at(header + length);
        elements.push(element.to_vec());
        content = rest;
    }
    elements
}

/// Returns the length of an element's tag and length.
fn header(element: &[u8]) -> usize {
    if element[1] < 128 { 2 } else { 2 + usize::from(element[1] & 127) }
}

/// Returns the certificate as PEM text.
pub fn pem(certificate: &CertificateDer<'_>) -> String {
    use base64_lines as lines;
    format!("-----BEGIN CERTIFICATE-----\n{}-----END CERTIFICATE-----\n", lines(certificate))
}

/// Encodes bytes in base64, in lines of 64 characters.
fn base64_lines(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for line in bytes.chunks(48) {
        for group in line.chunks(3) {
            let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
            for digit in 0..4 {
                let value = bits >> (18 - 6 * digit) & 63;
                text.push(if digit > group.len() { '=' } else { DIGITS[value as usize] as char });
            }
        }
        text.push('\n');
    }
    text
}

/// Makes an acceptor with this certificate, which is neither read nor compared with the key.
pub fn unchecked_acceptor(
    certificate: CertificateDer<'static>,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let key = CertifiedKey::new(vec![certificate], ring::sign::any_supported_type(&key).unwrap());
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(versions).unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)))))
}
