//! Connections in memory to a handler: a client and its server without a socket or a thread.
//!
//! The server of a connection runs inside the client's end: a read or write of the client that would wait polls the
//! server first. So a test without an executor keeps its order, and dropping the client's end stops the server.

mod pipe;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::{AsyncRead, AsyncWrite};
use http::Version;

use self::pipe::{PipeEnd, pipe};
use crate::error::Result;
use crate::message::url::Origin;
use crate::runtime::BoxFuture;
use crate::testing::{Handler, ServerConnection};
use crate::transport::{Connector, Transport};

/// The default of [`MemoryConnector::capacity`] in bytes.
const DEFAULT_CAPACITY: usize = 64 * 1024;

/// How often a single poll of the client's end polls the server before other tasks run.
const MAX_SERVER_POLLS: usize = 64;

/// A [`Connector`] that connects every origin, in memory, to a [`Handler`]. A clone is another handle of the same
/// connector.
///
/// There is no thread and no task: the server runs while the client's end of its connection is polled, and stops when
/// that end is dropped. So a test controls the order of events. With a [`ManualTimer`](crate::testing::ManualTimer) on
/// both sides time passes only when the test advances it.
///
/// # Examples
///
/// A server that needs 3 s, and a client with a limit, on a clock moved by hand:
///
/// ```
/// use std::time::Duration;
/// use futures::FutureExt;
/// use waterspout::testing::{Fault, ManualTimer, MemoryConnector, Reply, handler};
/// use waterspout::{Agent, Client, ErrorKind};
///
/// let timer = ManualTimer::new();
/// let clock = timer.clone();
/// let connector = MemoryConnector::new(handler(move |request| {
///     let late = Fault::delay(clock.clone(), Duration::from_secs(3));
///     let reply = Reply::text(format!("{}{}", request.host(), request.path())).with_fault(late);
///     async { reply }.boxed()
/// }));
/// let agent = Agent::new(connector.clone(), timer.clone());
/// let client = Client::builder().backend(agent).timer(timer.clone()).build()?;
///
/// let mut page = client.get("http://example.com/a").send().boxed();
/// assert!((&mut page).now_or_never().is_none());
/// timer.advance(Duration::from_secs(3));
/// let page = page.now_or_never().expect("the server's delay has passed")?;
/// assert_eq!(page.text().now_or_never().expect("the body has arrived")?, "example.com/a");
///
/// let mut hasty = client.get("http://example.com/b").timeout(Duration::from_secs(2)).send().boxed();
/// assert!((&mut hasty).now_or_never().is_none());
/// timer.advance(Duration::from_secs(2));
/// assert_eq!(hasty.now_or_never().expect("the limit has passed").unwrap_err().kind(), ErrorKind::Timeout);
/// // The connection of the second request was closed in the middle of an exchange.
/// assert_eq!((connector.connections(), connector.open()), (1, 0));
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// Native only: in a browser the future of a handler is not `Send`, and a [`Transport`] must be.
#[derive(Clone)]
pub struct MemoryConnector {
    handler: Arc<dyn Handler>,
    counts: Arc<ConnectionCounts>,
    capacity: usize,
    pieces: Option<usize>,
    version: Version,
}

#[derive(Default)]
struct ConnectionCounts {
    /// How many connections were ever made.
    made: AtomicU64,
    /// How many of them the client has not dropped.
    open: AtomicUsize,
}

impl MemoryConnector {
    /// Makes a connector to `handler`.
    pub fn new(handler: impl Handler) -> Self {
        Self {
            handler: Arc::new(handler),
            counts: Arc::default(),
            capacity: DEFAULT_CAPACITY,
            pieces: None,
            version: Version::HTTP_11,
        }
    }

    /// Sets how many bytes a connection holds in each direction before the writer has to wait. Default: 64 KiB. Zero is
    /// taken as 1.
    #[must_use]
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Limits each read and write of the client to `bytes`, and makes each of them, and each connect, return pending
    /// once before. So a test can stop at every point at which a request may wait. Default: off. Zero is taken as 1.
    #[must_use]
    pub fn in_pieces(mut self, bytes: usize) -> Self {
        self.pieces = Some(bytes.max(1));
        self
    }

    /// Sets the [version](Transport::version) of HTTP that the client speaks on the connections, as if the server had
    /// selected it. Default: `HTTP_11`.
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Returns how many connections were made.
    pub fn connections(&self) -> usize {
        usize::try_from(self.counts.made.load(Ordering::SeqCst)).unwrap_or(usize::MAX)
    }

    /// Returns how many connections the client has not closed.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    fn open_connection(&self) -> ClientEnd {
        // Numbered by connect and not by request, as `Server` does.
        let number = self.counts.made.fetch_add(1, Ordering::SeqCst);
        self.counts.open.fetch_add(1, Ordering::SeqCst);
        let (mut end, server_end) = pipe(self.capacity);
        end.pieces = self.pieces;
        let handler = self.handler.clone();
        let server = Box::pin(async move {
            let reset = server_end.reset_handle();
            let connection = ServerConnection { handler: &*handler, number, reset: &|| reset.reset() };
            // An error is ignored here: the client sees it too.
            let _ = connection.serve(Box::new(server_end)).await;
        });
        // The server is polled once before it can be woken.
        let waker = Arc::new(ServerWaker { is_woken: AtomicBool::new(true), tasks: Mutex::default() });
        ClientEnd { end, server: Some(Mutex::new(server)), waker, counts: self.counts.clone(), version: self.version }
    }
}

impl fmt::Debug for MemoryConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (connections, open) = (self.connections(), self.open());
        f.debug_struct("MemoryConnector")
            .field("connections", &connections)
            .field("open", &open)
            .finish_non_exhaustive()
    }
}

impl Connector for MemoryConnector {
    fn may_speak_http2(&self, _origin: &Origin) -> bool {
        self.version == Version::HTTP_2
    }

    fn connect<'a>(&'a self, _origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut has_waited = self.pieces.is_none();
            poll_fn(|cx| match std::mem::replace(&mut has_waited, true) {
                true => Poll::Ready(()),
                false => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
            Ok(Box::new(self.open_connection()) as Box<dyn Transport>)
        })
    }
}

/// The waker that the server is polled with. It wakes the tasks that poll the client's end.
struct ServerWaker {
    /// Whether the server was woken since it was last polled.
    is_woken: AtomicBool,
    /// The task that reads and the task that writes.
    tasks: Mutex<[Option<Waker>; 2]>,
}

/// A task that polls the client's end.
#[derive(Clone, Copy)]
enum PollingTask {
    Reader,
    Writer,
}

impl ServerWaker {
    /// Sets the waker of a task. Returns the replaced waker, which the caller drops without the lock.
    fn set(&self, task: PollingTask, waker: Option<Waker>) -> Option<Waker> {
        let mut tasks = self.lock();
        let [reader, writer] = &mut *tasks;
        let slot = match task {
            PollingTask::Reader => reader,
            PollingTask::Writer => writer,
        };
        std::mem::replace(slot, waker)
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for ServerWaker {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        let tasks = std::mem::take(&mut *self.lock());
        tasks.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The client's end of a connection, which also holds the server at the other end.
struct ClientEnd {
    end: PipeEnd,
    /// The mutex is never locked: it makes the future `Sync`, and so the transport.
    server: Option<Mutex<BoxFuture<'static, ()>>>,
    waker: Arc<ServerWaker>,
    counts: Arc<ConnectionCounts>,
    version: Version,
}

impl ClientEnd {
    /// Polls the server if it was woken. Returns whether it was polled.
    fn poll_server(&mut self) -> bool {
        if !self.waker.is_woken.swap(false, Ordering::SeqCst) {
            return false;
        }
        let Some(server) = &mut self.server else { return false };
        let waker = Waker::from(self.waker.clone());
        let server = server.get_mut().unwrap_or_else(PoisonError::into_inner);
        if server.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.server = None;
        }
        true
    }

    /// Runs `operation` on the client's end. While it is pending, the server is polled and `operation` is repeated.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        task: PollingTask,
        mut operation: impl FnMut(&mut PipeEnd, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        for _ in 0..MAX_SERVER_POLLS {
            // The waker is set before the server is polled, so that no wake of the server is lost.
            drop(self.waker.set(task, Some(cx.waker().clone())));
            let poll = operation(&mut self.end, cx);
            if poll.is_ready() {
                drop(self.waker.set(task, None));
                return poll;
            }
            // If the server was not woken, another poll would change nothing.
            if self.end.has_deferred() || !self.poll_server() {
                return Poll::Pending;
            }
        }
        // A server that wakes itself without end does not block the test's other tasks.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Transport for ClientEnd {
    fn version(&self) -> Version {
        self.version
    }
}

impl AsyncRead for ClientEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll(cx, PollingTask::Reader, |end, cx| Pin::new(end).poll_read(cx, buffer))
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll(cx, PollingTask::Writer, |end, cx| Pin::new(end).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, PollingTask::Writer, |end, cx| Pin::new(end).poll_close(cx))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
    }
}
