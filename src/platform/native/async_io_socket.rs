//! Sockets on the reactor of `async-io`, which has a thread of its own.
//!
//! A look for an answer that finds none costs a system call, and so does a registration with the reactor. With 64
//! connections the rules of [`NextRead`] halve the calls per request. With a single connection, [`Misses`] saves a call.
//! It saves another call where a task reads on after an answer, as HTTP/2 does.

use std::io::{self, IoSlice, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_io::Async;
use futures::AsyncWrite;
use socket2::{SockRef, Socket};

use super::reactor::{Reactor, ReactorSocket, peek};
use crate::error::Result;

/// The reactor of `async-io`.
pub(super) struct AsyncIoReactor;

impl Reactor for AsyncIoReactor {
    fn check(&self) -> Result<()> {
        Ok(())
    }

    fn register(&self, socket: Socket) -> io::Result<Box<dyn ReactorSocket>> {
        Ok(Box::new(AsyncIoSocket::new(Async::new_nonblocking(TcpStream::from(socket))?)))
    }
}

/// A socket on the reactor of `async-io`.
pub(in crate::platform) struct AsyncIoSocket<S> {
    stream: Async<S>,
    /// Whether a read has found nothing, so the next read waits for the reactor first.
    waits_for_reactor: bool,
    /// Whether the last poll waited for the reactor.
    was_pending: bool,
    next_read: NextRead,
    /// First reads after a write.
    misses: Misses,
    /// Whether the last read has not filled its buffer: the socket was probably empty then.
    was_short: bool,
    /// Reads right after a short read.
    further_misses: Misses,
}

/// What the next read does.
#[derive(Clone, Copy, PartialEq)]
enum NextRead {
    /// Reads from the socket.
    Now,
    /// Returns pending once, and lets other tasks run. Something was just written, so no answer can have arrived: this
    /// saves the call that would find nothing, and the call to wait for the answer.
    Deferred,
    /// Reads from the socket, and a write in between does not defer it again: otherwise a task that keeps writing would
    /// never see an early answer.
    AfterDeferral,
}

/// How many reads of a kind have found nothing, in a row.
///
/// With a slow server, or with a single connection, each first read after a write is a wasted call. After three of them
/// the connection asks the reactor first. After 16 more answers it tries a read again: with more connections or a faster
/// server, direct reads save calls. The same holds for each read after a short read.
#[derive(Default)]
struct Misses(u8);

impl Misses {
    /// The number of wasted reads after which the reactor is asked first.
    const PATIENCE: u8 = 3;

    /// The number of answers for which the reactor is then asked first.
    const ANSWERS: u8 = 16;

    /// Decides for an answer whether the reactor is asked first.
    fn asks_reactor(&mut self) -> bool {
        if self.0 < Self::PATIENCE {
            return false;
        }
        self.0 += 1;
        if self.0 > Self::PATIENCE + Self::ANSWERS {
            // A single wasted read is now enough to ask the reactor again.
            self.0 = Self::PATIENCE - 1;
            return false;
        }
        true
    }

    /// Counts a read that has not asked the reactor.
    fn count(&mut self, has_found: bool) {
        self.0 = if has_found { 0 } else { self.0 + 1 };
    }
}

impl<S> AsyncIoSocket<S> {
    pub(in crate::platform) fn new(stream: Async<S>) -> Self {
        Self {
            stream,
            waits_for_reactor: false,
            was_pending: false,
            next_read: NextRead::Now,
            misses: Misses::default(),
            was_short: false,
            further_misses: Misses::default(),
        }
    }

    /// Defers the next read after a successful write. A read that waits for the reactor needs no deferral: the reactor
    /// wakes its task for the answer.
    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let may_defer = self.next_read == NextRead::Now && !self.was_pending;
        if may_defer && matches!(written, Poll::Ready(Ok(_))) {
            self.next_read = NextRead::Deferred;
            self.was_short = false;
        }
        written
    }
}

impl<S: Send + Sync + 'static> AsyncIoSocket<S> {
    /// Waits until the reactor reports that the socket can be read.
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A report that is there already is of bytes that were read since. The next call registers the task, and bytes
        // that have arrived meanwhile are reported again.
        match self.stream.poll_readable(cx)? {
            Poll::Ready(()) => self.stream.poll_readable(cx),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: Send + Sync + 'static> ReactorSocket for AsyncIoSocket<S>
where
    for<'a> &'a S: Read + Write,
    for<'a> SockRef<'a>: From<&'a S>,
{
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.stream.get_ref())
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.next_read == NextRead::Deferred {
            if !self.misses.asks_reactor() {
                self.next_read = NextRead::AfterDeferral;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.waits_for_reactor = true;
        }
        let is_further = std::mem::take(&mut self.was_short) && !self.waits_for_reactor;
        self.waits_for_reactor |= is_further && self.further_misses.asks_reactor();
        let mut is_further = is_further && !self.waits_for_reactor;
        let mut is_first = self.next_read == NextRead::AfterDeferral && !self.waits_for_reactor;
        self.next_read = NextRead::Now;
        loop {
            // The last read found nothing: another read before the reactor reports would find nothing either.
            // After a wait, the socket is asked before the reactor. On another executor, the reactor's thread may report an
            // event in the turn in which the task registered. `poll_readable` takes that event for an old event: it returns
            // pending and registers again, and so on in each turn.
            if self.waits_for_reactor && !std::mem::take(&mut self.was_pending) {
                self.was_pending = true;
                ready!(self.poll_readable(cx))?;
                self.was_pending = false;
            }
            let outcome = self.stream.get_ref().read(buffer);
            self.waits_for_reactor = matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            self.was_short = outcome.as_ref().is_ok_and(|count| *count < buffer.len());
            if std::mem::take(&mut is_first) {
                self.misses.count(!self.waits_for_reactor);
            }
            if std::mem::take(&mut is_further) {
                self.further_misses.count(!self.waits_for_reactor);
            }
            match outcome {
                Err(_) if self.waits_for_reactor => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut &self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(&mut self, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut &self.stream).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.poll_writable(cx)
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The reactor may report bytes that were read since, so the socket itself is asked.
            let failed = ready!(self.stream.poll_readable(cx)).is_err();
            let peeked = peek(&self.socket());
            if failed || peeked.is_ok() || peeked.is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
                return Poll::Ready(());
            }
        }
    }
}

// Systems other than Unix have other handles of sockets.
#[cfg(all(test, unix))]
#[path = "async_io_socket_reads_tests.rs"]
mod reads_tests;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::{Arc, Condvar, Mutex};
    use std::task::{Wake, Waker};

    use super::*;

    /// Makes `answers` first reads, and returns for each whether the reactor was asked first.
    fn decisions(misses: &mut Misses, answers: usize, has_found: bool) -> Vec<bool> {
        let decide = |_| {
            let asks_reactor = misses.asks_reactor();
            if !asks_reactor {
                misses.count(has_found);
            }
            asks_reactor
        };
        (0..answers).map(decide).collect()
    }

    #[test]
    fn reactor_is_asked_first_after_wasted_reads() {
        let mut misses = Misses::default();
        assert_eq!(decisions(&mut misses, 3, false), [false; 3]);
        assert_eq!(decisions(&mut misses, 16, false), [true; 16]);
        // A single direct read shows whether the server has become faster.
        assert_eq!(decisions(&mut misses, 1, false), [false]);
        assert_eq!(decisions(&mut misses, 16, false), [true; 16]);
        assert_eq!(decisions(&mut misses, 10, true), [false; 10]);
    }

    /// Counts wakes, and lets a thread wait for them.
    #[derive(Default)]
    pub(super) struct Wakes(pub(super) Mutex<usize>, pub(super) Condvar);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() += 1;
            self.1.notify_all();
        }
    }

    #[test]
    fn woken_read_asks_the_socket_before_the_reactor() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut socket = AsyncIoSocket::new(Async::new(stream).unwrap());
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(wakes.clone());
        let mut cx = Context::from_waker(&waker);
        let mut buffer = [0; 8];
        for read in 1..=20 {
            assert!(socket.poll_read(&mut cx, &mut buffer).is_pending());
            server.write_all(b"x").unwrap();
            // The reactor's thread waits since before the registration, so it reports the event in the same turn.
            drop(wakes.1.wait_while(wakes.0.lock().unwrap(), |wakes| *wakes < read).unwrap());
            assert!(matches!(socket.poll_read(&mut cx, &mut buffer), Poll::Ready(Ok(1))), "read {read}");
        }
    }

    #[test]
    fn few_wasted_reads_change_nothing() {
        let mut misses = Misses::default();
        for _ in 0..10 {
            assert_eq!(decisions(&mut misses, 2, false), [false; 2]);
            assert_eq!(decisions(&mut misses, 1, true), [false]);
        }
    }
}
