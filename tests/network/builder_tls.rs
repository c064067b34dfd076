//! The TLS settings of a client's builder.

use waterspout::platform::native::rustls::ProtocolVersion;
use waterspout::platform::native::rustls::crypto::ring;
use waterspout::platform::native::rustls::version::{TLS12, TLS13};
use waterspout::platform::native::{HostMap, Network, SystemResolver, TlsConfig};
use waterspout::{Builder, Client, ErrorKind, Result};

use super::tls::{secret, secret_server};
use crate::support::tls::{Authority, TlsServer, acceptor_of};

fn get(builder: Builder, server: &TlsServer, host: &str) -> Result<String> {
    let client = builder.resolve("server.test", [127, 0, 0, 1]).resolve("other.test", [127, 0, 0, 1]).build()?;
    let url = format!("https://{host}:{}/", server.address.port());
    async_io::block_on(async { client.get(url).await?.text().await })
}

#[test]
fn roots_of_the_builder_add_to_each_other_and_to_the_network() {
    let authorities = [Authority::new(), Authority::new(), Authority::new()];
    let [first, second, third] = authorities.each_ref().map(Authority::pem);
    let of_network = TlsConfig::new().without_system_roots().root_certificates_pem(third.as_bytes()).unwrap();
    let network = || Network::new().tls(of_network.clone());
    for builder in [|| Client::builder(), || Client::builder().without_system_roots()] {
        for authority in &authorities {
            let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
            for trusting in [
                builder()
                    .root_certificates_pem(first.as_str())
                    .root_certificates_pem(second.as_str())
                    .network(network()),
                builder()
                    .network(network())
                    .root_certificates_pem(second.as_str())
                    .root_certificates_pem(first.as_str()),
            ] {
                assert!(get(trusting, &server, "server.test").is_ok());
            }
        }
    }
    let server = secret_server(Authority::new().issue(&["server.test"], |_| {}), None);
    let error = get(Client::builder().root_certificates_pem(first), &server, "server.test").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls);
}

#[test]
fn client_certificate_of_the_builder_is_presented() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), Some(authority.roots()));
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let trusting = || Client::builder().without_system_roots().root_certificates_pem(authority.pem());
    let known = trusting().client_certificate_pem(certificate.pem(), key.serialize_pem());
    assert!(get(known, &server, "server.test").is_ok());
    assert!(get(trusting(), &server, "server.test").unwrap_err().is_network());
}

#[test]
fn danger_settings_of_the_builder_apply_in_any_order() {
    let server = secret_server(Authority::new().issue(&["server.test"], |_| {}), None);
    let network = || Network::new().resolver(HostMap::new(SystemResolver));
    assert!(get(Client::builder().danger_accept_invalid_certificates(true), &server, "other.test").is_ok());
    for builder in [
        Client::builder().danger_accept_invalid_certificates(true).network(network()),
        Client::builder().network(network()).danger_accept_invalid_certificates(true),
    ] {
        assert!(get(builder, &server, "other.test").is_ok());
    }
    let careful = Client::builder().danger_accept_invalid_certificates(true).danger_accept_invalid_certificates(false);
    assert_eq!(get(careful, &server, "server.test").unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn certificate_for_another_host_is_accepted_on_request() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["server.test"], |_| {}), None);
    let trusting = || Client::builder().without_system_roots().root_certificates_pem(authority.pem());
    assert!(get(trusting().danger_accept_invalid_hostnames(true), &server, "other.test").is_ok());
    assert_eq!(get(trusting(), &server, "other.test").unwrap_err().kind(), ErrorKind::Tls);
}

#[test]
fn provider_with_suites_of_tls_1_3_refuses_a_server_of_tls_1_2() {
    let authority = Authority::new();
    let mut provider = ring::default_provider();
    provider.cipher_suites.retain(|suite| suite.version().version == ProtocolVersion::TLSv1_3);
    let tls = TlsConfig::new().without_system_roots().crypto_provider(provider);
    for (version, is_accepted) in [(&TLS12, false), (&TLS13, true)] {
        let certificate = authority.issue(&["server.test"], |_| {});
        let server = TlsServer::start(acceptor_of(&[version], certificate, None), secret());
        let builder = Client::builder().network(Network::new().tls(tls.clone()));
        let outcome = get(builder.root_certificates_pem(authority.pem()), &server, "server.test");
        assert_eq!(outcome.is_ok(), is_accepted, "{version:?}");
    }
}

#[test]
fn unreadable_certificate_is_an_error_of_build() {
    let authority = Authority::new();
    let (certificate, _) = authority.issue(&["client"], |_| {});
    let (_, other_key) = authority.issue(&["client"], |_| {});
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for builder in [
        Client::builder().root_certificates_pem(""),
        Client::builder().root_certificates_pem("no PEM"),
        Client::builder().root_certificates_pem(damaged),
        Client::builder().root_certificates_pem(authority.pem()).root_certificates_pem(damaged),
        Client::builder().root_certificates_pem(damaged).network(Network::new()),
        Client::builder().client_certificate_pem("", ""),
        Client::builder().client_certificate_pem(certificate.pem(), "no PEM"),
        Client::builder().client_certificate_pem(certificate.pem(), other_key.serialize_pem()),
    ] {
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}
