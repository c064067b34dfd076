//! Connections in memory to a handler: a whole client and its server without a socket or a thread.

mod pipe;

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::{AsyncRead, AsyncWrite};

use self::pipe::{End, pipe};
use crate::error::Result;
use crate::message::url::Origin;
use crate::runtime::BoxFuture;
use crate::testing::{Handler, Session};
use crate::transport::{Connector, Transport};

/// How many bytes a connection holds in each direction unless set otherwise.
const CAPACITY: usize = 64 * 1024;

/// How often the server is polled before others get a turn.
const TURNS: usize = 64;

/// A [`Connector`] whose connections lead, in memory, to a [`Handler`], whatever the origin. A clone is another handle of it.
///
/// There is no thread and no task: the server runs while the client's end of its connection is polled, and stops when that
/// is dropped. So a test decides what happens when, and with a [`ManualTimer`](crate::testing::ManualTimer) on both
/// sides no time passes but what it lets pass.
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
/// let page = page.now_or_never().expect("the server's time is over")?;
/// assert_eq!(page.text().now_or_never().expect("all is here")?, "example.com/a");
///
/// let mut hasty = client.get("http://example.com/b").timeout(Duration::from_secs(2)).send().boxed();
/// assert!((&mut hasty).now_or_never().is_none());
/// timer.advance(Duration::from_secs(2));
/// assert_eq!(hasty.now_or_never().expect("its time is over").unwrap_err().kind(), ErrorKind::Timeout);
/// // That connection was closed in the middle of an exchange.
/// assert_eq!((connector.connections(), connector.open()), (1, 0));
/// # Ok::<(), waterspout::Error>(())
/// ```
///
/// # Platform
/// Natively only: in a browser a handler's future cannot be part of a [`Transport`].
#[derive(Clone)]
pub struct MemoryConnector {
    handler: Arc<dyn Handler>,
    counts: Arc<Counts>,
    capacity: usize,
    pieces: Option<usize>,
}

#[derive(Default)]
struct Counts {
    made: AtomicU64,
    open: AtomicUsize,
}

impl MemoryConnector {
    /// Connections to this handler.
    pub fn new(handler: impl Handler) -> Self {
        Self { handler: Arc::new(handler), counts: Arc::default(), capacity: CAPACITY, pieces: None }
    }

    /// Sets how many bytes a connection holds in each direction before whoever writes has to wait. Default: 64 KiB. Zero
    /// counts as one.
    #[must_use]
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.capacity = bytes.max(1);
        self
    }

    /// Has the client read and write no more than so many bytes at a time, and wait before each, and before a connection is
    /// there: so that a test can stop at every point where a request may have to wait. Zero counts as one.
    #[must_use]
    pub fn in_pieces(mut self, bytes: usize) -> Self {
        self.pieces = Some(bytes.max(1));
        self
    }

    /// The number of connections made so far.
    pub fn connections(&self) -> usize {
        usize::try_from(self.counts.made.load(Ordering::SeqCst)).unwrap_or(usize::MAX)
    }

    /// The number of connections that the client has not closed yet.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    fn open_one(&self) -> ClientEnd {
        let number = self.counts.made.fetch_add(1, Ordering::SeqCst);
        self.counts.open.fetch_add(1, Ordering::SeqCst);
        let (mut end, server_end) = pipe(self.capacity);
        end.pieces = self.pieces;
        let handler = self.handler.clone();
        let server = Box::pin(async move {
            let breaker = server_end.breaker();
            let session = Session { handler: &*handler, number, reset: &|| breaker.break_off() };
            // One that breaks is the client's to notice.
            let _ = session.serve(Box::new(server_end)).await;
        });
        let drive = Arc::new(Drive { woken: AtomicBool::new(true), tasks: Mutex::default() });
        ClientEnd { end, server: Some(Mutex::new(server)), drive, counts: self.counts.clone() }
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
            Ok(Box::new(self.open_one()) as Box<dyn Transport>)
        })
    }
}

/// Whether the server has something to do, and which tasks of the client's poll it: one that reads, one that writes.
struct Drive {
    woken: AtomicBool,
    tasks: Mutex<[Option<Waker>; 2]>,
}

/// The place of a task among those of a [`Drive`].
#[derive(Clone, Copy)]
enum Task {
    Reads,
    Writes,
}

impl Drive {
    /// Sets who is woken; the one from before comes back, to be dropped after the lock.
    fn set(&self, task: Task, waker: Option<Waker>) -> Option<Waker> {
        let mut tasks = self.lock();
        let [reads, writes] = &mut *tasks;
        let place = match task {
            Task::Reads => reads,
            Task::Writes => writes,
        };
        std::mem::replace(place, waker)
    }

    fn lock(&self) -> MutexGuard<'_, [Option<Waker>; 2]> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Drive {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        let tasks = std::mem::take(&mut *self.lock());
        tasks.into_iter().flatten().for_each(Waker::wake);
    }
}

/// The client's end of a connection, and the server at the other.
struct ClientEnd {
    end: End,
    /// The lock is never taken: it makes the end `Sync`.
    server: Option<Mutex<BoxFuture<'static, ()>>>,
    drive: Arc<Drive>,
    counts: Arc<Counts>,
}

impl ClientEnd {
    /// Has the server do what it can, if it was woken; says whether it was.
    fn run(&mut self) -> bool {
        if !self.drive.woken.swap(false, Ordering::SeqCst) {
            return false;
        }
        let Some(server) = &mut self.server else { return false };
        let waker = Waker::from(self.drive.clone());
        let server = server.get_mut().unwrap_or_else(PoisonError::into_inner);
        if server.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            self.server = None;
        }
        true
    }

    /// Does something that may have to wait for the server.
    fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        task: Task,
        mut act: impl FnMut(&mut End, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        for _ in 0..TURNS {
            // Before the server is polled, so that no wake is lost.
            drop(self.drive.set(task, Some(cx.waker().clone())));
            let poll = act(&mut self.end, cx);
            if poll.is_ready() {
                drop(self.drive.set(task, None));
                return poll;
            }
            if self.end.rests() || !self.run() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Transport for ClientEnd {}

impl AsyncRead for ClientEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll(cx, Task::Reads, |end, cx| Pin::new(end).poll_read(cx, buffer))
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().poll(cx, Task::Writes, |end, cx| Pin::new(end).poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll(cx, Task::Writes, |end, cx| Pin::new(end).poll_close(cx))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::SeqCst);
    }
}
