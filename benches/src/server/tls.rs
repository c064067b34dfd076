//! The certificate of the server, made at its start, and how clients get to know it.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// The name of the environment variable with the server's certificate.
pub const CERTIFICATE: &str = "WATERSPOUT_BENCHES_CERTIFICATE";

/// Returns the certificate that clients trust, in PEM; `None` if the turn has no TLS.
pub fn certificate() -> Option<String> {
    std::env::var(CERTIFICATE).ok()
}

/// Makes and prints a certificate, and returns the configuration of a server with it.
pub fn serve_certificate() -> Arc<ServerConfig> {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    print!("{}", cert.pem());
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS").with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![cert.der().clone()], key).expect("a matching key"))
}

/// Returns the configuration of a client that trusts the server.
pub fn tls_config() -> ClientConfig {
    let pem = certificate().expect("the parent process passes the certificate");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")).expect("a valid certificate");
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions of TLS");
    builder.with_root_certificates(roots).with_no_client_auth()
}
