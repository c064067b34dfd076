//! A network in memory: each connect hands an end to the client, and the other end to a server of the crate `h2`.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures::channel::mpsc;
use futures::executor::{LocalPool, LocalSpawner};
use futures::io::{AsyncRead, AsyncWrite};
use futures::task::LocalSpawnExt;
use futures::{FutureExt, StreamExt};
use h2::server::SendResponse;
use http::{Request, Response, Version};
use tokio_util::compat::FuturesAsyncReadCompatExt;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Transport};

/// The bytes on their way in a direction.
#[derive(Default)]
struct Wire {
    bytes: VecDeque<u8>,
    is_closed: bool,
    reader: Option<Waker>,
    /// How often bytes were written.
    writes: Arc<AtomicUsize>,
}

/// An end of a connection.
pub(crate) struct End {
    input: Arc<Mutex<Wire>>,
    output: Arc<Mutex<Wire>>,
}

/// Counts the bytes that an end has not read, also after the end is gone.
pub(crate) struct Unread(Arc<Mutex<Wire>>);

impl Unread {
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().bytes.len()
    }
}

impl End {
    pub(crate) fn unread(&self) -> Unread {
        Unread(self.input.clone())
    }
}

pub(crate) fn connection() -> (End, End) {
    let (a, b) = (Arc::<Mutex<Wire>>::default(), Arc::<Mutex<Wire>>::default());
    (End { input: a.clone(), output: b.clone() }, End { input: b, output: a })
}

impl AsyncRead for End {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.input.lock().unwrap();
        if wire.bytes.is_empty() && !wire.is_closed {
            wire.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = buffer.len().min(wire.bytes.len());
        buffer[..count].copy_from_slice(&wire.bytes.make_contiguous()[..count]);
        wire.bytes.drain(..count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.output.lock().unwrap();
        if wire.is_closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        wire.bytes.extend(bytes);
        wire.writes.fetch_add(1, Ordering::Relaxed);
        let reader = wire.reader.take();
        drop(wire);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let reader = {
            let mut wire = self.output.lock().unwrap();
            wire.is_closed = true;
            wire.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for wire in [&self.input, &self.output] {
            let reader = {
                let mut wire = wire.lock().unwrap();
                wire.is_closed = true;
                wire.reader.take()
            };
            reader.into_iter().for_each(Waker::wake);
        }
    }
}

impl Transport for End {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}

/// Opens connections in memory.
struct Dialer {
    ends: Mutex<mpsc::UnboundedSender<End>>,
    connects: Arc<AtomicUsize>,
    writes: Arc<AtomicUsize>,
}

impl Connector for Dialer {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            self.connects.fetch_add(1, Ordering::Relaxed);
            let (client, server) = connection();
            client.output.lock().unwrap().writes = self.writes.clone();
            self.ends.lock().unwrap().unbounded_send(server).unwrap();
            Ok(Box::new(client) as Box<dyn Transport>)
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// A request at the server.
pub(crate) struct Received {
    pub(crate) request: Request<h2::RecvStream>,
    pub(crate) reply: SendResponse<Bytes>,
    /// The number of the connection, from 0.
    pub(crate) connection: usize,
}

impl Received {
    pub(crate) fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// Answers with a whole body.
    pub(crate) fn answer(mut self, body: impl Into<Bytes>) {
        let body = body.into();
        let mut stream = self.reply.send_response(Response::new(()), body.is_empty()).unwrap();
        if !body.is_empty() {
            stream.send_data(body, true).unwrap();
        }
    }
}

/// A client, its servers, and the pool of tasks that runs them all in turn.
pub(crate) struct Net {
    pub(crate) tasks: LocalPool,
    pub(crate) client: Client,
    pub(crate) timer: ManualTimer,
    pub(crate) connects: Arc<AtomicUsize>,
    /// How often the client has written.
    pub(crate) writes: Arc<AtomicUsize>,
}

impl Net {
    /// Serves each connection with the settings of `builder` by handing its requests to `handle`.
    pub(crate) fn serve(builder: h2::server::Builder, handle: impl Fn(Received) + 'static) -> Self {
        Self::with_connection(
            move |number, end, _| {
                let builder = builder.clone();
                let handshake = Box::pin(async move { builder.handshake::<_, Bytes>(end.compat()).await });
                (number, handshake)
            },
            handle,
        )
    }

    /// As `serve`, with a function that makes the server's side of each connection.
    #[allow(clippy::type_complexity)]
    pub(crate) fn with_connection<F>(
        accept: impl Fn(usize, End, LocalSpawner) -> (usize, F) + 'static,
        handle: impl Fn(Received) + 'static,
    ) -> Self
    where
        F: Future<Output = Result<h2::server::Connection<tokio_util::compat::Compat<End>, Bytes>, h2::Error>> + 'static,
    {
        let tasks = LocalPool::new();
        let (sender, mut ends) = mpsc::unbounded();
        let connects = Arc::<AtomicUsize>::default();
        let writes = Arc::<AtomicUsize>::default();
        let dialer = Dialer { ends: Mutex::new(sender), connects: connects.clone(), writes: writes.clone() };
        let timer = ManualTimer::new();
        let agent = Agent::new(dialer, timer.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).max_active(1_000).build().unwrap();
        let spawner = tasks.spawner();
        let handle = Rc::new(handle);
        let server = async move {
            let mut number = 0;
            while let Some(end) = ends.next().await {
                let (number_now, accepted) = accept(number, end, spawner.clone());
                number += 1;
                let handle = handle.clone();
                let connection = async move {
                    let Ok(mut connection) = accepted.await else { return };
                    while let Some(Ok((request, reply))) = connection.accept().await {
                        handle(Received { request, reply, connection: number_now });
                    }
                };
                spawner.spawn_local(connection).unwrap();
            }
        };
        tasks.spawner().spawn_local(server).unwrap();
        Self { tasks, client, timer, connects, writes }
    }

    pub(crate) fn connects(&self) -> usize {
        self.connects.load(Ordering::Relaxed)
    }

    /// Runs a future together with the servers, until it is ready or nothing moves any more.
    pub(crate) fn run<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Option<T> {
        let task = self.tasks.spawner().spawn_local_with_handle(future).unwrap();
        self.tasks.run_until_stalled();
        task.now_or_never()
    }
}

/// Gets a URL's text.
pub(crate) fn text(client: &Client, path: &str) -> impl Future<Output = waterspout::Result<String>> + use<> {
    let (client, url) = (client.clone(), format!("http://server.test{path}"));
    async move { client.get(&url).await?.text().await }
}
