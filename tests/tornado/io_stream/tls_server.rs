//! The server side of TLS over accepted sockets.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use async_io::block_on;
use futures::future::join;
use rcgen::CertificateParams;
use waterspout::platform::native::{TcpClient, TlsConfig, TlsServerConfig};
use waterspout::tornado::{IoStream, TimedOut, with_timeout};
use waterspout::{Error, ErrorKind};

use super::accepted::tcp_pair;
use crate::support::tls::{Authority, trusting};

/// A server's configuration with a certificate for 127.0.0.1, and its authority.
pub(super) fn server_config() -> (TlsServerConfig, Authority) {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_: &mut CertificateParams| {});
    let config = TlsServerConfig::new(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    (config, authority)
}

/// A client's configuration that shows a certificate of `authority`.
fn with_identity(config: TlsConfig, authority: &Authority) -> TlsConfig {
    let (certificate, key) = authority.issue(&["me"], |_: &mut CertificateParams| {});
    config.client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

/// Makes a handshake over an accepted socket, and returns the outcome of both sides after a byte in each direction.
pub(super) fn shake_hands(
    server_config: &TlsServerConfig,
    client_config: &TlsConfig,
) -> (Result<(), Error>, Result<(), Error>) {
    let (client, server) = tcp_pair();
    let [client, server] = [client, server].map(|socket| IoStream::try_from(socket).unwrap());
    block_on(join(
        async {
            client_config.start_tls(&client, "127.0.0.1").await?;
            client.write("a").await?;
            // In TLS 1.3 a client learns of a refused certificate with its first read.
            client.read_exact(1).await.map(drop)
        },
        async {
            server_config.start_tls(&server).await.inspect_err(|_| server.close())?;
            server.read_exact(1).await?;
            server.write("b").await
        },
    ))
}

#[test]
fn start_tls_of_a_server_secures_an_accepted_stream() {
    let (config, authority) = server_config();
    let strangers = Authority::new();
    let members = Authority::new();
    let trusted = trusting(&authority);
    let with_clients = config.clone().client_roots_pem(members.pem().as_bytes()).unwrap();
    let with_alpn = config.clone().alpn_protocols(["smtp"]);
    // The expected error of the server, if the handshake fails.
    for (name, server, client, expected) in [
        ("no client certificate", &config, trusted.clone(), None),
        ("certificate that is not asked for", &config, with_identity(trusted.clone(), &members), None),
        ("client certificate", &with_clients, with_identity(trusted.clone(), &members), None),
        ("missing certificate", &with_clients, trusted.clone(), Some("the client showed no certificate")),
        (
            "certificate of a stranger",
            &with_clients,
            with_identity(trusted.clone(), &strangers),
            Some("the client's certificate is not acceptable"),
        ),
        ("same protocol", &with_alpn, trusted.clone().alpn_protocols(["imap", "smtp"]), None),
        ("no protocol", &with_alpn, trusted.clone(), None),
        (
            "other protocol",
            &with_alpn,
            trusted.clone().alpn_protocols(["imap"]),
            Some("the client speaks none of the server's protocols"),
        ),
        ("client that does not trust the server", &config, trusting(&strangers), Some("the TLS handshake failed")),
    ] {
        let (client, server) = shake_hands(server, &client);
        match expected {
            None => assert!(client.is_ok() && server.is_ok(), "{name}: {client:?} {server:?}"),
            Some(text) => {
                let error = server.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Tls, "{name}");
                assert!(error.to_string().starts_with(text), "{name}: {error}");
                assert!(client.is_err(), "{name}");
            }
        }
    }
}

#[test]
fn failed_handshake_of_a_server_closes_the_stream() {
    let (config, _) = server_config();
    for (name, sent) in [("plain bytes", "GET / HTTP/1.1\r\n\r\n"), ("end", "")] {
        let (mut client, server) = tcp_pair();
        client.write_all(sent.as_bytes()).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let server = IoStream::try_from(server).unwrap();
        let error = block_on(config.start_tls(&server)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{name}");
        assert!(block_on(server.write("secret")).is_err(), "{name}");
    }
}

#[test]
fn silent_client_of_a_handshake_is_given_up_with_a_limit() {
    let (config, _) = server_config();
    let (_client, server) = tcp_pair();
    let server = IoStream::try_from(server).unwrap();
    let limit = Duration::from_millis(20);
    assert_eq!(block_on(with_timeout(limit, config.start_tls(&server))).unwrap_err(), TimedOut { limit });
}

#[test]
fn start_tls_of_a_server_refuses_a_stream_that_is_not_idle() {
    let (config, _) = server_config();
    let (mut client, server) = tcp_pair();
    let server = IoStream::try_from(server).unwrap();
    client.write_all(b"STARTTLS\r\nmore").unwrap();
    block_on(async {
        while server.read_until("\r\n", 100).await.is_err() {}
        let error = config.start_tls(&server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        // The stream is unchanged.
        assert_eq!(server.read_exact(4).await.unwrap(), "more");
    });
}

#[test]
fn server_certificate_and_key_that_do_not_fit_are_refused() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue(&["127.0.0.1"], |_: &mut CertificateParams| {});
    let (_, other_key) = authority.issue(&["127.0.0.1"], |_: &mut CertificateParams| {});
    let (certificate, key, other_key) = (certificate.pem(), key.serialize_pem(), other_key.serialize_pem());
    for (name, chain, key) in
        [("no chain", "", &*key), ("no key", &*certificate, ""), ("key of another", &*certificate, &*other_key)]
    {
        let error = TlsServerConfig::new(chain.as_bytes(), key.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{name}: {error}");
    }
    let (config, _) = server_config();
    assert_eq!(config.client_roots_pem(b"").unwrap_err().kind(), ErrorKind::InvalidRequest);
}

#[test]
fn tcp_client_connects_over_tls_to_an_accepted_stream() {
    let (config, authority) = server_config();
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let stream = IoStream::try_from(listener.accept().unwrap().0).unwrap();
        block_on(async {
            config.start_tls(&stream).await?;
            stream.write("220 ready\r\n").await?;
            stream.read_until("\r\n", 100).await
        })
    });
    let client = TcpClient::new();
    let trusted = trusting(&authority);
    block_on(async {
        let stream = client.connect_tls("127.0.0.1", port, &trusted).await.unwrap();
        assert_eq!(stream.read_until("\r\n", 100).await.unwrap(), "220 ready\r\n");
        stream.write("QUIT\r\n").await.unwrap();
    });
    assert_eq!(server.join().unwrap().unwrap(), "QUIT\r\n");
}
