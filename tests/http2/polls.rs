//! What requests that follow each other cost: reads and writes of the transport, polls of the request, and polls of the
//! idle task.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc::{UnboundedSender, unbounded};
use futures::channel::oneshot;
use futures::executor::LocalPool;
use futures::io::{AsyncRead, AsyncWrite};
use futures::task::LocalSpawnExt;
use h2::{Ping, PingPong};
use http::{Response, Version};
use tokio_util::compat::FuturesAsyncReadCompatExt;
use waterspout::testing::ManualTimer;
use waterspout::{Agent, BoxFuture, Bytes, Client, Connector, Executor, Origin, Transport};

use crate::net::{End, connection, text};

/// How often things have happened.
#[derive(Default)]
struct Counts {
    reads: AtomicUsize,
    writes: AtomicUsize,
    request_polls: AtomicUsize,
    idle_polls: AtomicUsize,
}

impl Counts {
    fn take(&self) -> [usize; 4] {
        [&self.reads, &self.writes, &self.request_polls, &self.idle_polls].map(|count| count.swap(0, Ordering::Relaxed))
    }
}

/// Counts the polls of a future.
async fn counted<F: Future>(future: F, count: impl Fn()) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        count();
        future.as_mut().poll(cx)
    })
    .await
}

/// The client's end of a connection.
struct CountedEnd {
    end: End,
    counts: Arc<Counts>,
}

impl AsyncRead for CountedEnd {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.counts.reads.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.end).poll_read(cx, buffer)
    }
}

impl AsyncWrite for CountedEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.counts.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.end).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.end).poll_close(cx)
    }
}

impl Transport for CountedEnd {
    fn version(&self) -> Version {
        Version::HTTP_2
    }
}

/// Opens a counted connection and hands the other end to the server.
struct Dialer {
    servers: Mutex<UnboundedSender<End>>,
    counts: Arc<Counts>,
}

impl Connector for Dialer {
    fn connect<'a>(&'a self, _: &'a Origin) -> BoxFuture<'a, waterspout::Result<Box<dyn Transport>>> {
        let (end, server) = connection();
        self.servers.lock().unwrap().unbounded_send(server).unwrap();
        let counts = self.counts.clone();
        Box::pin(async move { Ok(Box::new(CountedEnd { end, counts }) as Box<dyn Transport>) })
    }

    fn may_speak_http2(&self, _: &Origin) -> bool {
        true
    }
}

/// Hands the tasks of the agent to the pool of the test.
#[derive(Clone)]
struct Tasks(Arc<Mutex<UnboundedSender<BoxFuture<'static, ()>>>>);

impl Executor for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let _ = self.0.lock().unwrap().unbounded_send(task);
    }
}

/// Counts its wake-ups.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A client with an idle task, its server, and the pool of tasks that runs them.
struct Setup {
    pool: LocalPool,
    client: Client,
    timer: ManualTimer,
    counts: Arc<Counts>,
    /// Sends PINGs of the server.
    pings: PingPong,
}

impl Setup {
    fn new() -> Self {
        let counts = Arc::<Counts>::default();
        let (servers, mut ends) = unbounded::<End>();
        let (tasks, mut spawned) = unbounded();
        let (send_pings, pings) = oneshot::channel();
        let mut pool = LocalPool::new();
        let server = async move {
            let mut connection = h2::server::handshake(ends.next().await.unwrap().compat()).await.unwrap();
            send_pings.send(connection.ping_pong().unwrap()).unwrap();
            while let Some(Ok((_, mut reply))) = connection.accept().await {
                let mut stream = reply.send_response(Response::new(()), false).unwrap();
                stream.send_data(Bytes::from_static(b"hello"), true).unwrap();
            }
        };
        let (spawner, idle_counts) = (pool.spawner(), counts.clone());
        let background = async move {
            while let Some(task) = spawned.next().await {
                let counts = idle_counts.clone();
                let count = move || _ = counts.idle_polls.fetch_add(1, Ordering::Relaxed);
                spawner.spawn_local(counted(task, count)).unwrap();
            }
        };
        pool.spawner().spawn_local(server).unwrap();
        pool.spawner().spawn_local(background).unwrap();
        let timer = ManualTimer::new();
        let dialer = Dialer { servers: Mutex::new(servers), counts: counts.clone() };
        let agent = Agent::new(dialer, timer.clone()).with_executor(Tasks(Arc::new(Mutex::new(tasks))));
        let client = Client::builder().backend(agent).timer(timer.clone()).build().unwrap();
        assert_eq!(pool.run_until(text(&client, "/")).unwrap(), "hello");
        let pings = pool.run_until(pings).unwrap();
        Self { pool, client, timer, counts, pings }
    }

    /// Sends requests in turn, and counts only the last 100.
    fn send_requests(&mut self, between: Duration) -> [usize; 4] {
        for number in 0..110 {
            if number == 10 {
                self.counts.take();
            }
            let count = || _ = self.counts.request_polls.fetch_add(1, Ordering::Relaxed);
            let request = counted(text(&self.client, "/"), count);
            assert_eq!(self.pool.run_until(request).unwrap(), "hello");
            self.timer.advance(between);
            self.pool.run_until_stalled();
        }
        self.counts.take()
    }
}

#[test]
fn request_without_others_is_written_by_its_first_poll() {
    let [reads, writes, request_polls, _] = Setup::new().send_requests(Duration::ZERO);
    assert_eq!(writes, 100);
    // The request is sent by the first poll, and the response is received by the second.
    assert_eq!(request_polls, 200);
    // The idle connection is read before the request. Then the response is read, and a read waits for more.
    assert_eq!(reads, 300);
}

#[test]
fn request_without_others_is_woken_only_for_its_response() {
    let mut setup = Setup::new();
    for _ in 0..10 {
        let wakes = Arc::<Wakes>::default();
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let mut request = pin!(text(&setup.client, "/"));
        assert!(request.as_mut().poll(&mut cx).is_pending());
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        setup.pool.run_until_stalled();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(matches!(request.as_mut().poll(&mut cx), Poll::Ready(Ok(_))));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn idle_task_is_not_polled_between_requests_that_follow_each_other() {
    for between in [Duration::ZERO, Duration::from_millis(3), Duration::from_millis(50)] {
        let [_, _, _, idle_polls] = Setup::new().send_requests(between);
        assert_eq!(idle_polls, 0, "{between:?} between the requests");
    }
}

#[test]
fn idle_task_answers_pings_between_requests() {
    let mut setup = Setup::new();
    for _ in 0..3 {
        let [_, _, _, idle_polls] = setup.send_requests(Duration::ZERO);
        assert_eq!(idle_polls, 0);
        setup.pings.send_ping(Ping::opaque()).unwrap();
        // The request before may be expected to drive the connection, for 20 ms.
        for _ in 0..3 {
            setup.pool.run_until_stalled();
            setup.timer.advance(Duration::from_millis(20));
        }
        setup.pool.run_until_stalled();
        let pong = poll_fn(|cx| Poll::Ready(setup.pings.poll_pong(cx)));
        assert!(matches!(setup.pool.run_until(pong), Poll::Ready(Ok(_))));
        assert!(setup.counts.take()[3] > 0);
    }
}
