//! A server for tests on a loopback port.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::Duration;

use async_io::Async;
use futures::channel::oneshot;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, Stream, StreamExt};
use socket2::SockRef;

use super::fork;
pub use super::memory::MemoryConnector;
use super::socket::SocketTransport;
use crate::testing::{Handler, ServerConnection};

/// A server on a loopback port, with a thread of its own. Dropping it stops the server.
///
/// It speaks HTTP/1.1, and with the feature `http2` also HTTP/2 to each client that begins with its preface
/// (`Network::http2_prior_knowledge`).
///
/// # Examples
///
/// ```
/// use futures::FutureExt;
/// use waterspout::testing::{Reply, Server, handler};
/// use waterspout::Client;
///
/// let server = Server::start(handler(|request| {
///     async move { Reply::text(format!("hello, {}", request.path())) }.boxed()
/// }))?;
/// let text = futures::executor::block_on(async { Client::new().get(server.url("/you")).await?.text().await });
/// assert_eq!(text?, "hello, /you");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// If the system gives no port or no thread.
    pub fn start(handler: impl Handler) -> io::Result<Self> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), handler)
    }

    /// Starts a server on `address`.
    ///
    /// # Errors
    /// If the address is taken, or the system gives no thread.
    pub fn start_on(address: SocketAddr, handler: impl Handler) -> io::Result<Self> {
        fork::check()?;
        let listener = Async::<TcpListener>::bind(address)?;
        let address = listener.get_ref().local_addr()?;
        // Dropping `stop` ends the thread's future, and so do all connections of the server.
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("waterspout-server".to_owned())
            .spawn(move || async_io::block_on(serve(listener, Arc::new(handler), stopped)))?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of a path on the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // The panic of a handler was printed by its thread. The server ends in either case.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Accepts and serves connections until `stopped`.
async fn serve(listener: Async<TcpListener>, handler: Arc<dyn Handler>, mut stopped: oneshot::Receiver<()>) {
    let mut incoming = pin!(listener.incoming());
    let mut connections = FuturesUnordered::new();
    let mut number = 0;
    poll_fn(|cx| {
        while let Poll::Ready(Some(accepted)) = incoming.as_mut().poll_next(cx) {
            connections.extend(accepted.ok().map(|stream| connection(stream, handler.clone(), number)));
            number += 1;
        }
        // All connections are served by this future, on the server's thread.
        while let Poll::Ready(Some(())) = connections.poll_next_unpin(cx) {}
        stopped.poll_unpin(cx).map(|_| ())
    })
    .await;
}

/// Serves a connection. Its errors are ignored: the client sees them.
async fn connection(stream: Async<TcpStream>, handler: Arc<dyn Handler>, number: u64) {
    // A reply may be written in several pieces, which Nagle's algorithm would delay.
    let _ = stream.get_ref().set_nodelay(true);
    let same = stream.get_ref().try_clone();
    let reset = || {
        // With a linger time of zero the system sends a reset instead of an orderly end.
        let _ = same.as_ref().map(|stream| SockRef::from(stream).set_linger(Some(Duration::ZERO)));
    };
    let connection = ServerConnection { handler: &*handler, number, reset: &reset };
    let _ = connection.serve(Box::new(SocketTransport::from(stream))).await;
}
