//! The process of a server: HTTP/1.1 and HTTP/2, in the clear and over TLS, until its input ends.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

use async_io::Async;
use futures::future::{Either, pending, select};
use futures::stream::FuturesUnordered;
use futures::{AsyncRead, AsyncWrite, FutureExt, StreamExt};
use futures_rustls::TlsAcceptor;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::ServerConfig;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::server::TlsStream;
use waterspout::Transport;
use waterspout::testing::{Server, serve_connection};

use crate::programs::READY;
use crate::site::Site;

/// The arguments of a server process.
pub struct ServeArguments<'a> {
    pub http: &'a str,
    pub https: &'a str,
    /// The folder with the certificate and the key.
    pub folder: &'a str,
    /// The name of the file of counted requests in the folder.
    pub counts: &'a str,
    pub repeats: bool,
}

pub fn run(arguments: &ServeArguments<'_>) -> io::Result<()> {
    let folder = std::path::Path::new(arguments.folder);
    let counts = OpenOptions::new().create(true).append(true).open(folder.join(arguments.counts))?;
    let site = Site::new(counts, arguments.repeats);
    let _server = Server::start_on(address(arguments.http)?, site.clone())?;
    let listener = Async::<TcpListener>::bind(address(arguments.https)?)?;
    let acceptor = acceptor(&fs::read(folder.join("chain.pem"))?, &fs::read(folder.join("key.pem"))?)?;
    thread::spawn(move || async_io::block_on(serve_tls(listener, acceptor, site)));
    println!("{READY}");
    // The parent holds the other end, so this process never outlives the parent.
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

pub fn address(text: &str) -> io::Result<SocketAddr> {
    text.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, format!("{text} is no address: {error}")))
}

/// Makes an acceptor that offers HTTP/2 and HTTP/1.1.
fn acceptor(chain: &[u8], key: &[u8]) -> io::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_slice_iter(chain).collect::<Result<_, _>>().map_err(io::Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(io::Error::other)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Accepts and serves connections over TLS. All of them are served by this future.
async fn serve_tls(listener: Async<TcpListener>, acceptor: TlsAcceptor, site: Site) {
    let mut connections = FuturesUnordered::new();
    // Without a future the set would end.
    connections.push(pending().boxed());
    loop {
        let Either::Left((accepted, _)) = select(pin!(listener.accept()), connections.select_next_some()).await else {
            continue;
        };
        let Ok((stream, _)) = accepted else { continue };
        connections.push(serve_tls_connection(stream, acceptor.clone(), site.clone()).boxed());
    }
}

/// Serves a connection. The client sees a failed handshake and a broken connection.
async fn serve_tls_connection(stream: Async<TcpStream>, acceptor: TlsAcceptor, site: Site) {
    let _ = stream.get_ref().set_nodelay(true);
    if let Ok(stream) = acceptor.accept(stream).await {
        let _ = serve_connection(Box::new(TlsServerStream(stream)), &site).await;
    }
}

/// The server's side of a TLS connection.
struct TlsServerStream(TlsStream<Async<TcpStream>>);

impl Transport for TlsServerStream {}

impl AsyncRead for TlsServerStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for TlsServerStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}
