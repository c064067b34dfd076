//! Certificates and keys as PEM text: damaged bundles, keys in bundles, client certificates.

use std::sync::{Arc, Mutex};

use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use futures_rustls::rustls::client::danger::HandshakeSignatureValid;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use futures_rustls::rustls::{
    DigitallySignedStruct, DistinguishedName, Error as TlsError, ServerConfig, SignatureScheme,
};
use rcgen::KeyPair;
use waterspout::platform::native::TlsConfig;
use waterspout::{Error, ErrorKind};

use super::tls::{get, secret, secret_server};
use crate::support::certificates::{pem, self_signed_authority, version_1};
use crate::support::tls::{Authority, TlsServer, trusting};

/// Asserts that the configuration was refused when it was made, with these words.
fn refused(outcome: Result<TlsConfig, Error>, words: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    assert!(error.to_string().contains(words), "{error}\nlacks: {words}");
}

/// Returns three roots as PEM texts.
fn three() -> [String; 3] {
    std::array::from_fn(|_| Authority::new().pem())
}

/// Returns the text with a change to the body of the certificate.
fn with_body(pem: &str, change: impl Fn(&str) -> String) -> String {
    let lines: Vec<_> = pem.lines().collect();
    let (first, last) = (lines[0], lines[lines.len() - 1]);
    format!("{first}\n{}\n{last}\n", change(&lines[1..lines.len() - 1].join("\n")))
}

/// Returns damaged forms of a certificate.
fn damaged(certificate: &str) -> Vec<(&'static str, String)> {
    let body = |change: fn(&str) -> String| with_body(certificate, change);
    let text = |from: &str, to: &str| certificate.replacen(from, to, 1);
    vec![
        ("a character outside of base64", body(|body| body.replacen('M', "!", 1))),
        ("base64 that ends too early", body(|body| body[..body.len() - 5].to_owned())),
        ("padding in the middle", body(|body| format!("{}=={}", &body[..40], &body[42..]))),
        ("no body", body(|_| String::new())),
        ("bytes that are no DER", body(|_| "AAECAwQFBgc=".to_owned())),
        ("DER that ends too early", body(|body| body.lines().take(3).collect::<Vec<_>>().join("\n"))),
        ("DER with a changed length", body(|body| body.replacen("MII", "MIH", 1))),
        ("no first line", text("-----BEGIN CERTIFICATE-----\n", "")),
        ("a damaged first line", text("-----BEGIN CERTIFICATE-----", "----BEGIN CERTIFICATE-----")),
        ("another first line", text("-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATION-----")),
        ("a byte order mark", format!("\u{feff}{certificate}")),
        ("no last line", text("-----END CERTIFICATE-----\n", "")),
        ("a damaged last line", text("-----END CERTIFICATE-----", "-----END CERTIFICATE----")),
    ]
}

#[test]
fn bundle_with_a_damaged_certificate_is_refused_with_its_position() {
    let [first, second, third] = three();
    for (damage, bad) in damaged(&second) {
        for (position, bundle) in
            [(1, [&bad, &first, &third]), (2, [&first, &bad, &third]), (3, [&first, &third, &bad])]
        {
            let text = bundle.map(String::as_str).concat();
            let outcome = TlsConfig::new().root_certificates_pem(text.as_bytes());
            let error = outcome.expect_err(damage);
            let words = format!("certificate {position} cannot be read");
            assert!(error.to_string().contains(&words), "{damage}, {position}: {error}");
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        }
    }
}

#[test]
fn chain_of_a_client_certificate_is_refused_with_the_position_of_the_damage() {
    let authority = Authority::new();
    let (leaf, key) = authority.issue(&["client"], |_| {});
    for (damage, bad) in damaged(&authority.pem()) {
        let outcome = TlsConfig::new()
            .client_certificate_pem(format!("{}{bad}", leaf.pem()).as_bytes(), key.serialize_pem().as_bytes());
        let error = outcome.expect_err(damage).to_string();
        assert!(error.contains("certificate 2 cannot be read"), "{damage}: {error}");
    }
}

#[test]
fn bundle_without_a_certificate_is_refused() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    let request = three()[0].replace("CERTIFICATE", "CERTIFICATE REQUEST");
    for text in ["", "\n", "no PEM", &key, &request] {
        refused(TlsConfig::new().root_certificates_pem(text.as_bytes()), "there is no certificate in the PEM text");
    }
}

#[test]
fn text_and_keys_beside_certificates_are_ignored() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let key = KeyPair::generate().unwrap().serialize_pem();
    let (root, [other, _, _]) = (authority.pem(), three());
    for text in [
        format!("{key}{root}"),
        format!("{root}{key}"),
        format!("{other}{key}{root}"),
        format!("# Company authority\n\n{root}\nSubject: CN=end\n"),
        format!("{other}{root}").replace('\n', "\r\n"),
        format!("{other}{root}").trim_end().to_owned(),
    ] {
        let tls = TlsConfig::new().without_system_roots().root_certificates_pem(text.as_bytes()).unwrap();
        assert!(get(&server, "server.test", tls).is_ok(), "{text}");
    }
}

#[test]
fn unreadable_client_keys_are_refused() {
    let (certificate, key) = Authority::new().issue(&["client"], |_| {});
    let (chain, key) = (certificate.pem(), key.serialize_pem());
    let other = KeyPair::generate().unwrap().serialize_pem();
    for (key, words) in [
        (String::new(), "there is no private key"),
        (chain.clone(), "there is no private key"),
        (key.replace("PRIVATE", "ENCRYPTED PRIVATE"), "has to be decrypted first"),
        (with_body(&key, |body| body.replacen('M', "!", 1)), "the private key cannot be read"),
        (with_body(&key, |_| "AAECAwQFBgc=".to_owned()), "the private key cannot be read"),
        (with_body(&key, |body| body[..body.len() / 8 * 4].to_owned()), "the private key cannot be read"),
        (other, "does not fit its key"),
    ] {
        refused(TlsConfig::new().client_certificate_pem(chain.as_bytes(), key.as_bytes()), words);
    }
    let both = format!("{key}{chain}");
    assert!(TlsConfig::new().client_certificate_pem(both.as_bytes(), both.as_bytes()).is_ok());
}

/// Accepts every client certificate, and keeps it.
#[derive(Debug, Default)]
struct KeepClientCertificate(Mutex<Vec<CertificateDer<'static>>>);

impl ClientCertVerifier for KeepClientCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        self.0.lock().unwrap().push(end_entity.clone().into_owned());
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[test]
fn client_certificate_of_version_1_is_shown() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let verifier = Arc::new(KeepClientCertificate::default());
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_client_cert_verifier(verifier.clone());
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let server = TlsServer::start(TlsAcceptor::from(Arc::new(config)), secret());

    let (client, key) = authority.issue(&["client"], |_| {});
    let client = version_1(&client, &key);
    let tls =
        trusting(&authority).client_certificate_pem(pem(&client).as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert!(get(&server, "server.test", tls).is_ok());
    assert_eq!(*verifier.0.lock().unwrap(), [client]);
}

#[test]
fn root_of_version_1_is_an_issuer() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let root = version_1(authority.certificate(), authority.key());
    let tls = TlsConfig::new().without_system_roots().root_certificates_pem(pem(&root).as_bytes()).unwrap();
    assert!(get(&server, "server.test", tls).is_ok());
    // A certificate without extensions is no reason to trust another authority.
    let (other, _) = self_signed_authority(&["server.test"], |_| {});
    let tls = TlsConfig::new().without_system_roots().root_certificates_pem(pem(&other).as_bytes()).unwrap();
    assert_eq!(get(&server, "server.test", tls).unwrap_err().kind(), ErrorKind::Tls);
}
