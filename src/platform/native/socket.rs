//! A TCP connection that saves system calls.
//!
//! A look for an answer that finds none costs a system call, and so does a registration with the reactor. With 64
//! connections the rules of [`NextRead`] halve the calls per request. With a single connection, [`Misses`] saves a call.

use std::io::{self, IoSlice, Read};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_io::Async;
use futures::{AsyncRead, AsyncWrite};

use super::fork::{self, ForkedChild};
use crate::message::connection_info::ConnectionInfo;
use crate::transport::{LOOK, Transport};

/// A TCP connection.
pub(super) struct TcpTransport {
    /// Shared only so that a forked child can keep it for ever.
    pub(super) stream: Arc<Async<TcpStream>>,
    pub(super) connection_info: ConnectionInfo,
    /// Whether a read has found nothing, so the next read waits for the reactor first.
    waits_for_reactor: bool,
    next_read: NextRead,
    misses: Misses,
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

/// How many first reads after a write have found no answer, in a row.
///
/// With a slow server, or with a single connection, each such read is a wasted call. After three of them the connection
/// asks the reactor first. After 16 more answers it tries a read again: with more connections or a faster server, direct
/// reads save calls.
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

    /// Counts a first read that has not asked the reactor.
    fn count(&mut self, has_found: bool) {
        self.0 = if has_found { 0 } else { self.0 + 1 };
    }
}

impl TcpTransport {
    pub(super) fn new(stream: Async<TcpStream>) -> Self {
        let remote_address = stream.get_ref().peer_addr().ok();
        let local_address = stream.get_ref().local_addr().ok();
        let connection_info = ConnectionInfo { remote_address, local_address, ..ConnectionInfo::default() };
        Self {
            stream: Arc::new(stream),
            connection_info,
            waits_for_reactor: false,
            next_read: NextRead::Now,
            misses: Misses::default(),
        }
    }

    /// Defers the next read after a successful write.
    fn wrote(&mut self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if self.next_read == NextRead::Now && matches!(written, Poll::Ready(Ok(_))) {
            self.next_read = NextRead::Deferred;
        }
        written
    }
}

impl Drop for TcpTransport {
    fn drop(&mut self) {
        fork::keep_in_child(&self.stream);
    }
}

impl Transport for TcpTransport {
    fn is_idle(&mut self) -> bool {
        // The default would read, and a read after a write is deferred without a look at the socket. A look at an idle
        // connection also needs no registration with the reactor. A forked child shares the socket with its parent and
        // has no reactor.
        if fork::is_child() {
            return false;
        }
        let peeked = self.stream.get_ref().peek(&mut [0]);
        peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
    }

    fn poll_unfit(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // The reactor may report bytes that were read since, so the socket itself is asked.
            let failed = ready!(self.stream.poll_readable(cx)).is_err();
            if failed || !self.is_idle() {
                return Poll::Ready(());
            }
        }
    }

    fn connection_info(&self) -> ConnectionInfo {
        self.connection_info.clone()
    }
}

impl AsyncRead for TcpTransport {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // `is_idle` of a transport over this transport looks at the present state. The reactor reports late, and a deferred read
        // reports nothing: a byte that a server has sent without a request would be missed. So the socket itself is asked.
        // It is known by its data and not by `will_wake`: the functions of a waker may exist in several copies.
        if cx.waker().data() == LOOK.data() {
            if fork::is_child() {
                return Poll::Ready(Err(ForkedChild.into()));
            }
            return match this.stream.get_ref().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
                outcome => Poll::Ready(outcome),
            };
        }
        if this.next_read == NextRead::Deferred {
            if !this.misses.asks_reactor() {
                this.next_read = NextRead::AfterDeferral;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            this.waits_for_reactor = true;
        }
        let mut is_first = this.next_read == NextRead::AfterDeferral && !this.waits_for_reactor;
        this.next_read = NextRead::Now;
        loop {
            // The last read found nothing: another read before the reactor reports would find nothing either.
            if this.waits_for_reactor {
                ready!(this.stream.poll_readable(cx))?;
                this.waits_for_reactor = false;
            }
            let outcome = this.stream.get_ref().read(buffer);
            this.waits_for_reactor = matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if std::mem::take(&mut is_first) {
                this.misses.count(!this.waits_for_reactor);
            }
            match outcome {
                Err(_) if this.waits_for_reactor => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl AsyncWrite for TcpTransport {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut &*self.stream).poll_write(cx, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut &*self.stream).poll_write_vectored(cx, slices);
        self.wrote(written)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is buffered: a write goes to the socket at once.
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is buffered, so there is nothing to flush. `Async::poll_close` would leave the half open.
        match self.stream.get_ref().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            outcome => Poll::Ready(outcome),
        }
    }
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn few_wasted_reads_change_nothing() {
        let mut misses = Misses::default();
        for _ in 0..10 {
            assert_eq!(decisions(&mut misses, 2, false), [false; 2]);
            assert_eq!(decisions(&mut misses, 1, true), [false]);
        }
    }
}
