//! The provider of the cryptography that the caller gives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::{CryptoProvider, KeyProvider, ring};
use futures_rustls::rustls::sign::SigningKey;
use futures_rustls::rustls::{CipherSuite, Error as TlsError, ServerConfig, SignatureScheme};
use waterspout::ErrorKind;
use waterspout::platform::native::TlsConfig;

use super::tls::{get, secret, secret_server};
use crate::support::tls::{Authority, TlsServer, trusting};

/// Starts a server that supports only this cipher suite.
fn server_with(authority: &Authority, suite: CipherSuite) -> TlsServer {
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|supported| supported.suite() == suite);
    let builder = ServerConfig::builder_with_provider(Arc::new(provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
    TlsServer::start(TlsAcceptor::from(Arc::new(config)), secret())
}

#[test]
fn cipher_suites_come_from_the_provider() {
    let authority = Authority::new();
    let server = server_with(&authority, CipherSuite::TLS13_CHACHA20_POLY1305_SHA256);
    let with = |suite| {
        let mut provider = ring::default_provider();
        provider.cipher_suites.retain(|supported| supported.suite() == suite);
        get(&server, "server.test", trusting(&authority).crypto_provider(provider))
    };
    assert!(with(CipherSuite::TLS13_CHACHA20_POLY1305_SHA256).is_ok());
    assert_eq!(with(CipherSuite::TLS13_AES_128_GCM_SHA256).unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn provider_without_cipher_suites_is_refused() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let provider = CryptoProvider { cipher_suites: Vec::new(), ..ring::default_provider() };
    let error = get(&server, "server.test", trusting(&authority).crypto_provider(provider)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
}

#[test]
fn signatures_of_certificates_are_verified_by_the_provider() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    // The test authority signs with P-256, which this provider does not support.
    let mut provider = ring::default_provider();
    let supported = &mut provider.signature_verification_algorithms;
    let ed25519 = supported.mapping.iter().position(|(scheme, _)| *scheme == SignatureScheme::ED25519).unwrap();
    supported.mapping = &supported.mapping[ed25519..];
    let provider = Arc::new(provider);
    for tls in [trusting(&authority), TlsConfig::new().danger_accept_invalid_certificates(true)] {
        assert!(get(&server, "server.test", tls.clone()).is_ok());
        let error = get(&server, "server.test", tls.crypto_provider(provider.clone())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    }
}

/// Loads private keys with `ring`, and counts the keys.
#[derive(Debug)]
struct CountingKeys;

static LOADED: AtomicUsize = AtomicUsize::new(0);

impl KeyProvider for CountingKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, TlsError> {
        LOADED.fetch_add(1, Ordering::Relaxed);
        ring::default_provider().key_provider.load_private_key(key)
    }
}

/// Supports no private key.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, TlsError> {
        Err(TlsError::General("no key is supported".to_owned()))
    }
}

#[test]
fn client_key_is_loaded_by_the_provider_in_any_order_of_the_options() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), Some(authority.roots()));
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let (chain, key) = (certificate.pem(), key.serialize_pem());
    let counting = CryptoProvider { key_provider: &CountingKeys, ..ring::default_provider() };
    let none = CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() };
    let with_identity = |tls: TlsConfig| tls.client_certificate_pem(chain.as_bytes(), key.as_bytes()).unwrap();

    let before = with_identity(trusting(&authority).crypto_provider(counting.clone()));
    let after = with_identity(trusting(&authority).crypto_provider(none.clone())).crypto_provider(counting);
    for tls in [before, after] {
        let loaded = LOADED.load(Ordering::Relaxed);
        assert!(get(&server, "server.test", tls).is_ok());
        assert!(LOADED.load(Ordering::Relaxed) > loaded);
    }
    let error = get(&server, "server.test", with_identity(trusting(&authority).crypto_provider(none))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.to_string().contains("private key cannot be used"), "{error}");
}
