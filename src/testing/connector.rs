//! A connector for connections that follow a script.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures::{AsyncRead, AsyncWrite};
use http::Version;

use crate::error::{Error, ErrorKind, Phase, Result};
use crate::message::url::Origin;
use crate::runtime::BoxFuture;
use crate::transport::{Connector, Transport};

/// The steps of a scripted connection. The client's reads run the steps in order, and its writes are recorded.
///
/// After the last step the connection is closed.
///
/// # Examples
///
/// ```
/// use waterspout::testing::{ManualTimer, Script, ScriptedConnector};
/// use waterspout::{Agent, Client, ErrorKind};
///
/// // The response is cut off in the middle of its body.
/// let script = Script::new().expect_head().send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe").reset();
/// let agent = Agent::new(ScriptedConnector::new([script]), ManualTimer::new());
/// let client = Client::builder().backend(agent).build()?;
/// let result = futures::executor::block_on(async { client.get("http://example.com/").await?.text().await });
/// assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionClosed);
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script {
    steps: VecDeque<ScriptStep>,
    /// Whether the connection cannot be made.
    is_refused: bool,
}

#[derive(Clone, Debug)]
enum ScriptStep {
    /// Waits until the client has written a complete head.
    ExpectHead,
    /// Makes a read return pending once, and wakes its task.
    Pause,
    Send(Vec<u8>),
    Reset,
    Silence,
    /// Waits for [`ScriptedConnector::release`].
    Hold,
}

impl Script {
    /// Makes an empty script: the server closes the connection at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a script for a connection that cannot be made.
    pub fn refused() -> Self {
        Self { is_refused: true, ..Self::default() }
    }

    fn step(mut self, step: ScriptStep) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Adds a step: waits for the head of a request.
    #[must_use]
    pub fn expect_head(self) -> Self {
        self.step(ScriptStep::ExpectHead)
    }

    /// Adds a step: sends `bytes` in a single piece.
    #[must_use]
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(ScriptStep::Send(bytes.into()))
    }

    /// Adds steps: sends `bytes` a byte at a time, and makes the client's read return pending once before each.
    #[must_use]
    pub fn drip(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |script, byte| script.step(ScriptStep::Pause).send([*byte]))
    }

    /// Adds a step: makes the client's read return pending once.
    #[must_use]
    pub fn pause(self) -> Self {
        self.step(ScriptStep::Pause)
    }

    /// Adds a step: resets the connection.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(ScriptStep::Reset)
    }

    /// Adds a step: sends nothing until [`release`](ScriptedConnector::release) is called.
    #[must_use]
    pub fn hold(self) -> Self {
        self.step(ScriptStep::Hold)
    }

    /// Adds a step: sends nothing any more, and keeps the connection open.
    #[must_use]
    pub fn silence(self) -> Self {
        self.step(ScriptStep::Silence)
    }
}

/// A [`Connector`] that makes scripted connections: the first connection follows the first [`Script`], and so on. A
/// clone is another handle of the same connector.
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
pub struct ScriptedConnector(Arc<Mutex<ConnectorState>>);

#[derive(Default)]
struct ConnectorState {
    scripts: VecDeque<Script>,
    connections: Vec<ConnectionRecord>,
    /// The version of HTTP that the transports report.
    version: Version,
    /// How often [`ScriptedConnector::release`] was called.
    released: usize,
    /// The tasks that read from a connection that holds.
    held: Vec<Waker>,
}

/// The record of a connection that was made.
#[derive(Default)]
struct ConnectionRecord {
    /// The bytes that the client has written.
    written: Vec<u8>,
    is_closed: bool,
}

impl ScriptedConnector {
    /// Makes a connector for these connections. After the last script it refuses to connect.
    pub fn new(scripts: impl IntoIterator<Item = Script>) -> Self {
        let state = ConnectorState { scripts: scripts.into_iter().collect(), ..ConnectorState::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Sets the [version](Transport::version) of HTTP that the client speaks on the connections, as if the server had
    /// selected it. Default: `HTTP_11`.
    #[must_use]
    pub fn version(self, version: Version) -> Self {
        self.lock().version = version;
        self
    }

    /// Returns how many connections were made.
    pub fn connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// Returns how many connections the client has not closed.
    pub fn open(&self) -> usize {
        self.lock().connections.iter().filter(|connection| !connection.is_closed).count()
    }

    /// Ends a [hold](Script::hold) of each connection.
    pub fn release(&self) {
        let held = {
            let mut state = self.lock();
            state.released += 1;
            std::mem::take(&mut state.held)
        };
        held.into_iter().for_each(Waker::wake);
    }

    /// Returns the bytes that the client has written to a connection, counted from 0. Bytes that are not UTF-8 become
    /// U+FFFD.
    pub fn written(&self, connection: usize) -> String {
        let state = self.lock();
        let written = state.connections.get(connection).map(|connection| connection.written.as_slice());
        String::from_utf8_lossy(written.unwrap_or_default()).into_owned()
    }

    fn lock(&self) -> MutexGuard<'_, ConnectorState> {
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
                Some(script) if !script.is_refused => {
                    state.connections.push(ConnectionRecord::default());
                    let transport = ScriptedTransport {
                        connector: self.clone(),
                        index: state.connections.len() - 1,
                        steps: script.steps,
                        heads_seen: 0,
                        holds: 0,
                        reader: None,
                    };
                    Ok(Box::new(transport) as Box<dyn Transport>)
                }
                _ => Err(Error::new(ErrorKind::Connect, Phase::Connect, format!("{origin} refuses, as scripted"))),
            }
        })
    }

    fn may_speak_http2(&self, _origin: &Origin) -> bool {
        self.lock().version == Version::HTTP_2
    }
}

struct ScriptedTransport {
    connector: ScriptedConnector,
    /// The number of the connection.
    index: usize,
    steps: VecDeque<ScriptStep>,
    /// How many heads the script has waited for.
    heads_seen: usize,
    /// How many holds have ended.
    holds: usize,
    /// The task that waits for a head or in silence.
    reader: Option<Waker>,
}

impl ScriptedTransport {
    /// Returns how many complete heads the client has written.
    fn heads(&self) -> usize {
        // Heads are counted by the ends of their request lines.
        const LINE_END: &[u8] = b" HTTP/1.1\r\n";
        let state = self.connector.lock();
        let written = &state.connections[self.index].written;
        let starts = (0..written.len()).filter(|at| written[*at..].starts_with(LINE_END));
        starts.filter(|at| written[*at..].windows(4).any(|window| window == b"\r\n\r\n")).count()
    }
}

impl Transport for ScriptedTransport {
    fn version(&self) -> Version {
        self.connector.lock().version
    }
}

impl AsyncRead for ScriptedTransport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            let heads = this.heads();
            match this.steps.front_mut() {
                // After the last step the connection is closed.
                None => return Poll::Ready(Ok(0)),
                Some(ScriptStep::Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Some(ScriptStep::ExpectHead) if heads > this.heads_seen => {
                    this.heads_seen += 1;
                    this.steps.pop_front();
                }
                Some(ScriptStep::Pause) => {
                    this.steps.pop_front();
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(ScriptStep::Hold) => {
                    let mut state = this.connector.lock();
                    // Counted, so that a release before the hold is reached is not lost.
                    if state.released <= this.holds {
                        state.held.push(cx.waker().clone());
                        return Poll::Pending;
                    }
                    this.holds += 1;
                    this.steps.pop_front();
                }
                Some(ScriptStep::ExpectHead | ScriptStep::Silence) => {
                    this.reader = Some(cx.waker().clone());
                    return Poll::Pending;
                }
                Some(ScriptStep::Send(bytes)) => {
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

impl AsyncWrite for ScriptedTransport {
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let index = self.index;
        self.connector.lock().connections[index].written.extend_from_slice(bytes);
        // The write may complete the head that a read waits for.
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

impl Drop for ScriptedTransport {
    fn drop(&mut self) {
        let index = self.index;
        self.connector.lock().connections[index].is_closed = true;
    }
}
