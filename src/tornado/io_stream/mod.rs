//! Plain bytes over any connection, read up to a length, a delimiter or the end: Tornado's `IOStream`.
//!
//! ```text
//! read ◀── input ◀──┐               tasks: who waits, and who of them
//!                    transport             is woken to drive the rest
//! write ──▶ output ─┘
//! ```

mod limit;
mod output;
mod read;
#[cfg(feature = "regex")]
mod regex;
mod search;
mod state;
mod tasks;
mod watch;
mod write;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

pub use self::limit::StreamLimit;
#[cfg(feature = "regex")]
pub use self::regex::Regex;
use self::state::{Link, State};
use self::tasks::{Role, Tasks};
pub use self::write::Write;
use crate::error::Result;
use crate::runtime::MaybeSend;
use crate::transport::Transport;

/// A connection with bounded buffers on both sides: reads end at a length, a delimiter, a pattern or the end of the
/// stream, and writes wait their turn.
///
/// All methods take `&self`, so one task reads while another writes, through a reference or an `Arc`. There is one read at a
/// time. Nothing happens in the background: whichever of the stream's futures is polled drives both directions, for all
/// others too. Dropping the stream closes the connection at once.
///
/// # Errors
/// All are in the phase [`Stream`](crate::Phase::Stream), but for those of connecting.
/// [`ConnectionClosed`](crate::ErrorKind::ConnectionClosed) if the stream ended too early, was reset or was closed here,
/// [`LimitExceeded`](crate::ErrorKind::LimitExceeded) at a limit, with a [`StreamLimit`] as its source, and
/// [`Io`](crate::ErrorKind::Io) if the connection failed otherwise. A read that meets a limit closes the stream.
///
/// # Cancellation
/// A read that is dropped has taken no byte. A write that is dropped is still sent, as long as the stream is driven.
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
    state: Mutex<State>,
    tasks: Arc<Tasks>,
    /// Wakes those of `tasks` who can drive the stream on.
    waker: Waker,
}

impl IoStream {
    /// A stream over an open connection.
    pub fn new(transport: impl Transport) -> Self {
        Self::with_link(Link::Open(Box::new(transport)))
    }

    /// A stream over a connection that is still being made. What is written meanwhile is sent once it is there; reads
    /// wait for it. The future is polled by whoever uses the stream, and may not use it itself.
    pub fn connecting(connection: impl Future<Output = Result<Box<dyn Transport>>> + MaybeSend + 'static) -> Self {
        Self::with_link(Link::Connecting(Box::pin(connection)))
    }

    fn with_link(link: Link) -> Self {
        let tasks = Arc::<Tasks>::default();
        Self { state: Mutex::new(State::new(link)), waker: Waker::from(tasks.clone()), tasks }
    }

    /// Sets how many received bytes may wait to be read, which is also the most that one read gives. Default: 100 MiB.
    #[must_use]
    pub fn max_read_buffer(self, bytes: usize) -> Self {
        self.lock().input.most = bytes;
        self
    }

    /// Sets how many bytes may wait to be sent; a write that would make them more is refused. Default: 100 MiB.
    #[must_use]
    pub fn max_write_buffer(self, bytes: usize) -> Self {
        self.lock().output.most = bytes;
        self
    }

    /// Makes a step for a task: it is polled with the waker of all, and waits with its own if it is not ready.
    fn drive<T>(
        &self,
        role: Role,
        cx: &mut Context<'_>,
        step: impl FnOnce(&mut State, &mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.step(step, |outcome| Some((role, outcome.is_pending().then(|| cx.waker().clone()))))
    }

    /// Makes a step that nobody waits for.
    fn change<T>(&self, change: impl FnOnce(&mut State, &mut Context<'_>) -> T) -> T {
        self.step(change, |_| None)
    }

    fn step<T>(
        &self,
        step: impl FnOnce(&mut State, &mut Context<'_>) -> T,
        task: impl FnOnce(&T) -> Option<(Role, Option<Waker>)>,
    ) -> T {
        let mut state = self.lock();
        self.tasks.hold();
        let outcome = step(&mut state, &mut Context::from_waker(&self.waker));
        let news = std::mem::take(&mut state.news);
        let (due, _before) = self.tasks.release(task(&outcome), &news);
        drop(state);
        due.into_iter().for_each(Waker::wake);
        outcome
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for IoStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        let link = match state.link {
            Link::Connecting(_) => "connecting",
            Link::Open(_) => "open",
            Link::Closed(_) => "closed",
        };
        f.debug_struct("IoStream")
            .field("link", &link)
            .field("received", &state.input.data().len())
            .finish_non_exhaustive()
    }
}

/// A task's place among those who wait, until it is dropped.
struct Seat<'a> {
    stream: &'a IoStream,
    role: Role,
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.stream.tasks.leave(self.role);
    }
}
