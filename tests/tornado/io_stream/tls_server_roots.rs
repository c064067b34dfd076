//! The certificates of a server that `webpki` refuses, and client certificates that were added as roots.

use rcgen::{
    CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, date_time_ymd,
};
use waterspout::platform::native::{TlsConfig, TlsServerConfig};
use waterspout::{Error, ErrorKind};

use super::tls_server::{server_config, shake_hands};
use crate::support::certificates::{pem, version_1};
use crate::support::tls::{Authority, trusting};

type Client = CertifiedIssuer<'static, KeyPair>;

/// A change of a certificate, and its name.
type NamedChange = (&'static str, fn(&mut CertificateParams));

/// Makes a self-signed certificate of a client.
fn client(change: impl FnOnce(&mut CertificateParams)) -> Client {
    let mut params = CertificateParams::new(["me".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a client");
    change(&mut params);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn authority(params: &mut CertificateParams) {
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
}

/// Makes a handshake in which the client shows this certificate, and the server knows `root`. Returns the outcome of
/// the server.
fn shown(certificate: &str, key: &KeyPair, root: &str) -> Result<(), Error> {
    let (server, authority) = server_config();
    let server = server.client_roots_pem(root.as_bytes()).unwrap();
    let client = trusting(&authority);
    let client = client.client_certificate_pem(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let (client, server) = shake_hands(&server, &client);
    assert_eq!(client.is_ok(), server.is_ok(), "{client:?} {server:?}");
    server
}

fn assert_refused(outcome: Result<(), Error>, name: &str) {
    let error = outcome.expect_err(name);
    assert_eq!(error.kind(), ErrorKind::Tls, "{name}: {error}");
    assert!(error.to_string().starts_with("the client's certificate is not acceptable"), "{name}: {error}");
}

#[test]
fn client_certificate_that_was_added_itself_is_accepted() {
    let cases: [fn(&mut CertificateParams); 3] =
        [|_| {}, authority, |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]];
    for change in cases {
        let client = client(change);
        let others = Authority::new().pem();
        for root in [client.pem(), others + &client.pem()] {
            shown(&client.pem(), client.key(), &root).unwrap();
        }
    }
}

#[test]
fn added_client_certificate_is_refused_outside_of_its_dates_and_purposes() {
    let cases: [NamedChange; 4] = [
        ("expired", |params| params.not_after = date_time_ymd(2020, 1, 1)),
        ("early", |params| params.not_before = date_time_ymd(4000, 1, 1)),
        ("for servers", |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth]),
        ("an authority for servers", |params| {
            authority(params);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        }),
    ];
    for (name, change) in cases {
        let client = client(change);
        assert_refused(shown(&client.pem(), client.key(), &client.pem()), name);
    }
}

#[test]
fn added_client_certificate_issues_no_other_certificate() {
    let cases: [fn(&mut CertificateParams); 3] = [
        |_| {},
        |params| params.is_ca = IsCa::ExplicitNoCa,
        |params| {
            authority(params);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        },
    ];
    for change in cases {
        let added = client(change);
        let key = KeyPair::generate().unwrap();
        let issued = CertificateParams::new(["other".to_owned()]).unwrap().signed_by(&key, &added).unwrap();
        assert_refused(shown(&issued.pem(), &key, &added.pem()), "issued by a client");
        // Another certificate with the same names.
        let other = client(change);
        assert_refused(shown(&other.pem(), other.key(), &added.pem()), "same names");
    }
}

#[test]
fn server_presents_a_certificate_of_version_1() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
    let certificate = pem(&version_1(&certificate, authority.key()));
    let server = TlsServerConfig::new(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let client = TlsConfig::new().danger_accept_invalid_certificates(true);
    let (client, server) = shake_hands(&server, &client);
    assert!(client.is_ok() && server.is_ok(), "{client:?} {server:?}");
    let error = TlsServerConfig::new(certificate.as_bytes(), KeyPair::generate().unwrap().serialize_pem().as_bytes());
    assert!(error.unwrap_err().to_string().contains("does not fit its key"));
}
