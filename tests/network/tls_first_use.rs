//! The configuration of TLS is made at its first use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use futures::future::join_all;
use futures_rustls::pki_types::PrivateKeyDer;
use futures_rustls::rustls::Error as TlsError;
use futures_rustls::rustls::crypto::{CryptoProvider, KeyProvider, ring};
use futures_rustls::rustls::sign::SigningKey;
use waterspout::Client;
use waterspout::platform::native::Network;

use super::tls::secret_server;
use crate::support::tls::{Authority, trusting};

/// The number of requests that are sent at the same time.
const REQUESTS: usize = 32;

/// Loads private keys with `ring`, and counts the keys. Each configuration that is made loads its key once.
#[derive(Debug)]
struct CountingKeys;

static LOADED: AtomicUsize = AtomicUsize::new(0);

/// The number of connections that the server has accepted.
static ACCEPTED: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

impl KeyProvider for CountingKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, TlsError> {
        LOADED.fetch_add(1, Ordering::Relaxed);
        // The configuration takes until all connections need it.
        while ACCEPTED.get().is_some_and(|accepted| accepted.load(Ordering::Relaxed) < REQUESTS) {
            std::thread::yield_now();
        }
        ring::default_provider().key_provider.load_private_key(key)
    }
}

#[test]
fn first_connections_at_the_same_time_make_a_single_configuration() {
    let authority = Authority::new();
    let server = secret_server(authority.issue(&["127.0.0.1"], |_| {}), None);
    let (certificate, key) = authority.issue(&["client"], |_| {});
    let provider = CryptoProvider { key_provider: &CountingKeys, ..ring::default_provider() };
    let tls = trusting(&authority).crypto_provider(provider);
    let tls = tls.client_certificate_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    ACCEPTED.set(server.connections.clone()).unwrap();
    let loaded = LOADED.load(Ordering::Relaxed);
    let client =
        Client::builder().backend(Network::new().http1_only().tls(tls).agent()).max_active(REQUESTS).build().unwrap();
    let url = format!("https://127.0.0.1:{}/", server.address.port());
    async_io::block_on(join_all(
        (0..REQUESTS).map(|_| async { client.get(&*url).await.unwrap().text().await.unwrap() }),
    ));
    assert_eq!(server.connections.load(Ordering::Relaxed), REQUESTS);
    assert_eq!(LOADED.load(Ordering::Relaxed) - loaded, 1);
}
