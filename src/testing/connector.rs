//! Connections made of scripted bytes.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::Origin;
use crate::runtime::BoxFuture;
use crate::transport::{Connector, Transport};

/// What one scripted connection does, step by step. A step that reads waits until all that was asked of it is written.
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    refused: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// Wait until the client has written a whole head.
    ExpectHead,
    /// Have the reader come again.
    Pause,
    Send(Vec<u8>),
    Reset,
    Silence,
    /// Say nothing until told.
    Hold,
}

impl Script {
    /// A connection that the server closes at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// A connection that cannot be made.
    pub fn refused() -> Self {
        Self { refused: true, ..Self::default() }
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Then waits for a request's head.
    #[must_use]
    pub fn expect_head(self) -> Self {
        self.step(Step::ExpectHead)
    }

    /// Then sends `bytes`, in one piece.
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Then sends `bytes`, one at a time; each keeps its reader waiting for one poll.
    #[must_use]
    pub fn drip(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |script, byte| script.step(Step::Pause).send([*byte]))
    }

    /// Then keeps the reader waiting for one poll.
    #[must_use]
    pub fn pause(self) -> Self {
        self.step(Step::Pause)
    }

    /// Then resets the connection; without this, or silence, the script ends by closing it.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    /// Then says nothing until [`release`](ScriptedConnector::release) is called.
    #[must_use]
    pub fn hold(self) -> Self {
        self.step(Step::Hold)
    }

    /// Then says nothing, for ever.
    #[must_use]
    pub fn silence(self) -> Self {
        self.step(Step::Silence)
    }
}

/// A [`Connector`] whose connections follow [`Script`]s, the first the first. A clone is another handle of it.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client};
///
/// let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
/// let connector = ScriptedConnector::new([Script::new().expect_head().send(answer)]);
/// let client = Client::builder().backend(Agent::new(connector.clone(), ManualTimer::new())).build()?;
/// let text = futures::executor::block_on(async { client.get("http://example.com/a").await?.text().await })?;
/// assert_eq!(text, "hello");
/// assert!(connector.written(0).starts_with("GET /a HTTP/1.1\r\nhost: example.com\r\n"));
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct ScriptedConnector(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    scripts: VecDeque<Script>,
    connections: Vec<Ended>,
    /// How many holds have been let go.
    released: usize,
    /// Those who read a connection that holds.
    held: Vec<Waker>,
}

/// What is known of a connection that was made.
#[derive(Default)]
struct Ended {
    written: Vec<u8>,
    closed: bool,
}

impl ScriptedConnector {
    /// A connector that makes these connections, then refuses.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let state = State { scripts: scripts.into_iter().collect(), ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The number of connections made so far.
    pub fn connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// The number of connections that the client has not closed yet.
    pub fn open(&self) -> usize {
        self.lock().connections.iter().filter(|connection| !connection.closed).count()
    }

    /// Lets a connection that [holds](Script::hold) go on; each call lets go of one hold of each connection.
    pub fn release(&self) {
        let held = {
            let mut state = self.lock();
            state.released += 1;
            std::mem::take(&mut state.held)
        };
        held.into_iter().for_each(Waker::wake);
    }

    /// What the client has written to a connection, counted from 0; bytes that are not UTF-8 become U+FFFD.
    pub fn written(&self, connection: usize) -> String {
        let state = self.lock();
        let written = state.connections.get(connection).map(|connection| connection.written.as_slice());
        String::from_utf8_lossy(written.unwrap_or_default()).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ScriptedConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedConnector").field("connections", &self.connections()).finish_non_exhaustive()
    }
}

impl Connector for ScriptedConnector {
    fn connect<'a>(&'a self, origin: &'a Origin) -> BoxFuture<'a, Result<Box<dyn Transport>>> {
        Box::pin(async move {
            let mut state = self.lock();
            match state.scripts.pop_front() {
                Some(script) if !script.refused => {
                    state.connections.push(Ended::default());
                    let (connector, index) = (self.clone(), state.connections.len() - 1);
                    let steps = script.steps;
                    Ok(Box::new(Scripted { connector, index, steps, heads_seen: 0, holds: 0, reader: None })
                        as Box<dyn Transport>)
                }
                _ => Err(Error::new(ErrorKind::Connect, Phase::Connect, format!("{origin} refuses, as scripted"))),
            }
        })
    }
}

struct Scripted {
    connector: ScriptedConnector,
    index: usize,
    steps: VecDeque<Step>,
    heads_seen: usize,
    holds: usize,
    reader: Option<Waker>,
}

impl Scripted {
    /// How many whole heads the client has written.
    fn heads(&self) -> usize {
        const LINE_END: &[u8] = b" HTTP/1.1\r\n";
        let state = self.connector.lock();
        let written = &state.connections[self.index].written;
        let starts = (0..written.len()).filter(|at| written[*at..].starts_with(LINE_END));
        starts.filter(|at| written[*at..].windows(4).any(|window| window == b"\r\n\r\n")).count()
    }
}

impl Transport for Scripted {}

impl AsyncRead for Scripted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let heads = this.heads();
            match this.steps.front_mut() {
                None => return Poll::Ready(Ok(0)),
                Some(Step::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Some(Step::ExpectHead) if heads > this.heads_seen => {
                    this.heads_seen += 1;
                    this.steps.pop_front();
                }
                Some(Step::Pause) => {
                    this.steps.pop_front();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Hold) => {
                    let mut state = this.connector.lock();
                    if state.released <= this.holds {
                        state.held.push(cx.waker().clone());
                        return Poll::Pending;
                    }
                    this.holds += 1;
                    this.steps.pop_front();
                }
                Some(Step::ExpectHead | Step::Silence) => {
                    this.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Some(Step::Send(bytes)) => {
                    let count = bytes.len().min(buffer.len());
                    buffer[..count].copy_from_slice(&bytes[..count]);
                    bytes.drain(..count);
                    if bytes.is_empty() {
                        this.steps.pop_front();
                    }
                    return Poll::Ready(Ok(count));
                }
            }
        }
    }
}

impl AsyncWrite for Scripted {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let index = self.index;
        self.connector.lock().connections[index].written.extend_from_slice(bytes);
        self.reader.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let index = self.index;
        self.connector.lock().connections[index].closed = true;
    }
}
