//! Which added certificates may issue other certificates, and that no switch accepts more than it says.

use futures_rustls::pki_types::CertificateDer;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use waterspout::platform::native::TlsConfig;

use super::tls::{get, refused, secret, secret_server};
use crate::support::certificates::{pem, self_signed_authority, unchecked_acceptor, version_1};
use crate::support::tls::{Authority, TlsServer, trusting};

/// A change of a certificate, and its name.
type NamedChange = (&'static str, fn(&mut CertificateParams));

const BOTH: &[&futures_rustls::rustls::SupportedProtocolVersion] = futures_rustls::rustls::ALL_VERSIONS;

fn with_root(certificate: &CertificateDer<'static>) -> TlsConfig {
    TlsConfig::new().without_system_roots().root_certificates_pem(pem(certificate).as_bytes()).unwrap()
}

/// Makes a self-signed certificate for `server.test`.
fn issuer(change: impl FnOnce(&mut CertificateParams)) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "an issuer");
    change(&mut params);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Starts a server for `other.test` whose certificate is from this issuer.
fn issued_by(issuer: &CertifiedIssuer<'static, KeyPair>) -> TlsServer {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["other.test".to_owned()]).unwrap();
    secret_server((params.signed_by(&key, issuer).unwrap(), key), None)
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
}

#[test]
fn added_certificate_of_a_server_issues_no_certificate_for_other_names() {
    let cases: [NamedChange; 4] = [
        ("without basic constraints", |_| {}),
        ("with CA:FALSE", |params| params.is_ca = IsCa::ExplicitNoCa),
        ("with CA:FALSE and keyCertSign", |params| {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        }),
        ("with CA:TRUE and without keyCertSign", |params| {
            authority(params);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
        }),
    ];
    for (name, change) in cases {
        let issuer = issuer(change);
        let outcome = get(&issued_by(&issuer), "other.test", with_root(issuer.der()));
        assert!(outcome.is_err(), "{name}");
        refused(outcome, "issuer that is not trusted");
        // The certificate itself is trusted, for its own name.
        let itself = TlsServer::start(unchecked_acceptor(issuer.der().clone(), issuer.key(), BOTH), secret());
        assert!(get(&itself, "server.test", with_root(issuer.der())).is_ok(), "{name}");
        refused(get(&itself, "other.test", with_root(issuer.der())), "not for other.test");
    }
}

#[test]
fn added_certificate_of_an_authority_issues_certificates() {
    let cases: [fn(&mut CertificateParams); 3] = [
        authority,
        |params| {
            authority(params);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        },
        |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)),
    ];
    for change in cases {
        let issuer = issuer(change);
        assert!(get(&issued_by(&issuer), "other.test", with_root(issuer.der())).is_ok());
    }
}

#[test]
fn version_1_certificate_issues_certificates_if_it_is_its_own_issuer() {
    let root = issuer(|_| {});
    let old_root = version_1(root.as_ref(), root.key());
    assert!(get(&issued_by(&root), "other.test", with_root(&old_root)).is_ok());
    // The certificate of a server that another authority has issued.
    let authority = Authority::new();
    let (certificate, _) = authority.issue(&["server.test"], |params| {
        params.distinguished_name.push(DnType::CommonName, "an issuer");
    });
    let not_root = version_1(&certificate, authority.key());
    refused(get(&issued_by(&root), "other.test", with_root(&not_root)), "issuer that is not trusted");
}

#[test]
fn another_certificate_with_the_key_of_an_added_certificate_is_refused() {
    let added = issuer(authority);
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        // A certificate with the same key and the same name as the issuer, but from another authority.
        let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "an issuer");
        params.is_ca = is_ca;
        let other = Authority::new();
        let signer = CertifiedIssuer::self_signed(
            {
                let mut params = CertificateParams::new([]).unwrap();
                params.distinguished_name.push(DnType::CommonName, "elsewhere");
                params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
                params
            },
            other.key(),
        );
        let forged = params.signed_by(added.key(), &signer.unwrap()).unwrap();
        let server = TlsServer::start(unchecked_acceptor(forged.der().clone(), added.key(), BOTH), secret());
        assert!(get(&server, "server.test", with_root(added.der())).is_err());
    }
}

#[test]
fn switch_for_host_names_verifies_everything_else() {
    let authority = Authority::new();
    let lenient = || trusting(&authority).danger_accept_invalid_hostnames(true);
    let server = |change: fn(&mut CertificateParams)| secret_server(authority.issue(&["server.test"], change), None);
    assert!(get(&server(|_| {}), "other.test", lenient()).is_ok());
    let expired = server(|params| params.not_after = date_time_ymd(2020, 1, 1));
    refused(get(&expired, "server.test", lenient()), "has expired");
    let for_clients = server(|params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    refused(get(&for_clients, "other.test", lenient()), "not for servers");
    let of_others = secret_server(Authority::new().issue(&["server.test"], |_| {}), None);
    refused(get(&of_others, "server.test", lenient()), "issuer that is not trusted");
    let (itself, key) = self_signed_authority(&["server.test"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    let itself = (TlsServer::start(unchecked_acceptor(itself.clone(), &key, BOTH), secret()), itself);
    refused(get(&itself.0, "other.test", with_root(&itself.1).danger_accept_invalid_hostnames(true)), "has expired");
}

#[test]
fn strict_configuration_resumes_no_session_of_a_lenient_configuration() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let lenient = trusting(&Authority::new()).danger_accept_invalid_certificates(true);
    let unnamed = trusting(&authority).danger_accept_invalid_hostnames(true);
    for _ in 0..2 {
        assert!(get(&server, "server.test", lenient.clone()).is_ok());
        assert!(get(&server, "other.test", unnamed.clone()).is_ok());
        let strict = lenient.clone().danger_accept_invalid_certificates(false);
        refused(get(&server, "server.test", strict), "issuer that is not trusted");
        let named = unnamed.clone().danger_accept_invalid_hostnames(false);
        refused(get(&server, "other.test", named), "not for other.test");
    }
}
