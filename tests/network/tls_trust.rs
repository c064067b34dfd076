//! Which certificates are trusted: self-signed certificates that were added as roots, and certificates of old versions
//! or with mistakes.

use std::process::Command;

use futures_rustls::pki_types::CertificateDer;
use futures_rustls::rustls::version::{TLS12, TLS13};
use rcgen::{ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};
use waterspout::platform::native::{HostMap, Network, SystemResolver, TlsConfig};
use waterspout::proxy::Proxies;
use waterspout::{Client, ErrorKind, Phase};

use super::tls::{get, refused, secret};
use crate::support::certificates::{
    EXTENSIONS, VERSION, changed, content, element, elements, pem, self_signed_authority, unchecked_acceptor, version_1,
};
use crate::support::tls::{Authority, TlsServer, trusting};

const BOTH: &[&futures_rustls::rustls::SupportedProtocolVersion] = &[&TLS12, &TLS13];

fn server(certificate: &CertificateDer<'static>, key: &KeyPair) -> TlsServer {
    TlsServer::start(unchecked_acceptor(certificate.clone(), key, BOTH), secret())
}

fn with_root(certificate: &CertificateDer<'static>) -> TlsConfig {
    TlsConfig::new().without_system_roots().root_certificates_pem(pem(certificate).as_bytes()).unwrap()
}

#[test]
fn self_signed_authority_is_trusted_as_a_root() {
    let (certificate, key) = self_signed_authority(&["server.test", "127.0.0.1"], |_| {});
    for version in [&TLS12, &TLS13] {
        let acceptor = unchecked_acceptor(certificate.clone(), &key, &[version]);
        let server = TlsServer::start(acceptor, secret());
        for host in ["server.test", "127.0.0.1"] {
            assert!(get(&server, host, with_root(&certificate)).unwrap().starts_with("secret"), "{version:?}");
        }
    }
}

#[test]
fn self_signed_authority_is_trusted_beside_other_roots() {
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    let server = server(&certificate, &key);
    let tls = trusting(&Authority::new()).root_certificates_pem(pem(&certificate).as_bytes()).unwrap();
    assert!(get(&server, "server.test", tls).is_ok());
}

#[test]
fn self_signed_authority_is_refused_for_another_name() {
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    let server = server(&certificate, &key);
    refused(get(&server, "other.test", with_root(&certificate)), "not for other.test");
    refused(get(&server, "127.0.0.1", with_root(&certificate)), "not for 127.0.0.1");
}

#[test]
fn self_signed_authority_is_refused_outside_of_its_dates() {
    let (expired, key) = self_signed_authority(&["server.test"], |params| {
        params.not_before = date_time_ymd(2010, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    refused(get(&server(&expired, &key), "server.test", with_root(&expired)), "has expired");
    let (early, key) = self_signed_authority(&["server.test"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    refused(get(&server(&early, &key), "server.test", with_root(&early)), "not valid yet");
}

#[test]
fn self_signed_authority_for_clients_is_refused() {
    let (certificate, key) = self_signed_authority(&["server.test"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    refused(get(&server(&certificate, &key), "server.test", with_root(&certificate)), "not for servers");
    let (certificate, key) = self_signed_authority(&["server.test"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    });
    assert!(get(&server(&certificate, &key), "server.test", with_root(&certificate)).is_ok());
}

#[test]
fn self_signed_authority_that_is_no_root_is_refused() {
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    // Another authority of the same name and with the same contents, except for its key.
    let (other, _) = self_signed_authority(&["server.test"], |_| {});
    let server = server(&certificate, &key);
    for tls in [trusting(&Authority::new()), with_root(&other)] {
        refused(get(&server, "server.test", tls), "is self-signed");
    }
}

#[test]
fn root_of_a_server_without_its_key_is_refused() {
    let (certificate, _) = self_signed_authority(&["server.test"], |_| {});
    let server = server(&certificate, &KeyPair::generate().unwrap());
    let careless = with_root(&certificate).danger_accept_invalid_certificates(true);
    for tls in [with_root(&certificate), careless] {
        assert_eq!(get(&server, "server.test", tls).unwrap_err().kind(), ErrorKind::Tls);
    }
}

#[test]
fn server_certificate_that_was_added_itself_is_trusted() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let server = server(certificate.der(), &key);
    assert!(get(&server, "server.test", with_root(certificate.der())).is_ok());
    refused(get(&server, "other.test", with_root(certificate.der())), "not for other.test");
    let (other, _) = authority.issue(&["server.test"], |_| {});
    refused(get(&server, "server.test", with_root(other.der())), "issuer that is not trusted");
}

#[test]
fn certificate_of_an_authority_is_refused_as_that_of_a_server() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let server = server(certificate.der(), &key);
    refused(get(&server, "server.test", trusting(&authority)), "CA:TRUE");
    assert!(get(&server, "server.test", with_root(certificate.der())).is_ok());
}

/// Certificates that OpenSSL reads and `webpki` refuses, each with its key.
fn unusual() -> Vec<(&'static str, CertificateDer<'static>, KeyPair)> {
    let authority = Authority::new();
    let make = |name, change: fn(&mut Vec<Vec<u8>>)| {
        let (certificate, key) = authority.issue(&["server.test"], |_| {});
        (name, changed(&certificate, &key, change), key)
    };
    vec![
        make("version 1", |signed| {
            signed.remove(EXTENSIONS);
            signed.remove(VERSION);
        }),
        make("version 2", |signed| {
            signed[VERSION] = element(0xa0, &[2, 1, 1]);
            signed[EXTENSIONS] = element(0x81, &[0, 7]);
        }),
        make("version 3 without extensions", |signed| drop(signed.remove(EXTENSIONS))),
        make("version 3 with unique identifiers", |signed| {
            signed.insert(EXTENSIONS, element(0x81, &[0, 7]));
            signed.insert(EXTENSIONS + 1, element(0x82, &[0, 7]));
        }),
        make("an extension twice", |signed| {
            let mut extensions = elements(content(content(&signed[EXTENSIONS])));
            extensions.extend(extensions.clone());
            signed[EXTENSIONS] = element(0xa3, &element(0x30, &extensions.concat()));
        }),
        make("an unknown critical extension", |signed| {
            let unknown = [element(6, &[42, 3, 4]), element(1, &[255]), element(4, &[5, 0])].concat();
            signed[EXTENSIONS] = element(0xa3, &element(0x30, &element(0x30, &unknown)));
        }),
        make("another algorithm of the signature inside", |signed| signed[2] = element(0x30, &element(6, &[42, 3]))),
    ]
}

#[test]
fn danger_accepts_certificates_that_cannot_be_verified() {
    for (name, certificate, key) in unusual() {
        for version in [&TLS12, &TLS13] {
            let server = TlsServer::start(unchecked_acceptor(certificate.clone(), &key, &[version]), secret());
            let tls = TlsConfig::new().danger_accept_invalid_certificates(true);
            let outcome = get(&server, "other.test", tls);
            assert!(outcome.is_ok_and(|text| text.starts_with("secret")), "{name}, {version:?}");
        }
    }
}

#[test]
fn danger_still_checks_the_servers_key() {
    for (name, certificate, _) in unusual() {
        for version in [&TLS12, &TLS13] {
            let other = KeyPair::generate().unwrap();
            let server = TlsServer::start(unchecked_acceptor(certificate.clone(), &other, &[version]), secret());
            let tls = TlsConfig::new().danger_accept_invalid_certificates(true);
            let error = get(&server, "server.test", tls).unwrap_err();
            assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{name}: {error}");
        }
    }
}

#[test]
fn bytes_that_are_no_certificate_are_refused_with_danger() {
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    let cut = |length: usize| CertificateDer::from(certificate[..length].to_vec());
    let endless = CertificateDer::from(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]);
    let unknown_length = CertificateDer::from(vec![0x30, 0x80, 0, 0]);
    for certificate in [cut(1), cut(40), cut(certificate.len() - 1), endless, unknown_length] {
        let tls = TlsConfig::new().danger_accept_invalid_certificates(true);
        let error = get(&server(&certificate, &key), "server.test", tls).unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{error}");
    }
}

#[test]
fn version_1_certificate_is_refused_without_danger() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["server.test"], |_| {});
    let certificate = version_1(&certificate, &key);
    let server = server(&certificate, &key);
    for tls in [trusting(&authority), with_root(&certificate)] {
        refused(get(&server, "server.test", tls), "X.509 version 3");
    }
}

/// Runs in a process that [`self_signed_authority_among_the_systems_roots_is_trusted`] starts with other roots of the
/// system.
#[test]
#[ignore = "is run by another test"]
fn child() {
    let resolver = HostMap::new(SystemResolver).host("server.test", [127, 0, 0, 1]);
    let agent = Network::new().resolver(resolver).proxies(Proxies::none()).agent();
    let client = Client::builder().backend(agent).build().unwrap();
    let url = std::env::var("CHILD_URL").unwrap();
    let outcome = async_io::block_on(async { client.get(url).await?.text().await });
    println!("outcome: {outcome:?}");
}

#[test]
fn self_signed_authority_among_the_systems_roots_is_trusted() {
    let (certificate, key) = self_signed_authority(&["server.test"], |_| {});
    let server = server(&certificate, &key);
    let roots = std::env::temp_dir().join(format!("waterspout-roots-{}.pem", std::process::id()));
    std::fs::write(&roots, Authority::new().pem() + &pem(&certificate)).unwrap();
    let fetch = |host: &str| {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls_trust::child", "--ignored", "--nocapture"])
            .env("CHILD_URL", format!("https://{host}:{}/", server.address.port()))
            .env("SSL_CERT_FILE", &roots)
            .env_remove("SSL_CERT_DIR")
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let (named, unnamed) = (fetch("server.test"), fetch("127.0.0.1"));
    std::fs::remove_file(roots).unwrap();
    assert!(named.contains("outcome: Ok(\"secret"), "{named}");
    assert!(unnamed.contains("not for 127.0.0.1"), "{unnamed}");
}
