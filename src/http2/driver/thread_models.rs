//! Thread models of the hand-over between the requests of a connection: a request that is polled always takes the work.
//!
//! The driver is the real driver. `h2` has locks of `std`, which a scheduler cannot switch at, so a small server stands in
//! for it and the transport. It calls the driver's wakers where `h2` does: under its lock.

use std::collections::BTreeMap;
use std::task::Poll;

use futures::future::poll_fn;

use super::*;
use crate::runtime::lock::Lock;
use crate::runtime::sync::model::{JoinHandle, StepClock, block_on, check, join_all, repeat_until, spawn};

/// What a server has sent and no request has read.
#[derive(Default)]
struct UnreadParts {
    /// The stream of each part.
    streams: Vec<usize>,
    /// The waker of the connection, once a read has found nothing.
    waker: Option<Waker>,
}

/// What `h2` has read.
#[derive(Default)]
struct ReadParts {
    /// The number of parts of each stream.
    counts: BTreeMap<usize, usize>,
    /// The wakers of the streams.
    wakers: BTreeMap<usize, Waker>,
}

/// A connection, with the calls into the driver that `Http2Connection` and `Http2Stream` make.
struct ModelConnection {
    driver: Arc<ConnectionDriver>,
    waker: Waker,
    unread: Lock<UnreadParts>,
    read: Lock<ReadParts>,
    /// Locked while a request drives the connection.
    io: Lock<()>,
    clock: StepClock,
    /// How many requests have ended.
    ended: AtomicUsize,
}

impl ModelConnection {
    fn new() -> Arc<Self> {
        let clock = StepClock::default();
        let driver = ConnectionDriver::new(Arc::new(clock.clone()));
        let waker = driver.connection_waker();
        Arc::new(Self {
            driver,
            waker,
            unread: Lock::default(),
            read: Lock::default(),
            io: Lock::default(),
            clock,
            ended: AtomicUsize::new(0),
        })
    }

    /// Sends a part of a response, as the server.
    fn send(&self, stream: usize) {
        let mut unread = self.unread.lock();
        unread.streams.push(stream);
        let waker = unread.waker.take();
        drop(unread);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Reads all parts, if there is anything to do.
    fn drive(&self) {
        if !self.driver.take_work() {
            return;
        }
        let io = self.io.lock();
        loop {
            let mut unread = self.unread.lock();
            let streams = std::mem::take(&mut unread.streams);
            if streams.is_empty() {
                unread.waker = Some(self.waker.clone());
                break;
            }
            drop(unread);
            let mut read = self.read.lock();
            for stream in streams {
                *read.counts.entry(stream).or_default() += 1;
                // As in `h2`: under the lock.
                read.wakers.remove(&stream).into_iter().for_each(Waker::wake);
            }
        }
        drop(io);
    }

    /// Takes a part of a stream that has been read.
    fn take_part(&self, stream: usize) -> Poll<()> {
        let mut read = self.read.lock();
        match read.counts.get_mut(&stream) {
            Some(count) if *count > 0 => {
                *count -= 1;
                Poll::Ready(())
            }
            _ => {
                let waker = self.driver.stream_waker(stream);
                read.wakers.insert(stream, waker);
                Poll::Pending
            }
        }
    }

    /// Waits for a part, as `Http2Stream::poll` does.
    fn poll_part(&self, stream: usize, cx: &mut Context<'_>) -> Poll<()> {
        let _inside = InsideModel::of(self);
        self.driver.begin(stream, cx.waker());
        let mut polled = self.take_part(stream);
        if polled.is_pending() {
            self.drive();
            self.driver.wait(stream);
            polled = self.take_part(stream);
        }
        if polled.is_ready() {
            self.driver.stop_waiting(stream);
        }
        polled
    }

    /// Ends a request, as the drop of an `Http2Stream` does.
    fn leave(&self, stream: usize) {
        let _inside = InsideModel::of(self);
        self.read.lock().wakers.remove(&stream);
        self.drive();
        self.driver.leave(stream);
        self.ended.fetch_add(1, Ordering::SeqCst);
    }

    /// Starts a request that receives this many parts.
    fn request(self: &Arc<Self>, parts: usize) -> (usize, JoinHandle<()>) {
        let stream = self.driver.join();
        let connection = self.clone();
        let thread = spawn(move || {
            (0..parts).for_each(|_| block_on(poll_fn(|cx| connection.poll_part(stream, cx))));
            connection.leave(stream);
        });
        (stream, thread)
    }

    /// Starts a request that is polled a single time and dropped when `is_over` holds.
    fn held_request(self: &Arc<Self>, is_over: impl Fn(&Self) -> bool + Send + 'static) -> (usize, JoinHandle<()>) {
        let stream = self.driver.join();
        let connection = self.clone();
        let thread = spawn(move || {
            let _ = connection.poll_part(stream, &mut Context::from_waker(Waker::noop()));
            repeat_until(|| is_over(&connection), || {});
            connection.leave(stream);
        });
        (stream, thread)
    }

    /// Advances the clock until this many requests have ended.
    fn run(&self, requests: usize) {
        repeat_until(|| self.ended.load(Ordering::SeqCst) >= requests, || self.clock.advance(PATIENCE));
    }

    /// Starts a server that sends a part for each of these streams.
    fn server(self: &Arc<Self>, streams: Vec<usize>) -> JoinHandle<()> {
        let connection = self.clone();
        spawn(move || streams.into_iter().for_each(|stream| connection.send(stream)))
    }
}

/// A call into `h2`, as `connection::Inside`.
struct InsideModel<'a>(&'a ModelConnection);

impl<'a> InsideModel<'a> {
    fn of(connection: &'a ModelConnection) -> Self {
        connection.driver.enter();
        Self(connection)
    }
}

impl Drop for InsideModel<'_> {
    fn drop(&mut self) {
        let mut turns = 0;
        while self.0.driver.exit() && turns < 16 {
            turns += 1;
            self.0.driver.enter();
            self.0.drive();
        }
    }
}

#[test]
fn every_part_reaches_its_request() {
    // The clock stands still: no request may need the watch.
    check("http2 driver: parts", || {
        let connection = ModelConnection::new();
        let (first, first_thread) = connection.request(2);
        let (second, second_thread) = connection.request(1);
        let (third, third_thread) = connection.request(1);
        let servers = [connection.server(vec![first, second]), connection.server(vec![third, first])];
        join_all(servers.into_iter().chain([first_thread, second_thread, third_thread]));
    });
}

#[test]
fn dropped_request_hands_the_work_on() {
    check("http2 driver: dropped requests", || {
        let connection = ModelConnection::new();
        let (dropped, dropped_thread) = connection.held_request(|_| true);
        let (stays, stays_thread) = connection.request(2);
        let (other, other_thread) = connection.request(1);
        let server = connection.server(vec![other, stays, dropped, stays]);
        join_all([dropped_thread, stays_thread, other_thread, server]);
    });
}

#[test]
fn held_requests_delay_other_requests_by_the_watch_alone() {
    check("http2 driver: held requests", || {
        let connection = ModelConnection::new();
        let have_ended = |connection: &ModelConnection| connection.ended.load(Ordering::SeqCst) >= 2;
        let (held, held_thread) = connection.held_request(have_ended);
        let (first, first_thread) = connection.request(2);
        let (second, second_thread) = connection.request(1);
        let server = connection.server(vec![held, second, first, first]);
        repeat_until(|| have_ended(&connection), || connection.clock.advance(PATIENCE));
        join_all([held_thread, first_thread, second_thread, server]);
    });
}

#[test]
fn idle_task_reads_while_no_request_waits() {
    check("http2 driver: idle task", || {
        let connection = ModelConnection::new();
        let (request, request_thread) = connection.request(1);
        let last = request + 1;
        let idle = spawn({
            let connection = connection.clone();
            // As `Http2Connection::poll_idle`, until the last part was read.
            move || {
                block_on(poll_fn(|cx| {
                    connection.driver.set_idle_task(cx.waker());
                    connection.driver.add_work();
                    {
                        let _inside = InsideModel::of(&connection);
                        connection.drive();
                    }
                    connection.take_part(last)
                }));
                connection.ended.fetch_add(1, Ordering::SeqCst);
            }
        });
        connection.send(request);
        connection.run(1);
        join_all([request_thread]);
        // No request is left that could read it.
        connection.send(last);
        connection.run(2);
        join_all([idle]);
    });
}
