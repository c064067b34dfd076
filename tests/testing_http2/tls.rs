//! The server over TLS that has selected HTTP/2 by ALPN.

use std::sync::Arc;

use futures::FutureExt;
use futures::executor::block_on;
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::crypto::ring;
use http::Version;
use waterspout::Client;
use waterspout::platform::native::Network;
use waterspout::proxy::Proxies;
use waterspout::testing::{Recorder, Reply, handler};

use crate::support::tls::{Authority, TlsServer, trusting};

#[test]
fn alpn_selects_the_version_that_is_served() {
    for (protocols, version) in
        [(vec!["h2", "http/1.1"], Version::HTTP_2), (vec!["http/1.1"], Version::HTTP_11), (vec![], Version::HTTP_11)]
    {
        let authority = Authority::new();
        let (certificate, key) = authority.issue(&["127.0.0.1"], |_| {});
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let mut config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let recorder = Recorder::new();
        let server = recorder.record(handler(|_| async { Reply::text("hello") }.boxed()));
        let server = TlsServer::start(TlsAcceptor::from(Arc::new(config)), server);
        let network = Network::new().proxies(Proxies::none()).tls(trusting(&authority)).http2_prior_knowledge();
        let client = Client::builder().network(network).build().unwrap();
        let url = format!("https://{}/", server.address);
        let text = block_on(async { client.get(url).await.unwrap().text().await.unwrap() });
        assert_eq!((&*text, recorder.requests()[0].version), ("hello", version), "{protocols:?}");
    }
}
