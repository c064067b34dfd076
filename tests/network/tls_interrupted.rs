//! Servers that close a connection during the TLS handshake, as nginx may do when it reads its configuration again.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use async_io::Async;
use futures::{FutureExt, stream};
use waterspout::platform::native::Network;
use waterspout::testing::{Reply, handler, serve_connection};
use waterspout::{Body, Bytes, Client, ErrorKind, Phase, Result};

use crate::support::tls::{Authority, Secured, acceptor, trusting};

/// A server over TLS that closes its first connections during the handshake, and echoes the bodies of later requests.
struct Server {
    authority: Authority,
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that closes this many connections. With `is_reset`, it sends a TCP reset.
    fn start(closed: usize, is_reset: bool) -> Self {
        let authority = Authority::new();
        let acceptor = acceptor(authority.issue(&["127.0.0.1"], |_| {}), None);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        thread::spawn(move || {
            loop {
                let (stream, _) = listener.accept().unwrap();
                if count.fetch_add(1, Ordering::Relaxed) < closed {
                    close(stream, is_reset);
                    continue;
                }
                let acceptor = acceptor.clone();
                thread::spawn(move || {
                    async_io::block_on(async {
                        let Ok(stream) = acceptor.accept(Async::new(stream).unwrap()).await else { return };
                        let echo = handler(|request| {
                            async { Reply::new(200, request.body().await.unwrap_or_default()) }.boxed()
                        });
                        let _ = serve_connection(Box::new(Secured(stream)), &echo).await;
                    });
                });
            }
        });
        Self { authority, address, connections }
    }

    /// Posts a body that can be sent once.
    fn post(&self) -> Result<Bytes> {
        let agent = Network::new().tls(trusting(&self.authority)).agent();
        let client = Client::builder().backend(agent).build().unwrap();
        let body = Body::stream(stream::iter([Ok::<_, std::io::Error>(Bytes::from("order"))]));
        async_io::block_on(async { client.post(format!("https://{}/", self.address)).body(body).await?.bytes().await })
    }
}

/// Closes a connection in the middle of a handshake.
fn close(mut stream: TcpStream, is_reset: bool) {
    // The kernel sends a reset if received bytes are unread. A single byte is never the whole first message.
    let mut buffer = vec![0; if is_reset { 1 } else { 1 << 16 }];
    let _ = stream.read(&mut buffer);
}

#[test]
fn request_uses_another_connection_if_the_server_interrupts_a_handshake() {
    for is_reset in [false, true] {
        let server = Server::start(1, is_reset);
        assert_eq!(server.post().unwrap(), "order", "{is_reset}");
        assert_eq!(server.connections.load(Ordering::Relaxed), 2);
    }
}

#[test]
fn request_fails_if_the_server_interrupts_two_handshakes() {
    let server = Server::start(usize::MAX, false);
    let error = server.post().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Connect), "{error}");
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
}

#[test]
fn refused_certificate_is_not_tried_again() {
    let server = Server::start(0, false);
    let other =
        Server { authority: Authority::new(), address: server.address, connections: server.connections.clone() };
    assert_eq!(other.post().unwrap_err().kind(), ErrorKind::Tls);
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}
