//! Thread models of the pool: a connection belongs to a single request, none is lost, and no waiting request is
//! forgotten.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::io::{AsyncRead, AsyncWrite};
use futures::task::AtomicWaker;

use super::handle::{Acquired, PoolHandle, Waiter};
use super::*;
use crate::message::url::Url;
use crate::runtime::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::runtime::sync::model::{
    JoinHandle, StepClock, ThreadPerTask, block_on, check, join_all, poll_once, repeat_until, spawn,
};
use crate::transport::Transport;

/// A pool with a single key, and the number of its open connections.
#[derive(Clone)]
struct CountedPool {
    handle: PoolHandle,
    clock: StepClock,
    open: Arc<AtomicUsize>,
}

impl CountedPool {
    fn new() -> Self {
        Self::with(Pool::default(), StepClock::default())
    }

    fn with_reaper() -> Self {
        let clock = StepClock::default();
        Self::with(Pool::with_reaper(Arc::new(ThreadPerTask), Arc::new(clock.clone())), clock)
    }

    fn with(pool: Pool, clock: StepClock) -> Self {
        let handle = PoolHandle {
            pool: Arc::new(pool),
            key: PoolKey { origin: Url::parse("http://example.com/").unwrap().origin(), route: None },
            limits: IdleLimits { timeout: Duration::from_secs(1), per_key: 2, total: 2 },
            timer: Arc::new(clock.clone()),
        };
        Self { handle, clock, open: Arc::default() }
    }

    fn thread(&self, work: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let pool = self.clone();
        spawn(move || work(&pool))
    }

    /// Opens a connection. The server closes it when the signal is set.
    fn open(&self) -> (Box<Connection>, Arc<CloseSignal>) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let signal = Arc::<CloseSignal>::default();
        let transport = CountedTransport { open: self.open.clone(), signal: signal.clone() };
        (Box::new(Connection::new(Box::new(transport))), signal)
    }

    /// Opens a connection on another thread.
    fn open_elsewhere(&self) -> oneshot::Receiver<Box<Connection>> {
        let (sender, receiver) = oneshot::channel();
        // The send fails if the request was dropped, which closes the connection.
        self.thread(move |pool| drop(sender.send(pool.open().0)));
        receiver
    }

    /// Gets a connection, as `connect_or_wait` does.
    fn acquire(&self) -> Box<Connection> {
        loop {
            let waiter = match self.handle.clone().acquire(true) {
                Acquired::Idle(connection) => return connection,
                Acquired::Connect(waiter) => waiter,
                Acquired::WaitForBackground(waiter) => match block_on(waiter) {
                    Some(delivered) => return delivered.connection,
                    None => continue,
                },
            };
            match block_on(select(self.open_elsewhere(), waiter)) {
                Either::Left((connection, _)) => return connection.unwrap(),
                Either::Right((delivered, connecting)) => {
                    let Delivered { connection, background, .. } = delivered.unwrap();
                    self.thread(move |pool| {
                        pool.handle.give_back(block_on(connecting).unwrap());
                        drop(background);
                    });
                    return connection;
                }
            }
        }
    }

    /// Joins the waiters, or takes the idle connection.
    fn wait(&self) -> Result<Waiter, Box<Connection>> {
        match self.handle.clone().acquire(false) {
            Acquired::Idle(connection) => Err(connection),
            Acquired::Connect(waiter) | Acquired::WaitForBackground(waiter) => Ok(waiter),
        }
    }

    /// Returns how many connections are idle, and whether the pool remembers a request or a connect.
    fn idle(&self) -> (usize, bool) {
        let mut state = self.handle.pool.lock();
        let mut idle = 0;
        let mut taken = Vec::new();
        while let Some(connection) = state.idle.pop(&self.handle.key) {
            idle += 1;
            taken.push(connection);
        }
        let remembers = !state.waiters.is_empty();
        drop(state);
        drop(taken);
        (idle, remembers)
    }
}

/// Tells a connection that the server has closed it.
#[derive(Default)]
struct CloseSignal {
    is_closed: AtomicBool,
    waker: AtomicWaker,
}

impl CloseSignal {
    fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
        self.waker.wake();
    }
}

/// A transport that counts itself while it is open.
struct CountedTransport {
    open: Arc<AtomicUsize>,
    signal: Arc<CloseSignal>,
}

impl Drop for CountedTransport {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for CountedTransport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, _buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.signal.waker.register(cx.waker());
        if self.signal.is_closed.load(Ordering::SeqCst) { Poll::Ready(Ok(0)) } else { Poll::Pending }
    }
}

impl AsyncWrite for CountedTransport {
    fn poll_write(self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Transport for CountedTransport {}

#[test]
fn every_request_gets_a_connection_and_none_is_lost() {
    check("pool: connections", || {
        let pool = CountedPool::new();
        let request = |pool: &CountedPool| pool.handle.give_back(pool.acquire());
        let threads = [0; 3].map(|_| {
            pool.thread(move |pool| {
                request(pool);
                request(pool);
            })
        });
        join_all(threads);
        // Background connects end on threads of their own. Each open connection is then idle.
        repeat_until(|| pool.handle.pool.lock().waiters.is_empty(), || {});
        let open = pool.open.load(Ordering::SeqCst);
        assert!((1..=2).contains(&open), "{open} connections are open");
        assert_eq!(pool.idle(), (open, false));
        assert_eq!(pool.open.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn connection_of_a_dropped_request_goes_to_the_next() {
    check("pool: dropped requests", || {
        let pool = CountedPool::new();
        let (connection, _signal) = pool.open();
        let dropped = || {
            pool.thread(|pool| match pool.wait() {
                Ok(mut waiter) => {
                    if let Some(Some(delivered)) = poll_once(&mut waiter) {
                        pool.handle.give_back(delivered.connection);
                    }
                    // A request that waits is dropped here, perhaps just after the connection was delivered.
                }
                Err(connection) => pool.handle.give_back(connection),
            })
        };
        let dropped = [dropped(), dropped()];
        // Opens no connection, so it depends on the connection that is given back.
        let waiting = pool.thread(|pool| match pool.wait() {
            Ok(waiter) => pool.handle.give_back(block_on(waiter).unwrap().connection),
            Err(connection) => pool.handle.give_back(connection),
        });
        pool.handle.give_back(connection);
        join_all(dropped.into_iter().chain([waiting]));
        assert_eq!(pool.idle(), (1, false));
    });
}

#[test]
fn idle_reaper_closes_every_idle_connection() {
    check("pool: idle reaper", || {
        let pool = CountedPool::with_reaper();
        let (first, signal) = pool.open();
        let server = spawn(move || signal.close());
        let giver = pool.thread(move |pool| pool.handle.give_back(first));
        let request = pool.thread(|pool| match pool.handle.pool.take(&pool.handle.key, pool.handle.timer.now()) {
            Some(connection) => pool.handle.give_back(connection),
            None => pool.handle.give_back(pool.open().0),
        });
        join_all([server, giver, request]);
        let open = pool.open.clone();
        let clock = pool.clock.clone();
        repeat_until(|| open.load(Ordering::SeqCst) == 0, || clock.advance(Duration::from_millis(100)));
        // The task has ended, or looks again soon: the next idle connection is closed as well.
        pool.handle.give_back(pool.open().0);
        repeat_until(|| open.load(Ordering::SeqCst) == 0, || clock.advance(Duration::from_millis(100)));
        assert_eq!(pool.idle(), (0, false));
    });
}
