//! A handle to the HTTP/2 connections of a server, for a test.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

use super::{Http2Action, Http2Frame};

/// A handle to the HTTP/2 connections of a handler: a test runs actions on them, and reads which frames the clients
/// have sent. A clone is another handle of the same connections.
///
/// # Examples
///
/// An idle connection that the server retires:
///
/// ```
/// use futures::FutureExt;
/// use waterspout::http::Version;
/// use waterspout::testing::{
///     Http2Action, Http2Config, Http2Control, Http2Frame, ManualTimer, MemoryConnector, Reply, handler,
/// };
/// use waterspout::{Agent, Client};
///
/// let control = Http2Control::new();
/// let server = Http2Config::new().control(&control).wrap(handler(|_| async { Reply::text("hello") }.boxed()));
/// let connector = MemoryConnector::new(server).version(Version::HTTP_2);
/// let client = Client::builder().backend(Agent::new(connector.clone(), ManualTimer::new())).build()?;
/// futures::executor::block_on(async {
///     client.get("http://example.com/").await?.text().await?;
///     assert_eq!(control.open(), 1);
///     assert!(control.take_received().iter().any(|(_, frame)| frame.kind == Http2Frame::HEADERS));
///     control.run(Http2Action::GracefulShutdown);
///     client.get("http://example.com/").await?.text().await
/// })?;
/// # Ok::<(), waterspout::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Http2Control(Arc<Mutex<ControlState>>);

#[derive(Default)]
struct ControlState {
    connections: Vec<ControlledConnection>,
    /// How many connections were ever added.
    added: u64,
    received: Vec<(u64, Http2Frame)>,
}

struct ControlledConnection {
    /// Differs from the number if several servers share the handle.
    id: u64,
    number: u64,
    actions: Vec<Http2Action>,
    waker: Option<Waker>,
}

impl Http2Control {
    /// Makes a handle without connections.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `action` on each open connection, after the frames that the server has already made. Over the connector in
    /// memory it happens when the client next polls its end.
    pub fn run(&self, action: Http2Action) {
        self.run_where(|_| true, &action);
    }

    /// Runs `action` on the connection with this number, if it is open; see
    /// [`Incoming::connection`](crate::testing::Incoming::connection).
    pub fn run_on(&self, connection: u64, action: Http2Action) {
        self.run_where(|number| number == connection, &action);
    }

    fn run_where(&self, is_meant: impl Fn(u64) -> bool, action: &Http2Action) {
        let mut wakers = Vec::new();
        for connection in self.lock().connections.iter_mut().filter(|connection| is_meant(connection.number)) {
            connection.actions.push(action.clone());
            wakers.extend(connection.waker.take());
        }
        // Woken without the lock, because the task may run an action itself.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns how many connections are open.
    pub fn open(&self) -> usize {
        self.lock().connections.len()
    }

    /// Removes the frames that the clients have sent and returns them in the order in which they came, each with the
    /// number of its connection. Of each payload the first 16,384 bytes are kept.
    pub fn take_received(&self) -> Vec<(u64, Http2Frame)> {
        std::mem::take(&mut self.lock().received)
    }

    pub(super) fn record(&self, connection: u64, frame: Http2Frame) {
        self.lock().received.push((connection, frame));
    }

    /// Adds a connection. It is removed when the returned handle is dropped.
    pub(super) fn register(&self, number: u64) -> RegisteredConnection {
        let mut state = self.lock();
        state.added += 1;
        let id = state.added;
        state.connections.push(ControlledConnection { id, number, actions: Vec::new(), waker: None });
        RegisteredConnection { control: self.clone(), id }
    }

    fn lock(&self) -> MutexGuard<'_, ControlState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Http2Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http2Control").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// A connection that a test controls.
pub(super) struct RegisteredConnection {
    control: Http2Control,
    id: u64,
}

impl RegisteredConnection {
    /// Takes the actions that the test has asked for. The task of `cx` is woken for the next action.
    pub(super) fn take_actions(&self, cx: &Context<'_>) -> Vec<Http2Action> {
        let mut state = self.control.lock();
        let Some(connection) = state.connections.iter_mut().find(|connection| connection.id == self.id) else {
            return Vec::new();
        };
        let replaced = connection.waker.replace(cx.waker().clone());
        let actions = std::mem::take(&mut connection.actions);
        drop(state);
        drop(replaced);
        actions
    }
}

impl Drop for RegisteredConnection {
    fn drop(&mut self) {
        let mut state = self.control.lock();
        let position = state.connections.iter().position(|connection| connection.id == self.id);
        // In a binding, so that the waker is dropped after the lock is released.
        let _removed = position.map(|position| state.connections.swap_remove(position));
        drop(state);
    }
}
