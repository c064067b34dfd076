//! Plain bytes over any connection, read up to a length, a delimiter or the end: Tornado's `IOStream`.
//!
//! ```text
//! read  ◀── StreamInput  ◀──┐
//!                           ├── Transport ──▶ wakes StreamWaiters, which wake the tasks
//! write ──▶ StreamOutput ──▶┘
//! ```
//!
//! `state` has the connection and the two buffers, `waiters` the futures that wait. The methods of [`IoStream`] are in
//! `read`, `write`, `connection` and `info`. A stream is driven by the futures that its user polls, and has no task of
//! its own.

mod budget;
mod connection;
mod info;
mod limit;
mod output;
mod read;
#[cfg(feature = "regex")]
mod regex;
mod search;
mod state;
mod waiters;
mod write;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub use self::limit::StreamLimit;
#[cfg(feature = "regex")]
pub use self::regex::Regex;
use self::state::{StreamConnection, StreamState};
use self::waiters::{StreamWaiter, StreamWaiters};
pub use self::write::Write;
use crate::error::Result;
use crate::runtime::MaybeSend;
use crate::transport::Transport;

/// A connection with bounded buffers on both sides. A read ends at a length, a delimiter, a pattern or the end of the
/// stream; writes are sent in the order in which they were queued.
///
/// All methods take `&self`, so a task can read while another task writes, through a reference or an `Arc`. A second
/// read is refused while a read is running. Nothing happens in the background: every future of the stream sends the
/// queued bytes when it is polled; reads and [`closed`](Self::closed) also receive. Dropping the stream closes the
/// connection at once.
///
/// A task that reads or writes in a loop lets other tasks run, even if it never has to wait. After at most 64 calls or
/// 512 KiB that were received, searched, handed out or sent, the next future is pending once and wakes its task at once.
///
/// # Errors
/// Errors are in the phase [`Stream`](crate::Phase::Stream), except for the errors of connecting. Their kinds are:
///
/// - [`ConnectionClosed`](crate::ErrorKind::ConnectionClosed) if the stream ended too early, was reset or was closed
///   here.
/// - [`LimitExceeded`](crate::ErrorKind::LimitExceeded) at a limit, with a [`StreamLimit`] as the source. A read that
///   exceeds a limit closes the stream.
/// - [`Tls`](crate::ErrorKind::Tls) if TLS failed, for example because the peer sent an alert.
/// - [`Io`](crate::ErrorKind::Io) if the connection failed otherwise.
///
/// # Cancellation
/// A dropped read has taken no byte. A dropped write is still sent when another future of the stream is polled.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{Script, ScriptedConnector};
/// use waterspout::{Connector, Url};
/// use waterspout::tornado::IoStream;
///
/// # futures::executor::block_on(async {
/// let server = ScriptedConnector::new([Script::new().send("220 ready\r\nmore")]);
/// let origin = Url::parse("http://mail.example")?.origin();
/// let stream = IoStream::connecting(async move { server.connect(&origin).await });
/// stream.write("EHLO me\r\n").await?;
/// assert_eq!(stream.read_until("\r\n", 512).await?, "220 ready\r\n");
/// assert_eq!(stream.read_until_close().await?, "more");
/// # Ok::<(), waterspout::Error>(())
/// # }).unwrap();
/// ```
pub struct IoStream {
    state: Mutex<StreamState>,
    waiters: Arc<StreamWaiters>,
    /// The waker that the transport is polled with: it wakes the tasks in `waiters`.
    waker: Waker,
}

impl IoStream {
    /// Makes a stream over an open connection.
    pub fn new(transport: impl Transport) -> Self {
        Self::with_connection(StreamConnection::Open(Box::new(transport)))
    }

    /// Makes a stream over a connection that is still being made. Writes are queued until the connection is open, and
    /// reads wait for it. The future `connection` is polled by the futures of the stream, so it must not use the stream
    /// itself.
    pub fn connecting(connection: impl Future<Output = Result<Box<dyn Transport>>> + MaybeSend + 'static) -> Self {
        Self::with_connection(StreamConnection::Connecting(Box::pin(connection)))
    }

    fn with_connection(connection: StreamConnection) -> Self {
        let waiters = Arc::<StreamWaiters>::default();
        Self { state: Mutex::new(StreamState::new(connection)), waker: Waker::from(waiters.clone()), waiters }
    }

    /// Sets how many received bytes may wait to be read. It is also the maximum that a single read returns. Default:
    /// 100 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use waterspout::ErrorKind;
    /// use waterspout::testing::{Script, ScriptedConnector};
    /// use waterspout::tornado::IoStream;
    /// use waterspout::{Connector, Url};
    ///
    /// # futures::executor::block_on(async {
    /// let server = ScriptedConnector::new([Script::new().send("twenty bytes of data")]);
    /// let origin = Url::parse("http://mail.example")?.origin();
    /// let stream = IoStream::connecting(async move { server.connect(&origin).await }).max_read_buffer(16);
    /// let error = stream.read_until_close().await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    /// # Ok::<(), waterspout::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn max_read_buffer(self, bytes: usize) -> Self {
        self.lock().input.max = bytes;
        self
    }

    /// Sets how many bytes may wait to be sent. A write beyond that is refused. Default: 100 MiB.
    #[must_use]
    pub fn max_write_buffer(self, bytes: usize) -> Self {
        self.lock().output.max = bytes;
        self
    }

    /// Makes a step for the future `waiter`, which joins the waiters if the step is pending.
    ///
    /// The context that `step` gets has the waker of all waiters. The waker in `cx` is that of the future's task alone.
    fn drive<T>(
        &self,
        waiter: StreamWaiter,
        cx: &mut Context<'_>,
        step: impl FnOnce(&mut StreamState, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.step(step, |outcome| Some((waiter, outcome.is_pending().then(|| cx.waker().clone()))))
    }

    /// Makes a step that no future waits for.
    fn change<T>(&self, change: impl FnOnce(&mut StreamState, &mut Context<'_>) -> T) -> T {
        self.step(change, |_| None)
    }

    fn step<T>(
        &self,
        step: impl FnOnce(&mut StreamState, &mut Context<'_>) -> T,
        waiter: impl FnOnce(&T) -> Option<(StreamWaiter, Option<Waker>)>,
    ) -> T {
        let mut state = self.lock();
        self.waiters.begin_step();
        // The transport gets the common waker, since a task that reads also sends and vice versa.
        let outcome = step(&mut state, &mut Context::from_waker(&self.waker));
        let changes = std::mem::take(&mut state.changes);
        let (wakers, _replaced) = self.waiters.end_step(waiter(&outcome), &changes);
        // A task that is woken or dropped may lock the state.
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, StreamState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for IoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let connection = match state.connection {
            StreamConnection::Connecting(_) => "connecting",
            StreamConnection::Open(_) => "open",
            StreamConnection::Closed(_) => "closed",
        };
        f.debug_struct("IoStream")
            .field("connection", &connection)
            .field("received", &state.input.data().len())
            .finish_non_exhaustive()
    }
}

/// Removes a future from the waiters of a stream when it is dropped.
struct WaitGuard<'a> {
    stream: &'a IoStream,
    waiter: StreamWaiter,
}

impl Drop for WaitGuard<'_> {
    fn drop(&mut self) {
        self.stream.waiters.leave(self.waiter);
    }
}
