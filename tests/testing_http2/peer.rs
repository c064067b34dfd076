//! A client of h2 for a handler, over the transports of the server.

use std::future::{Future, poll_fn};
use std::net::TcpStream;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_io::Async;
use futures::executor::block_on;
use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt};
use h2::client::{ResponseFuture, SendRequest};
use h2::{PingPong, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio_util::compat::FuturesAsyncReadCompatExt;
use waterspout::testing::{Handler, Http2Frame, Incoming, MemoryConnector, Reply, Server};
use waterspout::{BoxFuture as HandlerFuture, Bytes, Connector, Origin, Transport, Url};

/// A connection of h2, which makes progress while a test waits for something on it.
pub struct Peer {
    pub send: SendRequest<Bytes>,
    connection: Option<BoxFuture<'static, Result<(), h2::Error>>>,
    pings: Option<PingPong>,
    /// How the connection has ended.
    pub end: Option<Result<(), h2::Error>>,
    /// Stops when the connection is dropped.
    server: Option<Server>,
}

/// Notes that a task was woken, and wakes the task of the test.
struct FlagWaker {
    is_woken: AtomicBool,
    task: Waker,
}

impl Wake for FlagWaker {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.task.wake_by_ref();
    }
}

/// A response that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub head: Response<()>,
    pub body: Vec<u8>,
    pub trailers: Option<HeaderMap>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn status(&self) -> u16 {
        self.head.status().as_u16()
    }
}

pub fn origin() -> Origin {
    "http://example.com/".parse::<Url>().unwrap().origin()
}

pub fn get(path: &str) -> Request<()> {
    request("GET", path)
}

pub fn request(method: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("http://example.com{path}")).body(()).unwrap()
}

impl Peer {
    pub async fn over(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Self {
        // Larger than the window of a stream, so that a stream that is not read holds up no other stream.
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(1024 * 1024);
        let (send, mut connection) = builder.handshake(io.compat()).await.unwrap();
        let pings = connection.ping_pong();
        let mut peer = Self { send, connection: Some(connection.boxed()), pings, end: None, server: None };
        // In memory the settings of the server arrive now, so they apply from the first request on.
        peer.settle();
        peer
    }

    pub async fn in_memory(connector: &MemoryConnector) -> Self {
        Self::over(connector.connect(&origin()).await.unwrap()).await
    }

    /// Connects without an executor, also to a connector that works in pieces.
    pub fn in_memory_soon(connector: &MemoryConnector) -> Self {
        let mut peer = Box::pin(Self::in_memory(connector));
        (0..1000).find_map(|_| (&mut peer).now_or_never()).unwrap()
    }

    /// Drives the connection until `future` is ready. A single poll goes as far as anything can go, so a test with a
    /// clock moved by hand needs no executor.
    pub async fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|cx| {
            let flag = Arc::new(FlagWaker { is_woken: AtomicBool::new(true), task: cx.waker().clone() });
            let waker = Waker::from(flag.clone());
            let mut context = Context::from_waker(&waker);
            while flag.is_woken.swap(false, Ordering::SeqCst) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                    return Poll::Ready(output);
                }
                self.poll_connection(&mut context);
            }
            Poll::Pending
        })
        .await
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) {
        let Some(connection) = &mut self.connection else { return };
        if let Poll::Ready(end) = connection.poll_unpin(cx) {
            self.connection = None;
            self.end = Some(end);
            cx.waker().wake_by_ref();
        }
    }

    /// Drives the connection until it ends.
    pub async fn ended(&mut self) -> Result<(), h2::Error> {
        poll_fn(|cx| match &mut self.connection {
            Some(connection) => connection.poll_unpin(cx),
            None => Poll::Ready(self.end.take().unwrap()),
        })
        .await
    }

    /// Drives the connection as far as it goes now.
    pub fn settle(&mut self) {
        assert!(self.run(std::future::pending::<()>()).now_or_never().is_none());
    }

    pub fn ping_pong(&mut self) -> PingPong {
        self.pings.take().unwrap()
    }

    /// Begins a request without a body.
    pub fn begin(&mut self, request: Request<()>) -> ResponseFuture {
        self.send.send_request(request, true).unwrap().0
    }

    /// Begins a request with a body.
    pub fn begin_body(&mut self, request: Request<()>) -> (ResponseFuture, SendStream<Bytes>) {
        self.send.send_request(request, false).unwrap()
    }

    /// Waits for a whole response.
    pub async fn answer(&mut self, response: ResponseFuture) -> Result<Answer, h2::Error> {
        self.run(async move { read(response.await?).await }).await
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer, h2::Error> {
        let response = self.begin(get(path));
        self.answer(response).await
    }
}

/// Reads a response to its end.
pub async fn read(response: Response<RecvStream>) -> Result<Answer, h2::Error> {
    let (parts, mut stream) = response.into_parts();
    let mut body = Vec::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len()).unwrap();
        body.extend_from_slice(&chunk);
    }
    let trailers = stream.trailers().await?;
    Ok(Answer { head: Response::from_parts(parts, ()), body, trailers })
}

struct Shared(Arc<dyn Handler>);

impl Handler for Shared {
    fn handle<'a>(&'a self, request: &'a mut Incoming) -> HandlerFuture<'a, Reply> {
        self.0.handle(request)
    }

    fn http2(&self) -> waterspout::testing::Http2Config {
        self.0.http2()
    }
}

/// Runs `test` on a connection in memory, on a connection in memory in pieces, and on a socket.
pub fn on_each_transport(handler: impl Handler, test: impl AsyncFn(Peer)) {
    let handler: Arc<dyn Handler> = Arc::new(handler);
    let connector = MemoryConnector::new(Shared(handler.clone()));
    block_on(async { test(Peer::in_memory(&connector).await).await });
    block_on(async { test(Peer::in_memory(&connector.clone().in_pieces(7)).await).await });
    let server = Server::start(Shared(handler)).unwrap();
    block_on(async {
        let socket = Async::<TcpStream>::connect(server.address()).await.unwrap();
        let mut peer = Peer::over(socket).await;
        peer.server = Some(server);
        test(peer).await;
    });
}

/// A client that writes frames byte by byte, in memory.
pub struct RawPeer {
    transport: Box<dyn Transport>,
    received: Vec<u8>,
    /// Whether the server has closed the connection.
    pub has_ended: bool,
}

impl RawPeer {
    /// Sends the preface and empty SETTINGS.
    pub fn new(connector: &MemoryConnector) -> Self {
        let transport = connector.connect(&origin()).now_or_never().unwrap().unwrap();
        let mut peer = Self { transport, received: Vec::new(), has_ended: false };
        peer.send_bytes(Http2Frame::PREFACE);
        peer.send(&[Http2Frame::settings(&[])]);
        peer
    }

    /// Sends frames in a single write.
    pub fn send(&mut self, frames: &[Http2Frame]) {
        let bytes: Vec<u8> = frames.iter().flat_map(Http2Frame::to_bytes).collect();
        self.send_bytes(&bytes);
    }

    fn send_bytes(&mut self, bytes: &[u8]) {
        self.transport.write_all(bytes).now_or_never().unwrap().unwrap();
    }

    /// Returns all frames of the server so far, once it has nothing more to send.
    pub fn received(&mut self) -> Vec<Http2Frame> {
        let mut buffer = [0; 1024];
        while let Some(Ok(count)) = self.transport.read(&mut buffer).now_or_never() {
            self.received.extend_from_slice(&buffer[..count]);
            if count == 0 {
                self.has_ended = true;
                break;
            }
        }
        Http2Frame::parse(&self.received)
    }
}
