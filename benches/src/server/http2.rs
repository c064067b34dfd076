//! The server of HTTP/2 over TLS: the server half of the crate h2 on a single thread of tokio.

use std::sync::Arc;

use bytes::Bytes;
use h2::SendStream;
use h2::server::{Builder, SendResponse};
use http::{Request, Response};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{LARGE, SMALL_BODY, tls};
use crate::measure::{SERVER_CPU, pin};

/// The length of a piece of a large download, in bytes.
const BLOCK: usize = 256 << 10;

/// Prints the address of a free port on loopback and a certificate, then serves all connections on this thread, until the
/// other end of the standard input closes.
pub fn serve() {
    pin(SERVER_CPU);
    // A process that starts the server holds a pipe to it. The pipe closes when that process ends, however it ends.
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port is free");
        println!("{}", listener.local_addr().expect("the listener has an address"));
        let mut config = ServerConfig::clone(&tls::serve_certificate());
        config.alpn_protocols = vec![b"h2".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let block = Bytes::from(vec![b'x'; BLOCK]);
        while let Ok((socket, _)) = listener.accept().await {
            // A connection fails when its client ends. That is not an error of the server.
            tokio::spawn(connection(acceptor.clone(), socket, block.clone()));
        }
    });
}

/// Serves the requests of a connection.
async fn connection(acceptor: TlsAcceptor, socket: TcpStream, block: Bytes) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    let stream = acceptor.accept(socket).await.ok()?;
    let mut connection = Builder::new().max_concurrent_streams(1_000).handshake(stream).await.ok()?;
    while let Some(received) = connection.accept().await {
        let (request, respond) = received.ok()?;
        if request.uri().path() == "/large" {
            tokio::spawn(send_large(respond, block.clone()));
        } else {
            send_small(&request, respond)?;
        }
    }
    Some(())
}

/// Sends the small response, with the headers that it has over HTTP/1.1.
fn send_small<B>(request: &Request<B>, mut respond: SendResponse<Bytes>) -> Option<()> {
    debug_assert_eq!(request.method(), http::Method::GET);
    let head = Response::builder()
        .header("server", "bench")
        .header("date", "Sat, 21 Nov 2026 08:00:00 GMT")
        .header("content-type", "text/plain")
        .header("content-length", SMALL_BODY.len());
    let mut stream = respond.send_response(head.body(()).ok()?, false).ok()?;
    stream.send_data(Bytes::from_static(SMALL_BODY.as_bytes()), true).ok()
}

/// Sends a download, as fast as the windows of the client allow.
async fn send_large(mut respond: SendResponse<Bytes>, block: Bytes) -> Option<()> {
    let head = Response::builder().header("content-length", LARGE).body(()).ok()?;
    let mut stream = respond.send_response(head, false).ok()?;
    let mut left = LARGE;
    while left > 0 {
        let granted = capacity(&mut stream, left.min(BLOCK)).await?;
        left -= granted;
        stream.send_data(block.slice(..granted), left == 0).ok()?;
    }
    Some(())
}

/// Waits for room in the windows. Returns at most `wanted` bytes.
async fn capacity(stream: &mut SendStream<Bytes>, wanted: usize) -> Option<usize> {
    stream.reserve_capacity(wanted);
    while stream.capacity() == 0 {
        std::future::poll_fn(|cx| stream.poll_capacity(cx)).await?.ok()?;
    }
    Some(stream.capacity().min(wanted))
}
