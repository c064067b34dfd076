//! A client whose servers are written frame by frame. The memory of the process is measured, so the tests take turns.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::executor::LocalPool;
use futures::io::{AsyncRead, AsyncWrite};
use futures::task::LocalSpawnExt;
use peak_alloc::PeakAlloc;
use waterspout::http::Version;
use waterspout::testing::{Http2Frame, ManualTimer};
use waterspout::{Agent, BoxFuture, Client, Connector, Origin, Transport};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

static TURN: Mutex<()> = Mutex::new(());

/// The bytes of a connection.
#[derive(Default)]
struct Pipe {
    to_client: VecDeque<u8>,
    /// How many bytes the client has read.
    taken: usize,
    from_client: Vec<u8>,
    is_closed: bool,
    /// Whether the peer reads nothing, so that the client cannot write.
    is_full: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The client's end of a connection.
struct ClientEnd(Arc<Mutex<Pipe>>);

impl AsyncRead for ClientEnd {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock().unwrap();
        if pipe.to_client.is_empty() {
            pipe.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = io::Read::read(&mut pipe.to_client, buffer)?;
        pipe.taken += count;
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for ClientEnd {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut pipe = self.0.lock().unwrap();
        if pipe.is_full {
            pipe.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        pipe.from_client.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for ClientEnd {
    fn drop(&mut self) {
        self.0.lock().unwrap().is_closed = true;
    }
}

impl Transport for ClientEnd {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}

/// The server's end of a connection.
#[derive(Clone)]
pub(crate) struct Peer(Arc<Mutex<Pipe>>);

impl Peer {
    pub(crate) fn send(&self, bytes: &[u8]) {
        let reader = {
            let mut pipe = self.0.lock().unwrap();
            pipe.to_client.extend(bytes);
            pipe.reader.take()
        };
        reader.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn send_frames(&self, frames: &[Http2Frame]) {
        frames.iter().for_each(|frame| self.send(&frame.to_bytes()));
    }

    /// Reads no more.
    pub(crate) fn stop_reading(&self) {
        self.0.lock().unwrap().is_full = true;
    }

    /// Removes and returns the complete frames of the client.
    pub(crate) fn received(&self) -> Vec<Http2Frame> {
        let mut pipe = self.0.lock().unwrap();
        let preface = if pipe.from_client.starts_with(Http2Frame::PREFACE) { Http2Frame::PREFACE.len() } else { 0 };
        let frames = Http2Frame::parse(&pipe.from_client);
        let length: usize = frames.iter().map(|frame| 9 + frame.payload.len()).sum();
        pipe.from_client.drain(..preface + length);
        frames
    }

    /// Returns how many bytes the client has read.
    pub(crate) fn taken(&self) -> usize {
        self.0.lock().unwrap().taken
    }

    /// Returns whether the client has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().unwrap().is_closed
    }
}

struct Dialer(Arc<Mutex<Vec<Peer>>>);

impl Connector for Dialer {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let pipe = Arc::<Mutex<Pipe>>::default();
            let peer = Peer(pipe.clone());
            // The client has queued its settings before it reads.
            peer.send_frames(&[Http2Frame::settings(&[]), Http2Frame::settings_ack()]);
            self.0.lock().unwrap().push(peer);
            Ok(Box::new(ClientEnd(pipe)) as Box<dyn Transport>)
        })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// A client, and its servers.
pub(crate) struct Rig {
    pub(crate) client: Client,
    timer: ManualTimer,
    tasks: LocalPool,
    peers: Arc<Mutex<Vec<Peer>>>,
    _turn: MutexGuard<'static, ()>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let peers = Arc::<Mutex<Vec<Peer>>>::default();
        let timer = ManualTimer::new();
        let agent = Agent::new(Dialer(peers.clone()), timer.clone());
        let client = Client::builder().backend(agent).timer(timer.clone()).max_active(10_000).build().unwrap();
        Self { client, timer, tasks: LocalPool::new(), peers, _turn: turn }
    }

    pub(crate) fn connects(&self) -> usize {
        self.peers.lock().unwrap().len()
    }

    pub(crate) fn peer(&self, number: usize) -> Peer {
        self.peers.lock().unwrap()[number].clone()
    }

    /// Runs the tasks until none can go on.
    pub(crate) fn run(&mut self) {
        self.tasks.run_until_stalled();
    }

    /// Moves the clock, and runs the tasks.
    pub(crate) fn advance(&mut self, by: std::time::Duration) {
        self.timer.advance(by);
        self.run();
    }

    /// Starts a future in a task of its own.
    pub(crate) fn start<T: 'static>(&mut self, future: impl Future<Output = T> + 'static) -> Started<T> {
        let outcome = Rc::new(RefCell::new(None));
        let result = outcome.clone();
        self.tasks.spawner().spawn_local(async move { *result.borrow_mut() = Some(future.await) }).unwrap();
        self.run();
        Started(outcome)
    }

    /// Gets `/`, and answers it on the connection on which it arrives. Returns the number of that connection.
    #[track_caller]
    pub(crate) fn next_request(&mut self) -> usize {
        self.peers.lock().unwrap().iter().for_each(|peer| drop(peer.received()));
        let next = self.start(get(&self.client));
        let answered = (0..self.connects()).find(|number| {
            let peer = self.peer(*number);
            let head = peer.received().into_iter().find(|frame| frame.kind == Http2Frame::HEADERS);
            head.is_some_and(|head| {
                peer.send_frames(&[ok(head.stream, true)]);
                true
            })
        });
        self.run();
        next.take().expect("the next request hangs").expect("the next request fails");
        answered.expect("the next request was not sent")
    }
}

/// The outcome of a started future.
pub(crate) struct Started<T>(Rc<RefCell<Option<T>>>);

impl<T> Started<T> {
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// The URL of all requests.
pub(crate) const URL: &str = "http://server.test/";

/// Gets the text of the URL.
pub(crate) fn get(client: &Client) -> impl Future<Output = waterspout::Result<String>> + use<> {
    let client = client.clone();
    async move { client.get(URL).await?.text().await }
}

/// A head with status 200.
pub(crate) fn ok(stream: u32, end: bool) -> Http2Frame {
    Http2Frame::headers(stream, &[(":status", "200")], end)
}

/// Measures the memory of the process from now on.
pub(crate) struct Memory {
    before: usize,
}

impl Memory {
    pub(crate) fn new() -> Self {
        ALLOCATOR.reset_peak_usage();
        Self { before: ALLOCATOR.current_usage() }
    }

    /// Returns by how many bytes the memory has grown at its peak.
    pub(crate) fn growth(&self) -> usize {
        ALLOCATOR.peak_usage().saturating_sub(self.before)
    }
}
